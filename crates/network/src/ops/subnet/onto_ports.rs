//! A subnet with automatic addresses comes or goes: every port of the network has an address there without asking.

use crate::{
    model::{Network, Port, Subnet},
    ops::{common::Env, port::address},
};
use kernel::Result;
use store::Tx;

pub(super) fn came(tx: &mut Tx, env: &Env, subnet: &Subnet) -> Result<()> {
    let Some(network) = tx.get::<Network>(&subnet.network).filter(|_| subnet.is_auto_address()) else { return Ok(()) };
    for port in tx.by(Port::BY_NETWORK, &subnet.network) {
        if let Some(ip) = address::claim_on_new(tx, &network, &port, subnet)? {
            tx.update::<Port>(&port.id, |p| {
                p.fixed_ips.push(ip);
                p.standard.touch(env.now);
            });
        }
    }
    Ok(())
}

/// Takes the subnet's addresses from the ports that have any.
pub(super) fn goes(tx: &mut Tx, subnet: &Subnet, now: kernel::Timestamp) {
    use crate::model::address::AddressClaim;
    for claim in tx.by(AddressClaim::BY_SUBNET, &subnet.id) {
        tx.delete::<AddressClaim>(&AddressClaim::id(&claim.network, claim.address));
        tx.update::<Port>(&claim.port, |p| {
            p.fixed_ips.retain(|ip| ip.address != claim.address);
            p.standard.touch(now);
        });
    }
}
