//! The network of one host as the agent sees it: taps plugged into Open vSwitch, and the metadata service of each network
//! that has guests here.
//!
//! What is plugged is what the switch's own database and the kernel's devices say; nothing is remembered here but the
//! metadata listeners of this process. So an agent that was restarted finds everything where it was, serves metadata again,
//! and takes away what nobody claims.

mod metadata;
mod plug;
pub mod switch;

use crate::{
    audit::{Claims, audit},
    link::{self, Link, Owner},
    netns::{self, Netns},
    ovsdb::{Atom, Datum},
    system::HostNetConfig,
};
use async_trait::async_trait;
use kernel::{NetworkId, PortId, Result};
use metadata::Metadata;
use network::driver::{HostNetwork, MetadataHandler, MetadataSpec, PlugSpec, PortCounters};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use switch::Switch;

pub struct OvsNetwork {
    config: HostNetConfig,
    netns: Netns,
    bridge: String,
    switch: Switch,
    metadata: Metadata,
}

impl OvsNetwork {
    pub fn new(config: &HostNetConfig, switch: Switch) -> Self {
        let (netns, bridge) = (config.netns(), config.integration_bridge());
        let metadata = Metadata::new(config, switch.clone());
        Self { config: config.clone(), netns, bridge, switch, metadata }
    }

    /// Whose the switch's ports and the kernel's devices are.
    async fn owners(&self) -> Result<BTreeSet<Owner>> {
        self.switch.ready().await?;
        let ports = self.switch.ports().into_iter().map(|p| p.owner);
        let devices = link::list(&self.netns).await?;
        Ok(ports.chain(devices.iter().map(Link::owner)).collect())
    }
}

#[async_trait]
impl HostNetwork for OvsNetwork {
    async fn plug(&self, spec: &PlugSpec) -> Result<()> {
        plug::plug(self, spec).await
    }

    async fn unplug(&self, port: &PortId) -> Result<()> {
        plug::unplug(self, port).await
    }

    async fn plugged(&self) -> Result<Vec<PortId>> {
        let owners = self.owners().await?.into_iter();
        Ok(owners.filter_map(|o| if let Owner::Port(id) = o { Some(id) } else { None }).collect())
    }

    async fn serve_metadata(&self, networks: &[MetadataSpec], handler: Arc<dyn MetadataHandler>) -> Result<()> {
        self.metadata.serve(networks, handler).await
    }

    async fn metadata_networks(&self) -> Result<Vec<NetworkId>> {
        let owners = self.owners().await?.into_iter();
        let mut all: BTreeSet<_> =
            owners.filter_map(|o| if let Owner::Metadata(id) = o { Some(id) } else { None }).collect();
        let prefix = self.config.metadata_namespaces();
        let namespaces = netns::list(&prefix);
        all.extend(namespaces.iter().filter_map(|name| name.strip_prefix(&prefix)).map(NetworkId::from));
        all.extend(self.metadata.networks().await);
        Ok(all.into_iter().collect())
    }

    async fn strays(&self) -> Result<Vec<String>> {
        let ports = self.plugged().await?.into_iter().collect();
        let metadata = self.metadata_networks().await?.into_iter().collect();
        let leaks = audit(&self.config, &Claims { ports, metadata }).await?;
        Ok(leaks.into_iter().map(|leak| format!("{} {}: {}", leak.kind, leak.name, leak.why)).collect())
    }

    async fn counters(&self) -> Result<BTreeMap<PortId, PortCounters>> {
        let statistics = self.switch.statistics().await?.into_iter();
        Ok(statistics
            .filter_map(|(owner, s)| if let Owner::Port(id) = owner { Some((id, counters(&s))) } else { None })
            .collect())
    }
}

/// What the switch received, the guest sent.
fn counters(statistics: &Datum) -> PortCounters {
    let get = |key: &str| {
        let value = if let Datum::Map(m) = statistics { m.get(&Atom::from(key)).and_then(Atom::as_int) } else { None };
        value.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    };
    PortCounters {
        rx_bytes: get("tx_bytes"),
        rx_packets: get("tx_packets"),
        tx_bytes: get("rx_bytes"),
        tx_packets: get("rx_packets"),
        dropped: get("rx_dropped") + get("tx_dropped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_from_the_guests_point_of_view() {
        let statistics =
            Datum::map([("rx_bytes", 1), ("rx_packets", 2), ("tx_bytes", 3), ("tx_packets", 4), ("rx_dropped", 5)]);
        let expect = PortCounters { rx_bytes: 3, rx_packets: 4, tx_bytes: 1, tx_packets: 2, dropped: 5 };
        assert_eq!(counters(&statistics), expect);
        assert_eq!(counters(&Datum::empty()), PortCounters::default());
    }
}
