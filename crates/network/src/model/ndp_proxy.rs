//! NDP proxies: inner IPv6 addresses that a router answers for on its external network, so that they are reached from there
//! without a route.

use super::{NdpProxyId, Standard, standard::resource};
use kernel::{PortId, RouterId};
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NdpProxy {
    pub id: NdpProxyId,
    pub standard: Standard,
    pub name: String,
    pub router: RouterId,
    pub port: PortId,
    pub address: Ipv6Addr,
}

resource!(NdpProxy, "ndp_proxy", NDPProxyNotFound);

impl NdpProxy {
    pub const BY_ROUTER: Index<NdpProxy> = Index::new(1);
    pub const BY_PORT: Index<NdpProxy> = Index::new(2);
}

impl Object for NdpProxy {
    const KIND: &'static str = "network.ndp_proxy";
    const INDEXES: &'static [&'static str] = &["project", "router", "port"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        sink.add(Self::BY_ROUTER, &*self.router);
        sink.add(Self::BY_PORT, &*self.port);
    }
}
