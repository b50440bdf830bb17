use super::{
    check,
    create::{address, range},
    join, may, of, part,
};
use crate::{
    Network as Service,
    model::{FloatingIp, Port, PortForwarding, Resource, port_forwarding::Protocol},
    ops::{
        access::{Reach, see},
        common::{Env, expected, save},
    },
    policy::port_forwarding as rules,
};
use kernel::{Ctx, PortId, Result};
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc};
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PortForwardingChanges {
    pub description: Option<String>,
    pub protocol: Option<Protocol>,
    pub external_port: Option<u16>,
    pub external_port_range: Option<String>,
    pub internal_port_id: Option<PortId>,
    pub internal_ip_address: Option<IpAddr>,
    pub internal_port: Option<u16>,
    pub internal_port_range: Option<String>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    fip: &str,
    id: &str,
    changes: PortForwardingChanges,
) -> Result<Arc<PortForwarding>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = may(cx, &snapshot, &reach, fip, &rules::UPDATE)?;
    of(&snapshot, fip, id)?;
    if let Some(port) = &changes.internal_port_id {
        see::<Port>(cx, &snapshot, &reach, port)?;
    }
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.port_forwarding.update", move |tx| apply(tx, &env, &id, &changes)).await
}

fn apply(tx: &mut Tx, env: &Env, id: &str, changes: &PortForwardingChanges) -> Result<Arc<PortForwarding>> {
    let old = expected::<PortForwarding>(tx, id, None)?;
    let mut new = PortForwarding::clone(&old);
    if let Some(description) = &changes.description {
        new.standard.description.clone_from(description);
    }
    new.protocol = changes.protocol.unwrap_or(old.protocol);
    new.external = range(changes.external_port_range.as_deref(), changes.external_port).unwrap_or(old.external);
    new.internal = range(changes.internal_port_range.as_deref(), changes.internal_port).unwrap_or(old.internal);
    if let Some(id) = &changes.internal_port_id {
        let port = tx.get::<Port>(id).ok_or_else(|| Port::not_found(id))?;
        new.address = address(&port, changes.internal_ip_address)?;
        new.port = port.id.clone();
    } else if let Some(IpAddr::V4(address)) = changes.internal_ip_address {
        new.address = address;
    }
    if new == *old {
        return Ok(old);
    }
    // It moves as if it had gone: alone on its floating IP it may lead through another router then.
    part(tx, &old, env.now);
    let fip = expected::<FloatingIp>(tx, &old.fip, None)?;
    let router = check(tx, &fip, &new)?;
    join(tx, &new, &router, env.now);
    Ok(save(tx, &old, new, env.now))
}
