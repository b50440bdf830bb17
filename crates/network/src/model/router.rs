//! Routers: networks connected, and the way out.

use super::{Standard, standard::resource, subnet::Route};
use kernel::{NetworkId, PortId, RouterId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    pub id: RouterId,
    pub standard: Standard,
    pub name: String,
    pub admin_up: bool,
    pub gateway: Option<Gateway>,
    /// The ports by which subnets are connected. Kept here so that connecting one conflicts with removing the router.
    pub interfaces: BTreeSet<PortId>,
    pub routes: Vec<Route>,
    pub zone_hints: Vec<String>,
}

/// The way to an external network; its addresses are those of the port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    pub network: NetworkId,
    pub port: PortId,
    /// Hide inner addresses behind the gateway's.
    pub snat: bool,
}

resource!(Router, "router", RouterNotFound);

impl Object for Router {
    const KIND: &'static str = "network.router";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
    }
}
