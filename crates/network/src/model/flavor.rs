//! Flavors of network services, and the service profiles that say by which driver one is carried out. Those of routers are the
//! only ones that something is made of here.

use super::{RouterFlavorId, ServiceProfileId, Standard, standard::resource, standard::stored};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Index, IndexSink, Key, Object};

/// What routers are called among service types.
pub const ROUTERS: &str = "L3_ROUTER_NAT";

/// What Neutron calls its ways to make a router, by the names of their classes. All of them are carried out alike.
pub const DRIVERS: [(&str, &str); 4] = [
    ("dvrha", "neutron.services.l3_router.service_providers.dvrha.DvrHaDriver"),
    ("dvr", "neutron.services.l3_router.service_providers.dvr.DvrDriver"),
    ("ha", "neutron.services.l3_router.service_providers.ha.HaDriver"),
    ("single_node", "neutron.services.l3_router.service_providers.single_node.SingleNodeDriver"),
];

/// The driver of the service's own way, the default one.
pub const OWN_DRIVER: &str = "neutron.services.ovn_l3.service_providers.ovn.OvnDriver";

pub fn is_driver(name: &str) -> bool {
    name == OWN_DRIVER || DRIVERS.iter().any(|(_, driver)| *driver == name)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavor {
    pub id: RouterFlavorId,
    pub standard: Standard,
    pub name: String,
    pub service_type: String,
    pub enabled: bool,
    pub profiles: BTreeSet<ServiceProfileId>,
    /// Raised with every router that is made of it, so that it cannot be removed under one.
    pub serial: u64,
}

resource!(Flavor, "flavor", FlavorNotFound);

impl Flavor {
    pub const BY_PROFILE: Index<Flavor> = Index::new(1);
}

impl Object for Flavor {
    const KIND: &'static str = "network.flavor";
    const INDEXES: &'static [&'static str] = &["project", "profile"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        for profile in &self.profiles {
            sink.add(Self::BY_PROFILE, &**profile);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceProfile {
    pub id: ServiceProfileId,
    pub standard: Standard,
    pub driver: String,
    pub metainfo: String,
    pub enabled: bool,
    /// Raised with every flavor that takes it, so that it cannot be removed under one.
    pub serial: u64,
}

resource!(ServiceProfile, "service_profile", ServiceProfileNotFound);
stored!(ServiceProfile, "network.service_profile");
