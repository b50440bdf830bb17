//! What has changed in a volume since a backup: QEMU's dirty bitmaps, kept in the volume's own image.
//!
//! ```text
//!   backup a (whole)       mark a begins in the moment that is copied
//!   backup b (of a)        mark b begins; only what mark a shows is copied ▶ written over a's chunks ▶ mark a goes
//! ```
//!
//! A mark is of the image in which it lies: an image that was replaced (restored, turned back) has none of what came before, and a
//! copy of the file brings it along with the bytes it speaks of. QEMU keeps marks in memory while the volume is exported and writes them when
//! its daemon ends; after a kill it calls them inconsistent, and they go before the volume grows or with its next backup. Where there is no mark for the parent, all is compared:
//! a mark saves reading, and never decides what is true. One bit is one chunk of a backup, so that no chunk is known in part.

use super::{
    daemon::DISK,
    qmp::{Qmp, QmpError},
};
use crate::backups::CHUNK;
use serde_json::{Value, json};
use volume::driver::BackupPlace;

const PREFIX: &str = "backup-";

/// What a copy is to begin, and to go by.
#[derive(Clone, Debug, Default)]
pub(super) struct Marking {
    /// Begins in the moment that is copied.
    pub(super) begin: Option<String>,
    /// Only what this one shows is copied.
    pub(super) by: Option<String>,
}

impl Marking {
    /// The actions of one transaction: the copy as it is asked for, and what goes with it.
    pub(super) fn around(&self, mut copy: Value) -> Value {
        if let Some(by) = &self.by {
            (copy["sync"], copy["bitmap"], copy["bitmap-mode"]) = (json!("bitmap"), json!(by), json!("never"));
        }
        let begin = self.begin.iter().map(|name| {
            let data = json!({"node": DISK, "name": name, "persistent": true, "granularity": CHUNK});
            json!({"type": "block-dirty-bitmap-add", "data": data})
        });
        begin.chain([json!({"type": "blockdev-backup", "data": copy})]).collect()
    }
}

pub(super) fn name(of: &BackupPlace) -> String {
    format!("{PREFIX}{}", of.backup)
}

async fn all(qmp: &mut Qmp) -> Result<Vec<Value>, QmpError> {
    let nodes = qmp.execute("query-named-block-nodes", json!({"flat": true})).await?;
    let disk = nodes.as_array().into_iter().flatten().find(|n| n["node-name"] == DISK);
    let marks = disk.and_then(|n| n["dirty-bitmaps"].as_array()).into_iter().flatten();
    Ok(marks.filter(|m| m["name"].as_str().is_some_and(|n| n.starts_with(PREFIX))).cloned().collect())
}

fn spoilt(mark: &Value) -> bool {
    mark["inconsistent"] == true || mark["recording"] != true || mark["granularity"] != CHUNK
}

/// Whether what this one shows is what has changed.
pub(super) async fn holds(qmp: &mut Qmp, name: &str) -> Result<bool, QmpError> {
    Ok(all(qmp).await?.iter().any(|m| m["name"] == name && m["busy"] != true && !spoilt(m)))
}

/// Removes those that a kill has spoilt: with one of them an image cannot grow.
pub(super) async fn clear(qmp: &mut Qmp) -> Result<(), QmpError> {
    forget(qmp, |_, mark| spoilt(mark)).await
}

/// Removes all but this one.
pub(super) async fn keep(qmp: &mut Qmp, name: &str) -> Result<(), QmpError> {
    forget(qmp, |other, _| other != name).await
}

/// Removes this one.
pub(super) async fn drop_one(qmp: &mut Qmp, name: &str) -> Result<(), QmpError> {
    forget(qmp, |other, _| other == name).await
}

async fn forget(qmp: &mut Qmp, which: impl Fn(&str, &Value) -> bool) -> Result<(), QmpError> {
    for mark in all(qmp).await? {
        let name = mark["name"].as_str().unwrap_or_default();
        if which(name, &mark) {
            qmp.execute("block-dirty-bitmap-remove", json!({"node": DISK, "name": name})).await?;
        }
    }
    Ok(())
}
