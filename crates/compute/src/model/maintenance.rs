//! A host that is to be left alone for a while: its servers go elsewhere, and if it is wished they come back.
//!
//! ```text
//!   (none) ──begin──▶ Draining ──end──▶ Returning ──all are back, or cannot be──▶ (none)
//!                        └────────end, they stay where they are────────────────▶ (none)
//! ```
//!
//! While it is drained the host is disabled, as Nova's users see it; who enables it by Nova's API ends its maintenance. What to do
//! with each server is [`fate`], a function of what is recorded: whoever carries it out may be gone at any time.

use super::{Migration, Server, ServerState, migration::MigrationStatus, vtpm};
use kernel::{Credentials, HostName, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// How long a server that could not be moved is left in peace.
const AGAIN_AFTER: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    pub since: Timestamp,
    pub phase: Phase,
    /// Servers that were sent elsewhere.
    pub gone: BTreeSet<ServerId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Draining,
    Returning,
}

/// What is to become of a server next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes while it runs.
    Live,
    /// It is off, and goes as it is.
    Cold,
    /// It was sent elsewhere cold, by nobody but us, and is to stay there.
    Confirm,
    /// Somebody is at work on it.
    Busy,
    /// It cannot go now, for this reason.
    Waits(String),
}

/// Of a server that is to leave `from`, where it is. `last`: the newest move of it.
pub fn fate(server: &Server, last: Option<&Migration>, from: &HostName, now: Timestamp) -> Fate {
    if server.task.is_some() {
        return Fate::Busy;
    }
    if let Some(resize) = &server.resize {
        let ours = last.is_some_and(|m| m.id == resize.migration && m.user == Credentials::internal().user);
        return match ours && server.state == ServerState::Resized {
            true => Fate::Confirm,
            false => Fate::Waits("its resize is neither confirmed nor reverted".into()),
        };
    }
    let failed = last.filter(|m| m.source == *from && is_failure(m.status));
    if let Some(failed) = failed.filter(|m| now.since(m.updated.unwrap_or(m.created)) < AGAIN_AFTER) {
        let why = failed.why.as_deref().unwrap_or("nobody said why");
        return Fate::Waits(format!(
            "its last move failed ({why}); it is tried again {} s later",
            AGAIN_AFTER.as_secs()
        ));
    }
    match server.state {
        ServerState::Active | ServerState::Paused if vtpm::refuse_live(server).is_err() => {
            Fate::Waits("its TPM stays where it is while it runs (hw:tpm_secret_security)".into())
        }
        ServerState::Active | ServerState::Paused => Fate::Live,
        ServerState::Stopped => Fate::Cold,
        other => Fate::Waits(format!("it is {}, and such servers do not move", other.as_str())),
    }
}

/// The move did not take place.
pub fn is_failure(status: MigrationStatus) -> bool {
    matches!(status, MigrationStatus::Error | MigrationStatus::Failed | MigrationStatus::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Task, migration::MigrationKind},
        testkit::server,
    };

    fn failed(from: &str, secs: i64) -> Migration {
        Migration {
            id: "m".into(),
            number: 1,
            kind: MigrationKind::Live,
            status: MigrationStatus::Error,
            server: "s".into(),
            project: "p".into(),
            user: "u".into(),
            source: from.into(),
            dest: None,
            old_flavor: 1,
            new_flavor: 1,
            holds: None,
            why: None,
            progress: None,
            plan: None,
            created: Timestamp::from_secs(0),
            updated: Some(Timestamp::from_secs(secs)),
        }
    }

    #[test]
    fn what_becomes_of_servers() {
        let now = Timestamp::from_secs(1000);
        let in_state = |state| Server { state, ..server("s") };
        let check = |server: &Server, last: Option<&Migration>, expect: Fate| {
            assert_eq!(fate(server, last, &"h1".into(), now), expect, "{:?} {last:?}", server.state);
        };
        check(&in_state(ServerState::Active), None, Fate::Live);
        check(&in_state(ServerState::Paused), None, Fate::Live);
        check(&in_state(ServerState::Stopped), None, Fate::Cold);
        check(&Server { task: Some(Task::Rebooting), ..server("s") }, None, Fate::Busy);
        check(&in_state(ServerState::Active), Some(&failed("h1", 600)), Fate::Live);
        check(&in_state(ServerState::Active), Some(&failed("h2", 900)), Fate::Live);
        for (server, last) in [
            (in_state(ServerState::Suspended), None),
            (in_state(ServerState::Error), None),
            (in_state(ServerState::Active), Some(&failed("h1", 900))),
        ] {
            assert!(matches!(fate(&server, last, &"h1".into(), now), Fate::Waits(_)), "{:?}", server.state);
        }
    }
}
