//! One move of a server from a host to another (or, for a resize, in its place), from the request to its end. Kept when it is
//! over, until its server goes.
//!
//! ```text
//!   cold, resize   accepted → pre-migrating → migrating → post-migrating → finished ┬→ confirming → confirmed
//!                                                                                   └→ reverting → reverted
//!   evacuation     accepted → pre-migrating → done
//!   live           queued → preparing → running → post-migrating → completed, or cancelled, failed
//!   each of them   → error
//! ```
//!
//! While a server may be on either of two hosts, both are claimed: the one that it goes to by the server, the one that it leaves
//! by the migration ([`Migration::holds`]), whose id is the consumer there.

use super::{reshape::Plan, state::named};
use kernel::{HostName, ProjectId, ServerId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use store::{Index, IndexSink, Key, Object, Snapshot};

named! {
    /// `migration_type`
    MigrationKind {
        Cold = "migration",
        Resize = "resize",
        Live = "live-migration",
        Evacuation = "evacuation",
    }
}

named! {
    /// `status`, Nova's words.
    MigrationStatus {
        Accepted = "accepted",
        Queued = "queued",
        PreMigrating = "pre-migrating",
        Preparing = "preparing",
        Migrating = "migrating",
        Running = "running",
        PostMigrating = "post-migrating",
        Finished = "finished",
        Confirming = "confirming",
        Confirmed = "confirmed",
        Reverting = "reverting",
        Reverted = "reverted",
        Completed = "completed",
        Cancelled = "cancelled",
        Failed = "failed",
        Done = "done",
        Error = "error",
    }
}

impl MigrationStatus {
    /// Nothing is under way any more, and nothing waits for a decision.
    pub const fn is_over(self) -> bool {
        use MigrationStatus as M;
        matches!(self, M::Confirmed | M::Reverted | M::Completed | M::Cancelled | M::Failed | M::Done | M::Error)
    }

    /// What Nova shows of live migrations below their server.
    pub const fn is_in_progress(self) -> bool {
        use MigrationStatus as M;
        matches!(self, M::Queued | M::Preparing | M::Running | M::PostMigrating)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Also what holds the claim on the host that the server leaves.
    pub id: String,
    /// Clients before 2.59 know no other.
    pub number: u64,
    pub kind: MigrationKind,
    pub status: MigrationStatus,
    pub server: ServerId,
    pub project: ProjectId,
    pub user: UserId,
    pub source: HostName,
    /// Chosen by the scheduler, on the way.
    pub dest: Option<HostName>,
    /// Numbers of the flavors; the same unless it is a resize.
    pub old_flavor: u64,
    pub new_flavor: u64,
    /// What it has claimed of `source`. The server's own claim is on `dest` then.
    pub holds: Option<BTreeMap<String, u64>>,
    /// How a server was given another flavor, and why so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Why it did not take place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Of a live migration.
    pub progress: Option<Progress>,
    pub created: Timestamp,
    pub updated: Option<Timestamp>,
}

/// How far a live migration has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub memory: Transferred,
    pub disk: Transferred,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transferred {
    pub total: u64,
    pub processed: u64,
    pub remaining: u64,
}

impl Migration {
    pub const BY_SERVER: Index<Migration> = Index::new(0);

    /// Where the server's own claim is, if it is where the server goes and not (yet) where it is.
    pub fn claimed_at(&self) -> Option<&HostName> {
        self.dest.as_ref().filter(|_| self.holds.is_some() && !self.status.is_over())
    }
}

/// The host that a server's own claim is on.
pub fn claimed_at(snapshot: &Snapshot, server: &super::Server) -> Option<HostName> {
    let mut moves = snapshot.by(Migration::BY_SERVER, &server.id);
    moves.find_map(|m: Arc<Migration>| m.claimed_at().cloned()).or_else(|| server.host.clone())
}

impl Object for Migration {
    const KIND: &'static str = "compute.migration";
    const INDEXES: &'static [&'static str] = &["server"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_SERVER, &self.server);
    }
}
