//! What a hypervisor has the agent inside a guest do.

use async_trait::async_trait;
use kernel::{Error, Result, ServerId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whether a guest's file systems are to be at rest in a copy of a disk: written out, and whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quiesce {
    #[default]
    No,
    IfPossible,
    /// Else there is to be no copy.
    Required,
}

/// A copy that was to be made of file systems at rest, in Nova's words.
pub fn not_quiesced(why: Error) -> Error {
    Error::conflict(format!("Failed to quiesce instance: {}", why.message())).with_source(why)
}

/// The part of a hypervisor that speaks with guests' agents. `Conflict` wherever there is none, or it does not answer, or refuses.
#[async_trait]
pub trait GuestAgent: Send + Sync + 'static {
    /// Sets a user's password.
    async fn set_password(&self, server: &ServerId, user: &str, password: &str) -> Result<()>;

    /// Has the guest write out its file systems and keep from writing until [`Self::thaw`], or until `at_most` is over: whatever dies
    /// meanwhile, no guest stays so. Asked again, it is as long from now.
    async fn freeze(&self, server: &ServerId, at_most: Duration) -> Result<()>;

    /// Ends it. `false`: the guest was writing before, because it started anew or all its time was over.
    async fn thaw(&self, server: &ServerId) -> Result<bool>;
}
