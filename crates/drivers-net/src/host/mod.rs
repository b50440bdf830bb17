//! The network of one host as the agent sees it: taps plugged into Open vSwitch, and the metadata service of each network
//! that has guests here.
//!
//! What is plugged is what the switch's own database and the kernel's devices say; nothing is remembered here but the
//! metadata listeners of this process. So an agent that was restarted finds everything where it was, serves metadata again,
//! and takes away what nobody claims.

mod export;
pub mod guard;
mod metadata;
mod plug;
pub mod switch;
pub mod tracking;

use crate::{
    audit::{Claims, audit},
    link::{self, Link, Owner, Stats64},
    netns::{self, Netns},
    system::HostNetConfig,
};
use async_trait::async_trait;
use export::Exporter;
use kernel::{NetworkId, PortId, Result};
use metadata::Metadata;
use network::{
    driver::{HostNetwork, MetadataHandler, MetadataSpec, PlugSpec, PortReading},
    traffic::{FlowExport, PortCounters},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};
use switch::Switch;

pub struct OvsNetwork {
    config: HostNetConfig,
    netns: Netns,
    bridge: String,
    switch: Switch,
    metadata: Metadata,
    exporter: Exporter,
}

impl OvsNetwork {
    pub fn new(config: &HostNetConfig, switch: Switch) -> Self {
        let (netns, bridge) = (config.netns(), config.integration_bridge());
        let metadata = Metadata::new(config, switch.clone());
        let exporter = Exporter::new(config, switch.clone());
        Self { config: config.clone(), netns, bridge, switch, metadata, exporter }
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

    async fn export_flows(&self, exports: &[FlowExport]) -> Result<()> {
        self.exporter.export(exports).await
    }

    async fn counters(&self) -> Result<BTreeMap<PortId, PortReading>> {
        let devices = link::list(&self.netns).await?;
        Ok(devices
            .iter()
            .filter_map(|d| if let Owner::Port(id) = d.owner() { Some((id, reading(d))) } else { None })
            .collect())
    }
}

/// What the host's end of the device received, the guest sent.
fn reading(device: &Link) -> PortReading {
    let Stats64 { rx: sent, tx: received } = device.stats64;
    let counters = PortCounters {
        rx_bytes: received.bytes,
        rx_packets: received.packets,
        rx_dropped: received.dropped,
        tx_bytes: sent.bytes,
        tx_packets: sent.packets,
        tx_dropped: sent.dropped,
    };
    PortReading { device: format!("{}.{}", boot(), device.ifindex), counters }
}

/// Which run of the kernel this is: device numbers are given anew by the next.
fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        id.trim().chars().take(8).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_from_the_guests_point_of_view() {
        let shown = r#"{"ifindex": 7, "ifname": "tap0", "stats64": {
            "rx": {"bytes": 1, "packets": 2, "errors": 0, "dropped": 5, "over_errors": 0, "multicast": 0},
            "tx": {"bytes": 3, "packets": 4, "errors": 0, "dropped": 6, "carrier_errors": 0, "collisions": 0}}}"#;
        let reading = reading(&serde_json::from_str(shown).unwrap());
        let (rx_bytes, rx_packets, rx_dropped) = (3, 4, 6);
        let (tx_bytes, tx_packets, tx_dropped) = (1, 2, 5);
        let expect = PortCounters { rx_bytes, rx_packets, rx_dropped, tx_bytes, tx_packets, tx_dropped };
        assert_eq!(reading.counters, expect);
        assert!(reading.device.ends_with(".7") && reading.device.len() > 2, "{}", reading.device);
    }
}
