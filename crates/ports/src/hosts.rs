//! Reaching a host's agent from a member.

use async_trait::async_trait;
use kernel::{Error, HostName, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// What a member knows of a host's agent; never stored, heartbeats are not in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostStatus {
    pub host: HostName,
    pub connected: bool,
    /// When the agent was last heard.
    pub last_seen: Timestamp,
}

/// How busy a host says it is; its processors and memory as shares of what it has: 0 idle, 1 all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub cpu: f64,
    pub memory: f64,
    /// What the kernel counts as ready to run, on average over 1, 5 and 15 minutes.
    #[serde(default)]
    pub ready: [f64; 3],
    #[serde(default)]
    pub up_seconds: u64,
}

/// One end of [`HostCalls::join`]. The method finds its tunnel in the arguments, as `tunnel`.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub host: &'a HostName,
    pub method: &'a str,
    pub params: Value,
}

/// A call to the agent of a host: `method` names an operation of one of the drivers there (`volume.create`,
/// `vm.console_log`, …), with its arguments as JSON. Every method is idempotent.
///
/// Errors: the driver's own for a definite refusal; `Unavailable` if the host is not connected, did not answer in time or the
/// connection broke, in which case the call may have been carried out.
#[async_trait]
pub trait HostCalls: Send + Sync + 'static {
    async fn call(&self, host: &HostName, method: &str, params: Value, within: Duration) -> Result<Value>;
    /// Two calls, on one host or two, with a byte stream between them: what `from` sends, `to` reads. `Ok` when both are done.
    async fn join(&self, from: Call<'_>, to: Call<'_>, _within: Duration) -> Result<()> {
        Err(Error::not_implemented(format!("nothing is carried from {} to {} here", from.host, to.host)))
    }
    fn hosts(&self) -> Vec<HostStatus>;
    fn is_connected(&self, host: &HostName) -> bool {
        self.hosts().iter().any(|h| h.host == *host && h.connected)
    }
    /// Connected, or away for so short a time that it may still come back by itself: work may be planned for it. A member that
    /// has just begun knows of nobody yet, and expects all.
    fn is_expected(&self, host: &HostName) -> bool {
        self.is_connected(host)
    }
    /// What the host's agent last said of how busy it is; `None` before it did.
    fn load(&self, _host: &HostName) -> Option<Load> {
        None
    }
}
