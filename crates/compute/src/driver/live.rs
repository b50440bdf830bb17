//! Live migration, as hosts are asked for it.
//!
//! ```text
//!   the host that is left                              the host that is gone to
//!   Running ── send ──▶ disks, then memory ──────────▶ Arriving            receive
//!      │ call_off: it goes on here                        │ destroy: nothing is left
//!      ▼                                                  ▼
//!   Paused: all is sent ──────────────────────────────▶ land ──▶ Running, or Paused as it was
//!      │ destroy; or resume, should it not land
//!      ▼
//!   Paused: it runs there already (post-copy) ────────▶ Running, by itself; memory follows
//! ```
//!
//! Who runs is never in doubt: a guest that arrives runs only after `land`, which is asked for when all has been sent, or after the
//! switch to post-copy, from which the sender cannot come back. What is sent goes from hypervisor to hypervisor by TLS, with the
//! hosts' certificates: members and agents may die meanwhile. So all of this is asked again after they have, and goes on.

use super::{Fence, VmSpec};
use async_trait::async_trait;
use kernel::{HostName, Result, ServerId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a guest is awaited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// As its certificate has it.
    pub host: HostName,
    pub address: String,
    /// Ports.
    pub memory: u16,
    /// `None`: no disk comes along.
    pub disks: Option<u16>,
}

/// How a guest is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Travel {
    pub to: Landing,
    /// From when on it is not waited for memory that changes faster than it is sent: the guest goes on over there, and fetches what
    /// it misses. `None`: when somebody asks for it.
    pub post_copy_after: Option<Duration>,
    /// Bytes in a second; `None`: as fast as it goes.
    pub bandwidth: Option<u64>,
}

/// How far sending has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// The guest stands still, and is over there.
    All,
    /// It runs over there, with memory still to come.
    Running,
}

/// What a guest that is being sent does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is not being sent.
    #[default]
    None,
    Disks,
    Memory,
    PostCopy,
    /// All has gone.
    Sent,
    /// It was, and could not be, or was called off.
    Failed,
}

/// Bytes of memory and disks, as Nova counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub stage: Stage,
    pub memory_total: u64,
    pub memory_sent: u64,
    pub memory_left: u64,
    pub disk_total: u64,
    pub disk_sent: u64,
    /// For how long the guest stood still, once it is known.
    pub downtime_ms: Option<u64>,
}

/// What a guest does when it has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Run,
    /// Until it is resumed.
    StandStill,
}

/// What is known of a guest that is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOff {
    /// It stays if it has not left.
    IfHere,
    /// It did not land over there, and never will: there is no process of it.
    NotLanded,
}

/// The part of a hypervisor that lets guests go to another host, and takes them.
#[async_trait]
pub trait LiveMigration: Send + Sync + 'static {
    /// Makes a guest that waits for what `from` will send. The same answer each time; `Conflict` if a guest of the server is here.
    async fn receive(&self, spec: &VmSpec, from: &HostName, fence: Fence) -> Result<Landing>;

    /// Where a guest that arrives is awaited.
    async fn landing(&self, server: &ServerId) -> Result<Landing>;

    /// Makes what has been sent a guest of this host, at once if it was running. `Ok` if it is one already; `Unavailable` if not all
    /// has come yet.
    async fn land(&self, server: &ServerId, then: Then, fence: Fence) -> Result<()>;

    /// Sends a guest, and returns when it has left. Asked again while it is under way, goes on. `Conflict`: it could not be sent, or
    /// was called off, and runs on here; any other error: ask again.
    async fn send(&self, server: &ServerId, travel: &Travel, fence: Fence) -> Result<Sent>;

    /// Has a guest go on over there now, its memory to follow. `Conflict` if that cannot be yet.
    async fn hasten(&self, server: &ServerId) -> Result<()>;

    /// The guest stays. `Conflict` if it has left.
    async fn call_off(&self, server: &ServerId, known: CallOff, fence: Fence) -> Result<()>;

    async fn progress(&self, server: &ServerId) -> Result<Progress>;
}
