//! What several verbs need.

use crate::{
    error::NetError,
    model::{Resource, Settings},
};
use kernel::{ProjectId, Result, Timestamp};
use std::sync::Arc;
use store::Tx;

use super::access::Set;

/// One object that a request asks for, checked for form.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<T> {
    pub set: Set,
    pub project: ProjectId,
    pub body: T,
}

/// What a transaction's functions need besides the store.
#[derive(Clone, Debug)]
pub struct Env {
    pub now: Timestamp,
    pub settings: Arc<Settings>,
}

/// `If-Match: revision_number=…`
pub type Expect = Option<i64>;

/// The object as it is now, unless the caller meant another revision of it.
pub fn expected<R: Resource>(tx: &mut Tx, id: &str, expect: Expect) -> Result<Arc<R>> {
    let object = tx.get::<R>(id).ok_or_else(|| R::not_found(id))?;
    let actual = object.standard().revision;
    match expect {
        Some(expected) if expected != actual => {
            Err(NetError::RevisionNumberConstraintFailed { expected, actual }.into())
        }
        _ => Ok(object),
    }
}

/// Writes a changed object with a new revision; one that did not change stays as it is.
pub fn save<R: Resource + PartialEq>(tx: &mut Tx, old: &Arc<R>, mut new: R, now: Timestamp) -> Arc<R> {
    if **old == new {
        return Arc::clone(old);
    }
    new.standard_mut().touch(now);
    tx.put(new)
}

/// Raises an object's revision because something that belongs to it changed.
pub fn touch<R: Resource>(tx: &mut Tx, id: &str, now: Timestamp) {
    tx.update::<R>(id, |object| object.standard_mut().touch(now));
}

/// A list of ids for people.
pub fn listed<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    ids.into_iter().collect::<Vec<_>>().join(", ")
}

/// For `#[serde(deserialize_with)]`: tells a field that is null from one that is not there.
pub fn given<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}
