//! How much of each network's addresses is in use.

use crate::{
    model::{Network, Resource, Subnet},
    policy::service as rules,
};
use kernel::{Ctx, Result};
use policy::Authorize;
use std::sync::Arc;
use store::Snapshot;

/// A network with its subnets' use.
pub struct NetworkUse {
    pub network: Arc<Network>,
    pub subnets: Vec<SubnetUse>,
}

pub struct SubnetUse {
    pub subnet: Arc<Subnet>,
    pub total: u128,
    pub used: u128,
}

pub fn allowed(cx: &Ctx) -> Result<policy::Permit> {
    cx.authorize(&rules::IP_AVAILABILITY_GET, &())
}

/// Of one family, if one is named.
pub fn of(snapshot: &Snapshot, network: Arc<Network>, version: Option<u8>) -> NetworkUse {
    let subnets = network.subnets.iter().filter_map(|id| snapshot.get::<Subnet>(id));
    let subnets = subnets.filter(|s| version.is_none_or(|v| v == s.ip_version()));
    let measured = |subnet: Arc<Subnet>| {
        let total = subnet.pools.iter().map(|p| p.size()).fold(0, u128::saturating_add);
        let used = subnet.used(snapshot) as u128;
        SubnetUse { subnet, total, used }
    };
    let subnets = subnets.map(measured).collect();
    NetworkUse { network, subnets }
}

impl NetworkUse {
    pub fn id(&self) -> &str {
        self.network.id()
    }
}
