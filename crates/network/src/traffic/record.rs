//! What is written down of traffic.

use super::{PortCounters, TrafficReport};
use kernel::{HostName, NetworkId, PortId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use store::{Index, IndexSink, Key, Object};

/// Ended series that are remembered: a host that did not hear that one was taken tells it again within seconds.
const REMEMBERED: usize = 16;

/// What passed a port, wherever it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortTraffic {
    pub port: PortId,
    pub network: NetworkId,
    pub project: ProjectId,
    /// Of series that have ended.
    pub settled: PortCounters,
    /// Series that go on, as they were when this was written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub open: BTreeMap<String, PortCounters>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub ended: VecDeque<String>,
    pub updated: Timestamp,
}

impl Object for PortTraffic {
    const KIND: &'static str = "network.port_traffic";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.port.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &*self.project);
    }
}

impl PortTraffic {
    pub const BY_PROJECT: Index<Self> = Index::new(0);

    pub fn new(port: PortId, network: NetworkId, project: ProjectId, now: Timestamp) -> Self {
        let (settled, open, ended) = (PortCounters::default(), BTreeMap::new(), VecDeque::new());
        Self { port, network, project, settled, open, ended, updated: now }
    }

    /// Takes what a host says. Saying it again, or late, changes nothing.
    pub fn take(&mut self, host: &HostName, report: &TrafficReport, now: Timestamp) {
        let series = series_of(host, report);
        if self.ended.contains(&series) {
            return;
        }
        let known = self.open.remove(&series).unwrap_or_default().latest(report.counters);
        if report.ended {
            self.settled = self.settled.plus(known);
            self.ended.push_back(series);
            self.ended.drain(..self.ended.len().saturating_sub(REMEMBERED));
        } else {
            self.open.insert(series, known);
        }
        self.updated = now;
    }

    /// All of it, with what is known of its open series by now.
    pub fn total(&self, live: Option<&BTreeMap<String, PortCounters>>) -> PortCounters {
        let newest = |(series, written): (&String, &PortCounters)| {
            let heard = live.and_then(|l| l.get(series)).copied().unwrap_or_default();
            written.latest(heard)
        };
        self.settled.plus(self.open.iter().map(newest).sum())
    }
}

/// A series is one host's.
pub fn series_of(host: &HostName, report: &TrafficReport) -> String {
    format!("{host}/{}", report.series)
}

/// What passed ports of a project that are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectTraffic {
    pub project: ProjectId,
    pub gone: PortCounters,
    pub ports: u64,
}

impl Object for ProjectTraffic {
    const KIND: &'static str = "network.project_traffic";
    fn key(&self) -> Key {
        self.project.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(series: &str, bytes: u64, ended: bool) -> TrafficReport {
        let counters = PortCounters { rx_bytes: bytes, ..PortCounters::default() };
        TrafficReport { port: "p".into(), series: series.into(), counters, ended }
    }

    #[test]
    fn nothing_is_counted_twice_and_nothing_lost() {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let mut port = PortTraffic::new("p".into(), "n".into(), "t".into(), now);
        let mut check = |host: &str, report: TrafficReport, total: u64| {
            port.take(&host.into(), &report, now);
            assert_eq!(port.total(None).rx_bytes, total, "{host} {report:?}");
        };
        check("h1", report("a", 10, false), 10);
        check("h1", report("a", 30, false), 30);
        check("h1", report("a", 20, false), 30); // late
        check("h2", report("a", 5, false), 35); // the guest moves; another host's series of the same name
        check("h1", report("a", 40, true), 45);
        check("h1", report("a", 40, true), 45); // again: the host did not hear that it was taken
        check("h2", report("a", 6, false), 46);
        check("h1", report("b", 1, false), 47); // back again
        for n in 0..40 {
            port.take(&"h1".into(), &report(&format!("s{n}"), 1, true), now);
        }
        assert_eq!((port.total(None).rx_bytes, port.ended.len()), (87, REMEMBERED));
        let live = BTreeMap::from([("h2/a".to_owned(), PortCounters { rx_bytes: 9, ..PortCounters::default() })]);
        assert_eq!(port.total(Some(&live)).rx_bytes, 90);
    }
}
