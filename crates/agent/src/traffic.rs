//! What this host counted for its ports, on disk: devices come and go, agents end and begin, and no number goes back.
//!
//! ```text
//!   plugged ─▶ a series begins ── device made anew: it goes on ──▶ unplugged: it ends ──▶ told until it is written ─▶ forgotten
//! ```
//!
//! A series is named after the first device that it counted, and no device's name is given twice: so a ledger that was lost
//! begins the series of a device that is still there under its old name, and nothing is counted twice.

use kernel::{PortId, Result, error::Doing};
use network::{
    driver::{HostNetwork, PortReading},
    traffic::{PortCounters, TrafficQuestion, TrafficReport},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};
use tokio::sync::Mutex;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    open: BTreeMap<PortId, Series>,
    ended: Vec<TrafficReport>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Series {
    name: String,
    /// The device that was read last, and what it showed.
    device: String,
    last: PortCounters,
    total: PortCounters,
}

impl Book {
    fn read(&mut self, readings: &BTreeMap<PortId, PortReading>) {
        for (port, now) in readings {
            let begin = || Series {
                name: now.device.clone(),
                device: now.device.clone(),
                last: PortCounters::default(),
                total: PortCounters::default(),
            };
            let series = self.open.entry(port.clone()).or_insert_with(begin);
            let before = if series.device == now.device { series.last } else { PortCounters::default() };
            series.total = series.total.plus(now.counters.since(before));
            (series.device, series.last) = (now.device.clone(), now.counters);
        }
    }

    fn end(&mut self, port: &PortId) {
        if let Some(Series { name, total, .. }) = self.open.remove(port) {
            self.ended.push(TrafficReport { port: port.clone(), series: name, counters: total, ended: true });
        }
    }

    fn forget(&mut self, question: &TrafficQuestion) {
        self.ended.retain(|e| !question.written.contains(&(e.port.clone(), e.series.clone())));
    }

    fn reports(&self) -> Vec<TrafficReport> {
        let open = self.open.iter().map(|(port, s)| TrafficReport {
            port: port.clone(),
            series: s.name.clone(),
            counters: s.total,
            ended: false,
        });
        open.chain(self.ended.iter().cloned()).collect()
    }
}

/// One caller at a time reads devices and writes the book.
pub(crate) struct Ledger {
    file: PathBuf,
    book: Mutex<Book>,
}

impl Ledger {
    /// A book that cannot be read counts as none: what it held of devices that are still there, they still show.
    pub(crate) fn open(state_dir: &Path) -> Self {
        let file = state_dir.join("traffic.json");
        let book = std::fs::read(&file).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        Self { file, book: Mutex::new(book) }
    }

    /// Reads the devices and answers a member.
    pub(crate) async fn answer(
        &self,
        network: &dyn HostNetwork,
        question: &TrafficQuestion,
    ) -> Result<Vec<TrafficReport>> {
        let mut book = self.book.lock().await;
        let before = book.clone();
        book.forget(question);
        book.read(&network.counters().await?);
        self.keep(&before, &book)?;
        Ok(book.reports())
    }

    /// Unplugs the port, and counts to the last packet: its device is read while it is there.
    pub(crate) async fn unplug(&self, network: &dyn HostNetwork, port: &PortId) -> Result<()> {
        let mut book = self.book.lock().await;
        let before = book.clone();
        match network.counters().await {
            Ok(readings) => book.read(&readings),
            // Taking a guest away does not fail for want of its numbers; those of the last reading stand.
            Err(e) => tracing::warn!(%port, error = %e.internal_text(), "a port's counters could not be read"),
        }
        self.keep(&before, &book)?;
        network.unplug(port).await?;
        let open = book.clone();
        book.end(port);
        self.keep(&open, &book)
    }

    fn keep(&self, before: &Book, now: &Book) -> Result<()> {
        if before == now {
            return Ok(());
        }
        let doing = "writing down what ports counted";
        let aside = self.file.with_extension("new");
        let json = serde_json::to_vec(now).doing(doing)?;
        let written = std::fs::File::create(&aside).and_then(|mut file| file.write_all(&json));
        written.and_then(|()| std::fs::rename(&aside, &self.file)).doing(doing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(device: &str, bytes: u64) -> BTreeMap<PortId, PortReading> {
        let counters = PortCounters { rx_bytes: bytes, ..PortCounters::default() };
        BTreeMap::from([("p".into(), PortReading { device: device.into(), counters })])
    }

    fn told(book: &Book) -> Vec<(String, u64, bool)> {
        book.reports().into_iter().map(|r| (r.series, r.counters.rx_bytes, r.ended)).collect()
    }

    #[test]
    fn a_series_outlives_devices_and_ends_with_the_plug() {
        let mut book = Book::default();
        let mut check = |step: &dyn Fn(&mut Book), expect: &[(&str, u64, bool)]| {
            step(&mut book);
            let expect: Vec<_> = expect.iter().map(|(s, n, e)| ((*s).to_owned(), *n, *e)).collect();
            assert_eq!(told(&book), expect);
        };
        check(&|b| b.read(&shows("d1", 10)), &[("d1", 10, false)]);
        check(&|b| b.read(&shows("d1", 25)), &[("d1", 25, false)]);
        check(&|b| b.read(&BTreeMap::new()), &[("d1", 25, false)]); // the host starts again
        check(&|b| b.read(&shows("d2", 5)), &[("d1", 30, false)]);
        check(&|b| b.read(&shows("d2", 3)), &[("d1", 33, false)]); // counters that went back began anew
        check(&|b| b.end(&"p".into()), &[("d1", 33, true)]);
        check(&|b| b.end(&"p".into()), &[("d1", 33, true)]);
        check(&|b| b.read(&shows("d3", 1)), &[("d3", 1, false), ("d1", 33, true)]);
        let written = TrafficQuestion { written: [("p".into(), "d1".to_owned())].into() };
        check(&|b| b.forget(&written), &[("d3", 1, false)]);
    }

    #[test]
    fn a_lost_ledger_begins_the_same_series() {
        let (mut kept, mut lost) = (Book::default(), Book::default());
        kept.read(&shows("d1", 10));
        kept.read(&shows("d1", 40));
        lost.read(&shows("d1", 40));
        assert_eq!(told(&kept), told(&lost));
    }
}
