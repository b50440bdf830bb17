//! The metadata port: one per network that has a DHCP subnet, with an address on each of them, as ML2/OVN has it. Guests reach
//! the metadata service through it on whichever host they are.

use crate::{
    model::{Network, Port, Subnet, port::owner},
    ops::{
        common::Env,
        port::{self, address::AskedIp, create::NewPort},
    },
};
use kernel::{NetworkId, PortId, Result};
use store::Tx;

/// Brings the metadata port in line with the network's subnets. Called by every transaction that changes them; all of those
/// write the network, so two at once conflict.
pub(crate) fn sync(tx: &mut Tx, env: &Env, network: &NetworkId) -> Result<()> {
    let Some(of) = tx.get::<Network>(network) else { return Ok(()) };
    let subnets: Vec<_> = of.subnets.iter().filter_map(|id| tx.get::<Subnet>(id)).collect();
    let wanted: Vec<_> = subnets.iter().filter(|s| s.dhcp).map(|s| AskedIp::on(&s.id)).collect();
    let port = of.metadata_port.as_ref().and_then(|id| tx.get::<Port>(id));
    match (port, wanted.is_empty()) {
        (None, true) => Ok(()),
        (None, false) => {
            let id = PortId::new();
            let new = NewPort {
                device_id: format!("ovnmeta-{network}"),
                device_owner: owner::METADATA.to_owned(),
                fixed_ips: Some(wanted),
                port_security_enabled: Some(false),
                ..NewPort::on(network)
            };
            port::create::insert(tx, env, &id, &of.standard.project, &new)?;
            tx.put(Network { metadata_port: Some(id), ..Network::clone(&of) });
            Ok(())
        }
        (Some(port), true) => {
            port::delete::remove(tx, &port, env.now);
            tx.put(Network { metadata_port: None, ..Network::clone(&of) });
            Ok(())
        }
        (Some(port), false) => move_to(tx, env, &port, &of, &wanted),
    }
}

fn move_to(tx: &mut Tx, env: &Env, port: &Port, network: &Network, wanted: &[AskedIp]) -> Result<()> {
    let addresses = port::address::reassign(tx, network, port, &port.mac, wanted)?;
    if addresses != port.fixed_ips {
        tx.update::<Port>(&port.id, |p| {
            p.fixed_ips = addresses;
            p.standard.touch(env.now);
        });
    }
    Ok(())
}
