//! What this host has carried out, on disk: the newest generation and the number of reboots per server.
//!
//! It tells an intent that is new from one that was carried out before the agent restarted: a guest that powered itself off
//! since must be reported, not started again.

use kernel::{Result, ServerId, error::Doing};
use serde::{Deserialize, Serialize};
use std::{io::Write, path::PathBuf};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) generation: u64,
    pub(crate) reboots: u64,
}

/// A directory with one small file per server.
#[derive(Clone)]
pub(crate) struct DoneFiles(PathBuf);

impl DoneFiles {
    pub(crate) fn open(state_dir: &std::path::Path) -> Result<Self> {
        let dir = state_dir.join("done");
        std::fs::create_dir_all(&dir).doing("making the agent's state directory")?;
        Ok(Self(dir))
    }

    fn path(&self, server: &ServerId) -> PathBuf {
        self.0.join(server.as_str())
    }

    /// `None` if nothing was carried out. A file that a crash left unreadable counts as nothing: doing twice is harmless.
    pub(crate) fn read(&self, server: &ServerId) -> Option<Done> {
        serde_json::from_slice(&std::fs::read(self.path(server)).ok()?).ok()
    }

    pub(crate) fn write(&self, server: &ServerId, done: Done) -> Result<()> {
        let (path, aside) = (self.path(server), self.0.join(format!(".{server}")));
        let json = serde_json::to_vec(&done).doing("encoding what was carried out")?;
        let mut file = std::fs::File::create(&aside).doing("recording what was carried out")?;
        file.write_all(&json).doing("recording what was carried out")?;
        std::fs::rename(aside, path).doing("recording what was carried out")
    }

    pub(crate) fn remove(&self, server: &ServerId) {
        let _ = std::fs::remove_file(self.path(server)); // absent is as good
    }
}

/// Raises the number of this start of the agent, on disk; the upper half of every sequence number.
pub(crate) fn next_incarnation(state_dir: &std::path::Path) -> Result<u64> {
    let path = state_dir.join("incarnation");
    let last: u64 = std::fs::read_to_string(&path).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0);
    let aside = state_dir.join(".incarnation");
    let mut file = std::fs::File::create(&aside).doing("writing the agent's incarnation")?;
    writeln!(file, "{}", last + 1).and_then(|()| file.sync_all()).doing("writing the agent's incarnation")?;
    std::fs::rename(aside, path).doing("writing the agent's incarnation")?;
    Ok(last + 1)
}
