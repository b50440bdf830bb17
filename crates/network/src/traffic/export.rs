//! Samples of a network's packets for a collector of the operator's (IPFIX, RFC 7011), switched on and off by network.
//!
//! ```text
//!   operator ─▶ NetworkExport (store) ─▶ ExportFlows: each host that is connected here ──"network.export_flows"──▶ the host's switch
//! ```
//!
//! A host is told all of it every time, and makes it so; what it is not told stops. Packets are sampled where they leave and
//! reach guests, on every host alike, so nothing depends on who talks to whom.

use crate::{
    Network,
    model::{self, Port, Resource},
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Error, HostName, NetworkId, PortId, Result, error::Doing};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    time::Duration,
};
use store::{Batch, Key, Object, Snapshot, Tx};

const CALL: &str = "network.export_flows";
const PATIENCE: Duration = Duration::from_secs(5);
/// A host that was away, or a guest that came, is told of it within this time.
const EVERY: Duration = Duration::from_secs(5);
/// A host whose agent began anew has to hear it again.
const REPEATED: Duration = Duration::from_secs(30);

/// What a host does for one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowExport {
    pub network: NetworkId,
    /// Guests' ports on the host.
    pub ports: BTreeSet<PortId>,
    pub collector: SocketAddr,
    /// One packet in so many.
    pub sampling: u32,
    /// Tells the network's records from others at the collector (RFC 7011, observation domain).
    pub domain: u32,
}

/// What an operator wants of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkExport {
    pub network: NetworkId,
    pub collector: SocketAddr,
    pub sampling: u32,
    pub domain: u32,
}

impl Object for NetworkExport {
    const KIND: &'static str = "network.flow_export";
    fn key(&self) -> Key {
        self.network.as_str().into()
    }
}

/// A body of the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    pub collector: SocketAddr,
    #[serde(default = "every_packet")]
    pub sampling: u32,
}

fn every_packet() -> u32 {
    1
}

/// Follows from the network, so that a collector's configuration outlives a switching off and on.
fn domain_of(network: &NetworkId) -> u32 {
    use sha2::{Digest, Sha256};
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(network.as_str()));
    u32::from_be_bytes([a, b, c, d]).max(1)
}

impl Network {
    /// Switches the export of a network's flows on, or changes it.
    pub async fn export_flows(&self, network: &NetworkId, wish: Wish) -> Result<NetworkExport> {
        if !(1..=65_535).contains(&wish.sampling) {
            return Err(Error::bad_request("sampling: expected one packet in 1 to 65535"));
        }
        if wish.collector.port() == 0 || wish.collector.ip().is_unspecified() {
            return Err(Error::bad_request("collector: expected an address and a port that can be sent to"));
        }
        let Wish { collector, sampling } = wish;
        let domain = domain_of(network);
        let export = NetworkExport { network: network.clone(), collector, sampling, domain };
        self.store()
            .transact("network.flow_export.set", move |tx| {
                if tx.get::<model::Network>(&export.network).is_none_or(|n| n.deleting) {
                    return Err(model::Network::not_found(&export.network).into());
                }
                tx.put(export.clone());
                Ok(export.clone())
            })
            .await
    }

    /// Switches it off.
    pub async fn stop_exporting(&self, network: &NetworkId) -> Result<()> {
        let id = network.clone();
        self.store()
            .transact("network.flow_export.remove", move |tx| {
                if tx.delete::<NetworkExport>(&id) {
                    return Ok(());
                }
                Err(Error::not_found(format!("flows of the network {id} are not exported")))
            })
            .await
    }

    pub fn flow_exports(&self) -> Vec<NetworkExport> {
        self.store().snapshot().all::<NetworkExport>().map(|e| NetworkExport::clone(&e)).collect()
    }
}

/// What this host is to do.
fn of_host(snapshot: &Snapshot, host: &HostName) -> Vec<FlowExport> {
    let mut ports: BTreeMap<NetworkId, BTreeSet<PortId>> = BTreeMap::new();
    let exports: Vec<_> = snapshot.all::<NetworkExport>().collect();
    if !exports.is_empty() {
        for port in snapshot.by(Port::BY_HOST, host) {
            ports.entry(port.network.clone()).or_default().insert(port.id.clone());
        }
    }
    let of = |export: &NetworkExport| FlowExport {
        network: export.network.clone(),
        ports: ports.remove(&export.network).unwrap_or_default(),
        collector: export.collector,
        sampling: export.sampling,
        domain: export.domain,
    };
    exports.iter().map(|e| &**e).map(of).collect()
}

pub struct ExportFlows {
    net: Network,
    /// What each host was told last, and when.
    told: Mutex<HashMap<HostName, (Vec<FlowExport>, Duration)>>,
}

impl ExportFlows {
    pub fn new(net: &Network) -> Self {
        Self { net: net.clone(), told: Mutex::default() }
    }

    async fn tell(&self, host: &HostName, wanted: Vec<FlowExport>) -> Result<()> {
        let now = self.net.clock().monotonic();
        let known = self
            .told
            .lock()
            .get(host)
            .is_some_and(|(told, at)| *told == wanted && (wanted.is_empty() || now.saturating_sub(*at) < REPEATED));
        if known {
            return Ok(());
        }
        let body = serde_json::to_value(&wanted).doing("telling a host what to export")?;
        self.net.hosts().call(host, CALL, body, PATIENCE).await?;
        self.told.lock().insert(host.clone(), (wanted, now));
        Ok(())
    }

    /// With a network goes its export.
    async fn forget_networks_that_are_gone(&self) -> Result<()> {
        let snapshot = self.net.store().snapshot();
        for export in snapshot.all::<NetworkExport>().filter(|e| !snapshot.contains::<model::Network>(&e.network)) {
            let id = export.network.clone();
            let work = move |tx: &mut Tx| {
                tx.delete::<NetworkExport>(&id);
                Ok(())
            };
            self.net.store().transact("network.flow_export.forget", work).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Reconciler for ExportFlows {
    fn name(&self) -> &'static str {
        "network.flow_export"
    }

    fn interval(&self) -> Duration {
        EVERY
    }

    fn wants(&self, batch: &Batch) -> bool {
        batch.events.iter().any(|e| e.kind == NetworkExport::KIND)
    }

    async fn reconcile(&self) -> Result<()> {
        self.forget_networks_that_are_gone().await?;
        let snapshot = self.net.store().snapshot();
        let hosts = self.net.hosts().hosts();
        for host in hosts.iter().filter(|h| h.connected) {
            if let Err(error) = self.tell(&host.host, of_host(&snapshot, &host.host)).await {
                tracing::debug!(host = %host.host, error = %error.internal_text(), "a host was not told what to export");
            }
        }
        Ok(())
    }
}
