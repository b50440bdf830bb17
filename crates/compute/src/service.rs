//! What the service is made of: the store and the other services' ports, wired by `node`.

use crate::model::ComputeHost;
use flow::Starter;
use kernel::{Clock, HostName};
use ports::{HostCalls, Images, Keys, Neighbours, Placer, PortBinder, Projects, Roster, Volumes};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, ops::Deref, sync::Arc, time::Duration};
use store::Store;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The zone of hosts that no aggregate puts elsewhere.
    pub default_zone: String,
    /// What console addresses begin with, `https://cloud.example`; empty: what the client's request was sent to.
    pub console_base: String,
    /// How long a console's address is good for.
    pub console_ttl_seconds: u64,
    /// Hosts that are tried before a server that no host takes is in ERROR.
    pub create_tries: u32,
    /// Seconds after which a guest that changes its memory faster than it is sent goes on where it migrates to, and fetches what
    /// it misses; 0: only when somebody asks for it (`force_complete`).
    pub post_copy_after_seconds: u64,
    /// MiB that one live migration may send in a second; 0: as many as it can.
    pub migration_mib_per_second: u64,
    /// Whether a resize may stay on its host, where nothing has to be carried. A cloud of one host has no other.
    pub allow_resize_to_same_host: bool,
    /// A resize that nobody has confirmed or reverted for so long is confirmed; 0: never.
    pub resize_confirm_seconds: u64,
    /// Guests of so much memory and more are made so that they can be given more while they run. Linux sets 64 MiB aside in such guests.
    pub live_resize_from_mib: u64,
    /// Which guests a resize may restart although nobody asked for it.
    pub resize_restarts: Restarts,
    /// The most queues of an interface whose guest asks for several; 0: as many as it has vCPUs.
    pub max_queues: u32,
    /// How long a shelved server stays on its host; `None`: until it is offloaded by hand.
    pub shelved_offload_seconds: Option<u64>,
}

/// Guests that a resize restarts where it cannot be done while they run, and the request does not ask for that. Guests that are off, and
/// requests that say `cold`, are not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Restarts {
    None,
    /// Those too small to have been made with room for more memory.
    Small,
    /// All, as Nova does.
    Any,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_zone: "nova".into(),
            console_base: String::new(),
            console_ttl_seconds: 600,
            create_tries: 3,
            post_copy_after_seconds: 60,
            migration_mib_per_second: 0,
            allow_resize_to_same_host: true,
            resize_confirm_seconds: 0,
            live_resize_from_mib: 128,
            resize_restarts: Restarts::Small,
            max_queues: 0,
            shelved_offload_seconds: Some(0),
        }
    }
}

impl Config {
    pub(crate) fn post_copy_after(&self) -> Option<Duration> {
        (self.post_copy_after_seconds > 0).then(|| Duration::from_secs(self.post_copy_after_seconds))
    }

    pub(crate) fn migration_bandwidth(&self) -> Option<u64> {
        (self.migration_mib_per_second > 0).then_some(self.migration_mib_per_second << 20)
    }
}

/// What `node` lends.
pub struct Deps {
    pub store: Store,
    pub starter: Starter,
    pub clock: Arc<dyn Clock>,
    pub placer: Arc<dyn Placer>,
    pub ports: Arc<dyn PortBinder>,
    pub volumes: Arc<dyn Volumes>,
    pub images: Arc<dyn Images>,
    pub hosts: Arc<dyn HostCalls>,
    pub projects: Arc<dyn Projects>,
    /// Where passphrases of TPMs are kept.
    pub keys: Arc<dyn Keys>,
    /// For the deprecated proxies.
    pub neighbours: Arc<dyn Neighbours>,
    pub config: Config,
}

/// The compute service. Cheap to clone.
#[derive(Clone)]
pub struct Compute(Arc<Deps>);

impl Compute {
    pub fn new(deps: Deps) -> Self {
        Self(Arc::new(deps))
    }

    /// Hosts that may take new servers: connected or about to be again, and not disabled.
    pub(crate) fn roster(&self) -> Roster {
        let c = self.clone();
        Roster::new(move |view, name| {
            let host = view.get::<ComputeHost>(name)?;
            let usable = !host.disabled && !host.forced_down && c.hosts.is_expected(name);
            usable.then(|| c.hosts.load(name).unwrap_or_default())
        })
    }

    /// Names of all connected hosts: for views of many servers, looked up once.
    pub(crate) fn alive(&self) -> BTreeSet<HostName> {
        self.hosts.hosts().into_iter().filter(|h| h.connected).map(|h| h.host).collect()
    }

    pub(crate) fn console_ttl(&self) -> Duration {
        Duration::from_secs(self.config.console_ttl_seconds)
    }
}

impl Deref for Compute {
    type Target = Deps;
    fn deref(&self) -> &Deps {
        &self.0
    }
}
