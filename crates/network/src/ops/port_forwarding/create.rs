use super::{check, join, may, wrong};
use crate::{
    Network as Service,
    model::{
        FloatingIp, Port, PortForwarding, PortForwardingId, Resource, Standard,
        port_forwarding::{PortRange, Protocol},
    },
    ops::{
        access::{Reach, see},
        common::{Asked, Env, expected},
    },
    policy::port_forwarding as rules,
};
use kernel::{Ctx, PortId, Result};
use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewPortForwarding {
    pub description: String,
    pub protocol: Protocol,
    pub external_port: Option<u16>,
    pub external_port_range: Option<String>,
    pub internal_port_id: PortId,
    pub internal_ip_address: Option<IpAddr>,
    pub internal_port: Option<u16>,
    pub internal_port_range: Option<String>,
}

/// The ports asked for, as a range or as one.
pub(super) fn range(range: Option<&str>, port: Option<u16>) -> Option<PortRange> {
    range.and_then(|r| r.parse().ok()).or_else(|| port.map(PortRange::one))
}

pub async fn create(
    net: &Service,
    cx: &Ctx,
    fip: &str,
    asked: Vec<Asked<NewPortForwarding>>,
) -> Result<Vec<Arc<PortForwarding>>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = may(cx, &snapshot, &reach, fip, &rules::CREATE)?;
    for one in &asked {
        see::<Port>(cx, &snapshot, &reach, &one.body.internal_port_id)?;
    }
    let (env, fip) = (net.env(), fip.to_owned());
    net.store()
        .transact("network.port_forwarding.create", move |tx| {
            asked.iter().map(|one| insert(tx, &env, &fip, &one.body)).collect()
        })
        .await
}

fn insert(tx: &mut Tx, env: &Env, fip: &str, new: &NewPortForwarding) -> Result<Arc<PortForwarding>> {
    let fip = expected::<FloatingIp>(tx, fip, None)?;
    let port = tx.get::<Port>(&new.internal_port_id).ok_or_else(|| Port::not_found(&new.internal_port_id))?;
    let external = range(new.external_port_range.as_deref(), new.external_port);
    let internal = range(new.internal_port_range.as_deref(), new.internal_port);
    let (Some(external), Some(internal)) = (external, internal) else {
        return wrong("external_port and internal_port, or ranges of them, are required");
    };
    let pf = PortForwarding {
        id: PortForwardingId::new(),
        standard: Standard::new(fip.project(), &new.description, env.now),
        fip: fip.id.clone(),
        protocol: new.protocol,
        external,
        port: port.id.clone(),
        address: address(&port, new.internal_ip_address)?,
        internal,
    };
    let router = check(tx, &fip, &pf)?;
    join(tx, &pf, &router, env.now);
    Ok(tx.put(pf))
}

/// The address asked for, or the port's first.
pub(super) fn address(port: &Port, asked: Option<IpAddr>) -> Result<Ipv4Addr> {
    let first = || port.v4().next().map(|ip| ip.address);
    match asked.or_else(first) {
        Some(IpAddr::V4(address)) => Ok(address),
        Some(IpAddr::V6(address)) => wrong(format!(
            "Requested internal IP address {address} is not suitable for internal neutron port {}",
            port.id
        )),
        None => wrong(format!("Requested internal port {} must allocate an IPv4 address at least.", port.id)),
    }
}
