//! The key space. Permanent.
//!
//! ```text
//!   history/<stream>/<time>-<commit>-<n>   records, outside memory and watch
//!   lease/<name>                           leases of back ends that keep them as keys
//!   o.epoch  o.format  o.head              about the log itself, see below
//!   o/<kind>/<id>                          objects
//!   tx/<id>                                outcome of a commit: committed or aborted; expires
//! ```
//!
//! `.` sorts before `/`, so one range, [`LOG`], holds the objects and the three keys about them: one watch sees both in order.
//! - `o.head` is written last by every commit. Its revision is the newest of the log, so the read of one key tells a reader how
//!   far it must be, and a watcher that a revision is complete.
//! - `o.epoch` is raised by a restore or a change of back end: revisions before it do not compare with those after.
//! - `o.format` is the version of the formats being written.

use crate::Revision;
use std::ops::{Bound, Range};

pub(crate) const HEAD: &str = "o.head";
pub(crate) const EPOCH: &str = "o.epoch";
pub(crate) const FORMAT: &str = "o.format";

/// Objects and the keys about them.
pub(crate) const LOG: Range<&str> = "o."..OBJECTS.end;
pub(crate) const OBJECTS: Range<&str> = "o/".."o0";
pub(crate) const HISTORY: Range<&str> = "history/".."history0";
pub(crate) const LEASES: Range<&str> = "lease/".."lease0";
pub(crate) const TX: Range<&str> = "tx/".."tx0";

/// `o/<kind>/<id>`
pub(crate) fn object(kind: &str, id: &str) -> String {
    let mut key = String::with_capacity(kind.len() + id.len() + 3);
    for part in [OBJECTS.start, kind, "/", id] {
        key.push_str(part);
    }
    key
}

/// Kind and id of an object's key.
pub(crate) fn split_object(raw: &str) -> Option<(&str, &str)> {
    raw.strip_prefix(OBJECTS.start)?.split_once('/')
}

pub(crate) fn in_log(raw: &str) -> bool {
    LOG.contains(&raw)
}

pub(crate) fn tx(id: &str) -> String {
    format!("{}{id}", TX.start)
}

pub(crate) fn lease(name: &str) -> String {
    format!("{}{name}", LEASES.start)
}

/// `from..to` for maps that are asked with `str`.
pub(crate) fn bounds<'a>(range: &Range<&'a str>) -> (Bound<&'a str>, Bound<&'a str>) {
    (Bound::Included(range.start), Bound::Excluded(range.end))
}

/// The value of one of the keys about the log.
pub(crate) fn number(value: &[u8]) -> Result<u64, String> {
    let (_, json) = crate::codec::unframe(value)?;
    serde_json::from_slice(json).map_err(|e| e.to_string())
}

pub(crate) fn number_value(number: u64) -> bytes::Bytes {
    crate::codec::frame(1, number.to_string().as_bytes()).into()
}

/// A key and the revision a compare wants it to have; 0: absent.
pub(crate) type Compare = (String, Revision);
