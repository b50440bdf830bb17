//! Routers.

pub mod add_interface;
pub mod create;
pub mod delete;
pub mod external_gateways;
pub mod extra_routes;
pub mod gateway;
pub mod remove_interface;
mod routes;
pub mod update;

use crate::{
    error::NetError,
    model::{Network, Port, Router, Subnet},
};
use ipnet::IpNet;
use kernel::{Result, SubnetId};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

/// `subnet_id`, `port_id`, or for a removal both.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct InterfaceAsked {
    pub subnet_id: Option<String>,
    pub port_id: Option<String>,
}

/// What connecting or disconnecting answers.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceView {
    pub router: Arc<Router>,
    pub port: Arc<Port>,
    pub subnets: Vec<SubnetId>,
}

/// A subnet that a router reaches, by which port.
struct Reached {
    subnet: SubnetId,
    cidr: IpNet,
    /// Has an address of it; else it only lies on the gateway's network.
    direct: bool,
}

/// The subnets that a router is on: its interfaces', and all of its gateways' networks.
fn reached(tx: &mut Tx, router: &Router) -> Vec<Reached> {
    let mut reached = Vec::new();
    for id in &router.interfaces {
        let Some(port) = tx.get::<Port>(id) else { continue };
        for ip in &port.fixed_ips {
            if let Some(subnet) = tx.get::<Subnet>(&ip.subnet) {
                reached.push(Reached { subnet: ip.subnet.clone(), cidr: subnet.cidr, direct: true });
            }
        }
    }
    let external: Vec<_> = router.gateways().filter_map(|g| tx.get::<Network>(&g.network)).collect();
    for id in external.iter().flat_map(|n| n.subnets.iter()) {
        if let Some(subnet) = tx.get::<Subnet>(id) {
            reached.push(Reached { subnet: id.clone(), cidr: subnet.cidr, direct: false });
        }
    }
    reached
}

/// A router can tell its subnets apart: none twice, none within another.
fn distinct(tx: &mut Tx, router: &Router, new: &[Arc<Subnet>]) -> Result<()> {
    let reached = reached(tx, router);
    for subnet in new {
        for old in &reached {
            if old.subnet == subnet.id && old.direct {
                return Err(NetError::router(format!("Router already has a port on subnet {}", subnet.id)).into());
            }
            if old.subnet != subnet.id && (old.cidr.contains(&subnet.cidr) || subnet.cidr.contains(&old.cidr)) {
                return Err(overlap(&subnet.id, &subnet.cidr, &old.subnet, &old.cidr).into());
            }
        }
    }
    Ok(())
}

fn overlap(new: &SubnetId, new_cidr: &IpNet, old: &SubnetId, old_cidr: &IpNet) -> NetError {
    NetError::router(format!("Cidr {new_cidr} of subnet {new} overlaps with cidr {old_cidr} of subnet {old}"))
}
