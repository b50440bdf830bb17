//! Address scopes: subnet pools of one address family whose prefixes do not overlap, so that their subnets can be routed to
//! each other without translation.

use super::{AddressScopeId, Network, Standard, Subnet, SubnetPool, standard::resource};
use serde::{Deserialize, Serialize};
use store::{IndexSink, Key, Object, Snapshot};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressScope {
    pub id: AddressScopeId,
    pub standard: Standard,
    pub name: String,
    pub ip_version: u8,
    /// Raised with every pool that joins or grows: whoever lets two overlapping ones join at once conflicts here.
    pub serial: u64,
}

resource!(AddressScope, "address_scope", AddressScopeNotFound);

impl Object for AddressScope {
    const KIND: &'static str = "network.address_scope";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
    }
}

/// The scope that a network's subnets of a family are in: that of their pools, which is the same for all of them.
pub fn of_network(view: &Snapshot, network: &Network, ip_version: u8) -> Option<AddressScopeId> {
    let subnets = network.subnets.iter().filter_map(|id| view.get::<Subnet>(id));
    let mut pools = subnets.filter(|s| s.ip_version() == ip_version).filter_map(|s| s.subnetpool.clone());
    pools.find_map(|id| view.get::<SubnetPool>(&id)?.address_scope.clone())
}
