//! History that has left the store: segment files on the members, read as if it were still there.
//!
//! ```text
//!   copy: records before a moment ──▶ segment file, synced ──▶ trim: those records, and no others, leave the store
//! ```
//!
//! Every member that shall keep history copies; one, then, trims what it has copied itself. A record that comes late, with a time
//! before the moment, is in no segment, so it stays for the next round. A copy that was not trimmed is found twice and shown once:
//! records never change, and a key is a record's for good.

use crate::{
    Backend, Store,
    backend::{BackendError, CommitError, RawRow, RawTxn},
    keys,
    rowfile::{RowLine, RowWriter, SortedRows},
};
use kernel::Timestamp;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

const PAGE: usize = 1000;
/// Records of one segment; what is more is copied in the next round.
const SEGMENT: usize = 100_000;

#[derive(Serialize, Deserialize)]
struct Head {
    tstack: String,
    version: u32,
    before: Timestamp,
}

/// The segments of one member. Clones share them.
#[derive(Clone)]
pub struct HistoryArchive(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    segments: RwLock<Vec<PathBuf>>,
}

/// Records that are in a segment.
#[derive(Debug, Default)]
pub struct Copied {
    keys: Vec<String>,
}

impl Copied {
    pub fn len(&self) -> usize {
        self.keys.len()
    }
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn failed(dir: &Path) -> impl Fn(io::Error) -> BackendError + '_ {
    move |e| BackendError::Unavailable(format!("the history in {}: {e}", dir.display()))
}

impl HistoryArchive {
    /// The segments in a directory, which is made if there is none.
    pub fn open(dir: &Path) -> Result<Self, BackendError> {
        std::fs::create_dir_all(dir).map_err(failed(dir))?;
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed(dir))? {
            let path = entry.map_err(failed(dir))?.path();
            if path.extension().is_some_and(|e| e == "ndjson") {
                SortedRows::open(&path).map_err(failed(dir))?;
                segments.push(path);
            }
        }
        segments.sort();
        Ok(Self(Arc::new(Inner { dir: dir.to_owned(), segments: RwLock::new(segments) })))
    }

    /// Copies the records before a moment, of all streams that begin with `streams`, into a new segment.
    pub async fn copy(&self, backend: &dyn Backend, streams: &str, before: Timestamp) -> Result<Copied, BackendError> {
        let failed = failed(&self.0.dir);
        let name = format!("{:016x}-{}.ndjson", before.micros(), kernel::ids::uuid_hex());
        let path = self.0.dir.join(name);
        let head = Head { tstack: "history".into(), version: 1, before };
        let (mut out, mut copied) = (None, Copied::default());
        let mut from = format!("{}{streams}", keys::HISTORY.start);
        let end = format!("{from}\u{10ffff}");
        loop {
            let page = backend.range(&from, &end, PAGE, false).await?;
            let Some(last) = page.last().filter(|_| copied.len() < SEGMENT) else { break };
            from = format!("{}\0", last.key);
            for row in page.iter().filter(|r| time_of(&r.key).is_some_and(|at| at < before)) {
                if out.is_none() {
                    out = Some(RowWriter::create(&path, &head).map_err(&failed)?);
                }
                if let Some(out) = &mut out {
                    RowLine::new(&row.key, &row.value).and_then(|line| out.row(&line)).map_err(&failed)?;
                }
                copied.keys.push(row.key.clone());
            }
        }
        if let Some(out) = out {
            out.finish().map_err(&failed)?;
            self.0.segments.write().push(path);
        }
        Ok(copied)
    }

    /// No record in the archive is as new as this.
    pub(crate) fn reaches_to(&self) -> Option<Timestamp> {
        let before = |path: &PathBuf| {
            let (micros, _) = path.file_name()?.to_str()?.split_once('-')?;
            u64::from_str_radix(micros, 16).ok().map(|micros| Timestamp::from_micros(micros as i64))
        };
        self.0.segments.read().iter().filter_map(before).max()
    }

    /// Rows of the segments, in order, at most `limit`.
    pub(crate) fn range(
        &self,
        from: &str,
        to: &str,
        limit: usize,
        descending: bool,
    ) -> Result<Vec<RawRow>, BackendError> {
        let segments = self.0.segments.read().clone();
        let mut found = BTreeMap::new();
        for path in segments {
            let mut rows = SortedRows::open(&path).map_err(failed(&self.0.dir))?;
            let part = if descending { rows.descending(from, to, limit) } else { rows.ascending(from, to, limit) };
            for row in part.map_err(failed(&path))? {
                found.insert(row.key, row.value);
            }
        }
        let row = |(key, value): (String, String)| RawRow { key, value: value.into(), revision: 0 };
        let rows = found.into_iter().map(row);
        Ok(if descending { rows.rev().take(limit).collect() } else { rows.take(limit).collect() })
    }
}

/// The time in a record's key.
pub(crate) fn time_of(key: &str) -> Option<Timestamp> {
    let (_, name) = key.rsplit_once('/')?;
    let (micros, _) = name.split_once('-')?;
    u64::from_str_radix(micros, 16).ok().map(|micros| Timestamp::from_micros(micros as i64))
}

impl Store {
    /// Lets [`Store::history`] read the archive too.
    pub fn with_archive(self, archive: HistoryArchive) -> Self {
        let _ = self.0.archive.set(archive); // the first one stays
        self
    }

    /// Copies the records before a moment into the archive and then takes them out of the store. Returns how many.
    pub async fn trim_history(
        &self,
        archive: &HistoryArchive,
        streams: &str,
        before: Timestamp,
    ) -> Result<usize, BackendError> {
        let copied = archive.copy(self.backend(), streams, before).await?;
        self.trim_copied(&copied).await?;
        Ok(copied.len())
    }

    /// Takes records that are in a segment out of the store.
    pub async fn trim_copied(&self, copied: &Copied) -> Result<(), BackendError> {
        for keys in copied.keys.chunks(PAGE) {
            let id = kernel::ids::uuid_hex().to_string();
            let writes = keys.iter().map(|key| (key.clone(), None)).collect();
            match self.backend().commit(RawTxn { id, compares: Vec::new(), writes }).await {
                // In doubt it may have been done; what was not is copied and trimmed again in the next round.
                Ok(_) | Err(CommitError::Unknown(_)) => {}
                Err(e) => return Err(BackendError::Unavailable(format!("trimming history: {e}"))),
            }
        }
        Ok(())
    }
}
