//! A disk of a guest that runs goes to another place, and the guest goes on.
//!
//! ```text
//!   here ── mirror_disk ──▶ both places are the same, the guest stands still ──┬─ move_disk ─▶ there
//!     ▲                     (as is any guest that was paused before)           │
//!     └──────────────────────────────────────────────────────── keep_disk ─────┘
//! ```
//!
//! While a disk is mirrored the guest writes to both places. When they are the same, the guest is held for the moment that it takes to
//! write down where the disk is from now on: nothing is written meanwhile, all is flushed, so whatever dies then, either place is
//! right. A guest that is held counts as running.

use super::{DiskSource, Fence};
use async_trait::async_trait;
use kernel::{Result, ServerId};

/// The part of a hypervisor that puts other bytes under a disk.
#[async_trait]
pub trait DiskMoves: Send + Sync + 'static {
    /// Copies a disk to `to`, which is as large and blank, and returns when both are the same and the guest is held. Asked again
    /// meanwhile, goes on. `Conflict`: it cannot be, or the guest has ended, and all is as before.
    async fn mirror_disk(&self, server: &ServerId, disk_id: &str, to: &DiskSource, fence: Fence) -> Result<()>;

    /// The guest has the disk at `to` from now on, and goes on. `Conflict`: the two places are not the same. A guest that does not run
    /// finds it there at its next start.
    async fn move_disk(&self, server: &ServerId, disk_id: &str, to: &DiskSource, fence: Fence) -> Result<()>;

    /// The disk stays where it is, and the guest goes on. `Ok` if nothing else was begun.
    async fn keep_disk(&self, server: &ServerId, disk_id: &str, fence: Fence) -> Result<()>;
}
