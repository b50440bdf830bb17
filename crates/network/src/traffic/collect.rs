//! Asks the hosts that are connected here what they counted. Every member does; a host is connected to one.

use super::{
    CALL, COUNTED, PATIENCE, PortCounters, PortTraffic, ProjectTraffic, RETIRED, TrafficQuestion, TrafficReport,
    WRITTEN,
};
use crate::{
    Network,
    model::{Port, Resource},
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Error, HostName, PortId, Result, Timestamp, error::Doing};
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use store::{Batch, Store, Tx};

/// Ports a transaction.
const ROUND: usize = 500;

pub struct CountTraffic {
    net: Network,
    /// Ends that are written, by host: told to it with the next question.
    written: Mutex<HashMap<HostName, BTreeSet<(PortId, String)>>>,
}

impl CountTraffic {
    pub fn new(net: &Network) -> Self {
        Self { net: net.clone(), written: Mutex::default() }
    }

    async fn ask(&self, host: &HostName) -> Result<()> {
        let written = self.written.lock().get(host).cloned().unwrap_or_default();
        let question =
            serde_json::to_value(TrafficQuestion { written: written.clone() }).doing("asking for counters")?;
        let answer = self.net.hosts().call(host, CALL, question, PATIENCE).await?;
        let reports: Vec<TrafficReport> = serde_json::from_value(answer).doing("reading what a host counted")?;
        if let Some(told) = self.written.lock().get_mut(host) {
            told.retain(|end| !written.contains(end));
        }
        self.net.heard().take(host, &reports);
        let due = self.due(host, reports);
        for round in due.chunks(ROUND) {
            write(self.net.store(), host, round.to_vec(), self.net.env().now).await?;
            let ends = round.iter().filter(|r| r.ended).map(|r| (r.port.clone(), r.series.clone()));
            self.written.lock().entry(host.clone()).or_default().extend(ends);
        }
        Ok(())
    }

    /// What must be written now: ends, what is new, and what was written long ago.
    fn due(&self, host: &HostName, reports: Vec<TrafficReport>) -> Vec<TrafficReport> {
        let (snapshot, now) = (self.net.store().snapshot(), self.net.env().now);
        let is_due = |report: &TrafficReport| {
            let Some(known) = snapshot.get::<PortTraffic>(&report.port) else { return true };
            let series = super::record::series_of(host, report);
            let old = now.since(known.updated) >= WRITTEN;
            report.ended || known.open.get(&series).is_none_or(|then| old && *then != report.counters)
        };
        reports.into_iter().filter(is_due).collect()
    }

    /// Ports that went long ago become part of their projects' sums.
    async fn retire(&self) -> Result<()> {
        let (snapshot, now) = (self.net.store().snapshot(), self.net.env().now);
        let is_gone = |t: &PortTraffic| {
            t.open.is_empty() && !snapshot.contains::<Port>(&t.port) && now.since(t.updated) >= RETIRED
        };
        let gone: Vec<PortId> = snapshot.all::<PortTraffic>().filter(|t| is_gone(t)).map(|t| t.port.clone()).collect();
        for round in gone.chunks(ROUND) {
            let round = round.to_vec();
            let work = move |tx: &mut Tx| {
                round.iter().for_each(|port| fold(tx, port));
                Ok(())
            };
            self.net.store().transact("network.traffic.retire", work).await?;
        }
        Ok(())
    }
}

fn fold(tx: &mut Tx, port: &PortId) {
    let Some(traffic) = tx.get::<PortTraffic>(port) else { return };
    let known = tx.get::<ProjectTraffic>(&traffic.project);
    let mut sum = known.map(|k| ProjectTraffic::clone(&k)).unwrap_or_default();
    sum.project = traffic.project.clone();
    sum.gone = sum.gone.plus(traffic.total(None));
    sum.ports += 1;
    tx.put(sum);
    tx.delete::<PortTraffic>(port);
}

/// A port that nobody knows is nobody's: its project is not known any more.
async fn write(store: &Store, host: &HostName, reports: Vec<TrafficReport>, now: Timestamp) -> Result<()> {
    let host = host.clone();
    let work = move |tx: &mut Tx| {
        for report in &reports {
            let known = tx.get::<PortTraffic>(&report.port).map(|t| PortTraffic::clone(&t));
            let made =
                |port: &Port| PortTraffic::new(port.id.clone(), port.network.clone(), port.project().clone(), now);
            let known = known.or_else(|| tx.get::<Port>(&report.port).map(|p| made(&p)));
            if let Some(mut traffic) = known {
                traffic.take(&host, report, now);
                tx.put(traffic);
            }
        }
        Ok::<_, Error>(())
    };
    store.transact("network.traffic.write", work).await
}

#[async_trait]
impl Reconciler for CountTraffic {
    fn name(&self) -> &'static str {
        "network.traffic"
    }

    fn interval(&self) -> Duration {
        COUNTED
    }

    fn wants(&self, _batch: &Batch) -> bool {
        false
    }

    /// A host that does not answer is asked again next time; it counts on.
    async fn reconcile(&self) -> Result<()> {
        let hosts = self.net.hosts().hosts();
        for host in hosts.iter().filter(|h| h.connected) {
            if let Err(error) = self.ask(&host.host).await {
                tracing::debug!(host = %host.host, error = %error.internal_text(), "a host did not say what it counted");
            }
        }
        self.retire().await
    }
}

impl Network {
    /// Puts what hosts counted on `/metrics`: six lines a host, whatever the number of ports.
    pub(crate) fn export_traffic(&self) {
        let net = self.clone();
        let kinds: [(&str, &str, fn(&PortCounters) -> u64); 6] = [
            ("network_received_bytes", "Bytes that guests received, by host", |c| c.rx_bytes),
            ("network_received_packets", "Packets that guests received, by host", |c| c.rx_packets),
            ("network_received_dropped", "Packets to guests that were dropped, by host", |c| c.rx_dropped),
            ("network_sent_bytes", "Bytes that guests sent, by host", |c| c.tx_bytes),
            ("network_sent_packets", "Packets that guests sent, by host", |c| c.tx_packets),
            ("network_sent_dropped", "Packets from guests that were dropped, by host", |c| c.tx_dropped),
        ];
        telemetry::metrics().collect(move |out| {
            let hosts = net.heard().hosts();
            for (name, help, of) in kinds {
                out.counters(name, help, "host", hosts.iter().map(|(host, c)| (host.as_str(), of(c))));
            }
        });
    }
}
