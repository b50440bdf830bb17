//! How busy this host is: what its processors did since they were last looked at, and what of its memory is taken.

use super::host::kib;
use kernel::{Error, Result, error::Doing};
use ports::Load;
use std::fs;

/// Ticks of all processors together since the host booted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

/// Remembers the last look.
#[derive(Debug, Default)]
pub struct Meter(Ticks);

impl Meter {
    /// The first look tells the average since the host booted.
    pub fn measure(&mut self) -> Result<Load> {
        let stat = fs::read_to_string("/proc/stat").doing("reading how busy this host's processors are")?;
        let meminfo = fs::read_to_string("/proc/meminfo").doing("reading this host's memory")?;
        let unclear = || Error::internal("/proc/stat and /proc/meminfo do not say how busy this host is");
        let now = ticks(&stat).ok_or_else(unclear)?;
        let ready = numbers(&fs::read_to_string("/proc/loadavg").doing("reading this host's load averages")?);
        let up = numbers::<1>(&fs::read_to_string("/proc/uptime").doing("reading how long this host has been up")?);
        let load = Load {
            cpu: share(self.0, now),
            memory: taken(&meminfo).ok_or_else(unclear)?,
            ready: ready.unwrap_or_default(),
            up_seconds: up.map_or(0, |[seconds]| seconds as u64),
        };
        self.0 = now;
        Ok(load)
    }
}

/// `cpu  user nice system idle iowait irq softirq steal …`: waiting for a disk is idle, what other machines took is busy.
fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().find_map(|l| l.strip_prefix("cpu "))?;
    let fields: Vec<u64> =
        line.split_whitespace().take(8).map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
    let all = fields.iter().sum();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    (fields.len() == 8).then_some(Ticks { busy: all - idle, all })
}

/// The first words of a text, all of which are numbers.
fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let all: Vec<f64> = text.split_whitespace().take(N).filter_map(|word| word.parse().ok()).collect();
    all.try_into().ok()
}

fn share(before: Ticks, now: Ticks) -> f64 {
    match now.all.saturating_sub(before.all) {
        0 => 0.0,
        all => (now.busy.saturating_sub(before.busy) as f64 / all as f64).min(1.0),
    }
}

fn taken(meminfo: &str) -> Option<f64> {
    let (available, total) = (kib(meminfo, "MemAvailable")?, kib(meminfo, "MemTotal")?);
    Some((1.0 - available as f64 / total.max(1) as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_what_there_is() {
        let stat = |user: u64, idle: u64| format!("cpu  {user} 0 10 {idle} 5 0 0 5 0 0\ncpu0 1 2 3 4 5 6 7 8\n");
        let (first, second) = (ticks(&stat(85, 95)).unwrap(), ticks(&stat(115, 165)).unwrap());
        assert_eq!(first, Ticks { busy: 100, all: 200 });
        assert_eq!((share(Ticks::default(), first), share(first, second), share(second, second)), (0.5, 0.3, 0.0));
        assert_eq!(ticks("cpu 1 2 3"), None);
        assert_eq!(taken("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable:   250 kB\n"), Some(0.75));
        assert_eq!(taken("MemTotal: 1000 kB\n"), None);
    }

    #[test]
    fn this_host_can_be_measured() {
        let load = Meter::default().measure().unwrap();
        assert!(load.cpu > 0.0 && load.memory > 0.0 && load.up_seconds > 0, "{load:?}");
        assert_eq!(numbers("0.25 1.50 2.00 1/99 7"), Some([0.25, 1.5, 2.0]));
    }
}
