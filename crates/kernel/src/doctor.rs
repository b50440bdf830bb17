//! What `tstack doctor` says: each driver looks at its own needs on this host and answers with findings.

use serde::{Deserialize, Serialize};

/// One thing that was looked at on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at: `qemu-system-x86_64`.
    pub check: String,
    pub ok: bool,
    /// What was seen.
    pub detail: String,
    /// What the operator can do about it; empty when all is well.
    pub mend: String,
    /// Nothing can start without it: a node refuses with this finding's sentence before it touches anything.
    pub blocks: bool,
}

impl Finding {
    pub fn good(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { check: check.into(), ok: true, detail: detail.into(), mend: String::new(), blocks: false }
    }
    pub fn bad(check: impl Into<String>, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check: check.into(), ok: false, detail: detail.into(), mend: mend.into(), blocks: false }
    }

    /// Marks what nothing can start without.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.blocks = true;
        self
    }

    /// What was seen, and below it what can be done.
    pub fn sentence(&self) -> String {
        format!("{}: {}\n    → {}", self.check, self.detail, self.mend)
    }
}
