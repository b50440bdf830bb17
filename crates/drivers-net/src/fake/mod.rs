//! The network of a region and of its hosts in memory: for tests, for simulation and for `--fake`.
//!
//! One [`FakeCloud`] stands for everything outside TStack. Back ends and hosts made from it see each other's doings, as those
//! of OVN do: a port is up once it was put and its tap is plugged on a host where it may be. It keeps the same contract as
//! the real one (the conformance suite says so) and can be told to be slow or to fail.

mod backend;
mod host;

pub use backend::FakeBackend;
pub use host::FakeHost;

use kernel::{Error, HostName, NetworkId, PortId, Result};
use network::{
    driver::{Logical, LogicalKey, PlugSpec},
    traffic::{FlowExport, PortCounters},
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

/// What can be slow or fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Apply,
    Dump,
    PortUp,
    Hosts,
    Plug,
    Unplug,
    Plugged,
    ServeMetadata,
}

#[derive(Debug, Default)]
struct Behaviour {
    delay: Duration,
    /// Errors for the next calls, in order.
    failures: Vec<Error>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<LogicalKey, Held>,
    hosts: BTreeMap<HostName, Host>,
    writes: u64,
    behaviour: HashMap<Call, Behaviour>,
}

#[derive(Debug)]
struct Held {
    object: Logical,
    digest: u64,
    tampered: bool,
}

#[derive(Debug, Default)]
struct Host {
    alive: bool,
    plugs: BTreeMap<PortId, PlugSpec>,
    /// By the number of the device, which is another one after it was unplugged.
    counters: BTreeMap<PortId, (u64, PortCounters)>,
    made: u64,
    metadata: BTreeSet<NetworkId>,
    exports: Vec<FlowExport>,
}

/// Cheap to clone; all clones are one cloud.
#[derive(Clone, Debug, Default)]
pub struct FakeCloud {
    state: Arc<Mutex<State>>,
}

impl FakeCloud {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn backend(&self) -> FakeBackend {
        FakeBackend { cloud: self.clone() }
    }

    /// A host of this name; the second time, the same one, as after the restart of its agent.
    pub fn host(&self, name: HostName) -> FakeHost {
        self.state.lock().hosts.entry(name.clone()).or_default().alive = true;
        FakeHost::new(self.clone(), name)
    }

    /// Every later call of this kind takes so long.
    pub fn delay(&self, call: Call, delay: Duration) {
        self.state.lock().behaviour.entry(call).or_default().delay = delay;
    }

    /// The next call of this kind fails so, before it has done anything.
    pub fn fail(&self, call: Call, error: Error) {
        self.state.lock().behaviour.entry(call).or_default().failures.push(error);
    }

    /// The host stops answering, or answers again. What is plugged stays plugged.
    pub fn set_alive(&self, host: &HostName, alive: bool) {
        if let Some(host) = self.state.lock().hosts.get_mut(host) {
            host.alive = alive;
        }
    }

    /// What an operator does by hand to an object: the digest is no longer what it was.
    pub fn tamper(&self, key: &LogicalKey) {
        if let Some(held) = self.state.lock().objects.get_mut(key) {
            held.tampered = true;
        }
    }

    /// Everything the back end holds is gone.
    pub fn forget(&self) {
        self.state.lock().objects.clear();
    }

    pub fn set_counters(&self, host: &HostName, port: &PortId, counters: PortCounters) {
        if let Some(host) = self.state.lock().hosts.get_mut(host) {
            host.counters.entry(port.clone()).or_default().1 = counters;
        }
    }

    /// What the host was told to export.
    pub fn exports(&self, host: &HostName) -> Vec<FlowExport> {
        self.state.lock().hosts.get(host).map(|host| host.exports.clone()).unwrap_or_default()
    }

    pub fn object(&self, key: &LogicalKey) -> Option<Logical> {
        self.state.lock().objects.get(key).map(|held| held.object.clone())
    }

    /// Where a port is plugged.
    pub fn plugged_at(&self, port: &PortId) -> Vec<HostName> {
        let state = self.state.lock();
        state.hosts.iter().filter(|(_, host)| host.plugs.contains_key(port)).map(|(name, _)| name.clone()).collect()
    }

    /// The hosts there are, and whether they answer.
    pub fn hosts(&self) -> Vec<(HostName, bool)> {
        self.state.lock().hosts.iter().map(|(name, host)| (name.clone(), host.alive)).collect()
    }

    /// How many objects were written or removed; calls that changed nothing do not count.
    pub fn writes(&self) -> u64 {
        self.state.lock().writes
    }

    async fn enter(&self, call: Call) -> Result<()> {
        let (delay, failure) = {
            let mut state = self.state.lock();
            let behaviour = state.behaviour.entry(call).or_default();
            let failure = if behaviour.failures.is_empty() { None } else { Some(behaviour.failures.remove(0)) };
            (behaviour.delay, failure)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        failure.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::objects::one_of_everything;
    use network::driver::{Change, NetworkBackend};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn it_is_as_slow_and_as_broken_as_it_was_told_to_be() {
        let cloud = FakeCloud::new();
        let changes: Vec<_> = one_of_everything().into_iter().map(Change::Put).collect();
        cloud.fail(Call::Apply, Error::unavailable("no"));
        cloud.delay(Call::Apply, Duration::from_secs(3));
        let (backend, started) = (cloud.backend(), Instant::now());
        assert!(backend.apply(&changes).await.is_err());
        assert_eq!((started.elapsed(), cloud.writes()), (Duration::from_secs(3), 0));
        backend.apply(&changes).await.unwrap();
        assert_eq!((started.elapsed(), cloud.writes()), (Duration::from_secs(6), changes.len() as u64));
        cloud.forget();
        assert!(backend.dump().await.unwrap().is_empty());
    }
}
