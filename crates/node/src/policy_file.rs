//! The operator's policy: `policy.yaml` in the data directory, read at the start and watched.
//!
//! ```text
//!   start:   something is wrong with it ─▶ the node does not start, and says what
//!   later:   it changed ─▶ whole  ─▶ in force at once, for requests that begin then
//!                       └▶ broken ─▶ said in the log and by `tstack policy check`; what was in force stays
//!            it is gone ─▶ the defaults again
//! ```
//!
//! A node that runs does not stop for a slip of the pen; one that starts has nothing in force to fall back on, and the
//! defaults may allow what the operator forbade. The file is compared by its text, so that no clock of a file system decides.

use kernel::{Error, Result};
use parking_lot::Mutex;
use policy::Policies;
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinHandle;

/// Beside `tstack.toml`; maps services to rules, `compute: {"os_compute_api:servers:create": "role:admin"}`.
pub const POLICY_FILE: &str = "policy.yaml";
/// How soon a change is seen.
const INTERVAL: Duration = Duration::from_secs(1);

pub struct PolicyFile {
    path: PathBuf,
    policies: Arc<Policies>,
    seen: Mutex<Seen>,
}

/// What was last read.
#[derive(Default)]
struct Seen {
    /// `None`: there is no file.
    text: Option<String>,
    /// Why it is not in force.
    problem: Option<String>,
}

/// As operators ask about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyView {
    pub path: String,
    pub exists: bool,
    /// Absent: what it says is in force.
    pub problem: Option<String>,
}

impl PolicyFile {
    /// Reads it, if there is one. Everything that is wrong with it is one error: a policy that is half in force is worse than
    /// none.
    pub fn open(dir: &Path, policies: Arc<Policies>) -> Result<Arc<Self>> {
        let file = Self { path: dir.join(POLICY_FILE), policies, seen: Mutex::default() };
        file.refresh()?;
        match file.view().problem {
            None => Ok(Arc::new(file)),
            Some(problem) => Err(Error::bad_request(format!("{}:\n{problem}", file.path.display()))),
        }
    }

    /// Puts in force what has changed.
    fn refresh(&self) -> Result<()> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => Some(text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::bad_request(format!("reading {}: {e}", self.path.display()))),
        };
        let mut seen = self.seen.lock();
        if seen.text == text {
            return Ok(());
        }
        let problem =
            self.policies.load_all(text.as_deref().unwrap_or_default()).err().map(|problems| problems.to_string());
        match &problem {
            None => tracing::info!(path = %self.path.display(), "policy in force"),
            Some(problem) => {
                tracing::error!(path = %self.path.display(), problem, "policy refused; what was in force stays")
            }
        }
        *seen = Seen { text, problem };
        Ok(())
    }

    pub fn view(&self) -> PolicyView {
        let seen = self.seen.lock();
        let path = self.path.display().to_string();
        PolicyView { path, exists: seen.text.is_some(), problem: seen.problem.clone() }
    }

    /// Looks again and again, until the task is aborted.
    pub fn watch(self: &Arc<Self>) -> JoinHandle<()> {
        let file = Arc::clone(self);
        tokio::spawn(async move {
            let mut unread = false;
            loop {
                tokio::time::sleep(INTERVAL).await;
                let this = Arc::clone(&file);
                let looked = tokio::task::spawn_blocking(move || this.refresh()).await;
                let error = looked.ok().and_then(Result::err);
                // Once per trouble, not once per second.
                if let Some(error) = error.as_ref().filter(|_| !unread) {
                    tracing::error!(error = %error.internal_text(), "policy cannot be read; what was in force stays");
                }
                unread = error.is_some();
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_check::{Question, check};

    fn reader_may_list_users(policies: &Policies) -> bool {
        let question = serde_json::json!({"rule": "identity:list_users", "roles": ["reader"], "project_id": "p"});
        check(policies, &serde_json::from_value::<Question>(question).unwrap(), None).unwrap().allowed
    }

    #[test]
    fn the_file_is_in_force_while_it_is_there_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(POLICY_FILE);
        let policies = crate::services::policies().unwrap();
        let file = PolicyFile::open(dir.path(), Arc::clone(&policies)).unwrap();
        assert!(!file.view().exists && !reader_may_list_users(&policies));
        let now = |text: &str| {
            std::fs::write(&path, text).unwrap();
            file.refresh().unwrap();
            (reader_may_list_users(&policies), file.view().problem)
        };
        assert_eq!(now("identity:\n  identity:list_users: role:reader\n"), (true, None));
        let (still, problem) = now("identity:\n  identity:list_user: '@'\n");
        assert!(still, "a broken file changes nothing");
        assert!(problem.unwrap().contains("did you mean 'identity:list_users'"), "the nearest name is told");
        assert_eq!(
            now("volume:\n  volume:create: role:admin\n"),
            (false, None),
            "what is not there any more is the default"
        );
        assert_eq!(now("identity:\n  identity:list_users: role:reader\n"), (true, None));
        assert_eq!(now(""), (false, None));
        now("identity:\n  identity:list_users: role:reader\n");
        std::fs::remove_file(&path).unwrap();
        file.refresh().unwrap();
        assert!(!file.view().exists && !reader_may_list_users(&policies));
    }

    #[test]
    fn a_node_starts_with_a_whole_policy_or_is_told_all_that_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let open = |text: &str| {
            std::fs::write(dir.path().join(POLICY_FILE), text).unwrap();
            PolicyFile::open(dir.path(), crate::services::policies().unwrap()).err().map(|e| e.message().to_owned())
        };
        assert_eq!(
            open("compute:\n  os_compute_api:servers:create: '!'\nvolume:\n  volume:create: role:admin\n"),
            None
        );
        let said =
            open("compute:\n  os_compute_api:servers:crate: '!'\nvolumes:\n  volume:create: role:admin\n").unwrap();
        for part in [
            "policy.yaml",
            "did you mean 'os_compute_api:servers:create'?",
            "no service is called volumes; did you mean 'volume'?",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
