//! Trunks.

pub mod create;
pub mod delete;
pub mod subports;
pub mod update;

use crate::{
    error::NetError,
    model::{
        Network, Port, Resource, Trunk,
        port::Role,
        trunk::{SUBPORT_OWNER, SubPort, TrunkEnd, inherited},
    },
};
use kernel::{Result, Timestamp};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

/// A subport as it is asked for; `inherit` takes the segmentation of its network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SubPortAsked {
    pub port_id: String,
    pub segmentation_type: Option<String>,
    pub segmentation_id: Option<i64>,
}

fn port(tx: &mut Tx, id: &str) -> Result<Arc<Port>> {
    tx.get::<Port>(id).ok_or_else(|| Port::not_found(id).into())
}

/// A port that may become a trunk's parent: no other trunk's, and nobody's but a guest's.
fn ensure_parent(port: &Port) -> Result<()> {
    let id = port.id.to_string();
    match &port.trunk {
        Some(TrunkEnd::Sub { .. }) => Err(NetError::TrunkPortInUse { port: id }.into()),
        Some(TrunkEnd::Parent { .. }) => Err(NetError::ParentPortInUse { port: id }.into()),
        None if port.role() != Role::Guest => Err(NetError::ParentPortInUse { port: id }.into()),
        None => Ok(()),
    }
}

fn mtu(tx: &mut Tx, port: &Port) -> u32 {
    tx.get::<Network>(&port.network).map_or(0, |n| n.mtu)
}

/// Takes a port as a subport of the trunk, in the order in which Neutron refuses.
fn take(tx: &mut Tx, trunk: &Trunk, asked: &SubPortAsked, now: Timestamp) -> Result<SubPort> {
    if *asked.port_id == *trunk.port {
        return Err(NetError::ParentPortInUse { port: asked.port_id.clone() }.into());
    }
    let (parent, sub) = (port(tx, &trunk.port)?, port(tx, &asked.port_id)?);
    let (trunk_mtu, mtu) = (mtu(tx, &parent), mtu(tx, &sub));
    if mtu > trunk_mtu {
        let (port, trunk) = (sub.id.to_string(), trunk.port.to_string());
        return Err(NetError::SubPortMtuGreaterThanTrunkPortMtu { port, mtu, trunk, trunk_mtu }.into());
    }
    let vlan = vlan(tx, &sub, asked)?;
    match &sub.trunk {
        Some(TrunkEnd::Sub { .. }) => return Err(NetError::TrunkPortInUse { port: sub.id.to_string() }.into()),
        Some(TrunkEnd::Parent { .. }) => return Err(NetError::ParentPortInUse { port: sub.id.to_string() }.into()),
        None => {}
    }
    if !sub.device_id.is_empty() || sub.role() != Role::Guest {
        let (port, network, device) = (sub.id.to_string(), sub.network.to_string(), sub.device_id.clone());
        return Err(NetError::PortInUse { port, network, device }.into());
    }
    if trunk.sub_ports.iter().any(|s| s.vlan == vlan) {
        return Err(NetError::DuplicateSubPort { vlan, trunk: trunk.id.to_string() }.into());
    }
    let mut new = Port::clone(&sub);
    new.trunk = Some(TrunkEnd::Sub { trunk: trunk.id.clone(), parent: trunk.port.clone(), vlan });
    SUBPORT_OWNER.clone_into(&mut new.device_owner);
    new.standard.touch(now);
    tx.put(new);
    Ok(SubPort { port: sub.id.clone(), vlan })
}

fn vlan(tx: &mut Tx, sub: &Port, asked: &SubPortAsked) -> Result<u16> {
    let wrong = |reason: String| -> Result<u16> { Err(NetError::input(reason).into()) };
    let kind = asked.segmentation_type.as_deref();
    if kind == Some("inherit") {
        let network = tx.get::<Network>(&sub.network);
        return match network.as_ref().and_then(|n| inherited(n)) {
            Some(vlan) => Ok(vlan),
            None => {
                let kind = network.and_then(|n| n.segments.first().map(|s| s.kind.as_str())).unwrap_or("None");
                wrong(format!("Unknown segmentation_type '{kind}'"))
            }
        };
    }
    let (Some(kind), Some(id)) = (kind, asked.segmentation_id) else {
        return wrong(format!(
            "Invalid subport details '{}': missing segmentation information. Must specify both segmentation_id and segmentation_type",
            asked.port_id
        ));
    };
    match u16::try_from(id) {
        _ if kind != "vlan" => wrong(format!("Unknown segmentation_type '{kind}'")),
        Ok(vlan) if (1..=4094).contains(&vlan) => Ok(vlan),
        _ => wrong(format!("Segmentation ID '{id}' is not in range")),
    }
}

/// Gives a subport back its freedom.
fn free(tx: &mut Tx, sub: &SubPort, now: Timestamp) {
    tx.update::<Port>(&sub.port, |p| {
        p.trunk = None;
        p.device_owner.clear();
        p.standard.touch(now);
    });
}

/// A trunk that is administratively down is not to be touched.
fn ensure_up(trunk: &Trunk) -> Result<()> {
    if trunk.admin_up { Ok(()) } else { Err(NetError::TrunkDisabled { id: trunk.id.to_string() }.into()) }
}
