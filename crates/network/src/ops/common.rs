//! What several verbs need.

use super::access::{On, Reach, Seen, Set, authorize, change, see};
use crate::{
    Network as Service,
    error::NetError,
    model::{Resource, Settings, qos::RuleType},
};
use kernel::{Ctx, ProjectId, Result, Timestamp};
use policy::Rule;
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

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
    /// The QoS rules that the back end enforces.
    pub enforced: &'static [RuleType],
}

/// The rule that creating a kind of object asks, and the table that has those of its attributes.
#[derive(Clone, Copy)]
pub struct Guard {
    pub table: &'static [&'static Rule],
    pub rule: &'static Rule,
}

/// Makes objects, all or none: asks policy for each, then writes them in one transaction.
pub async fn create_all<T: Send + 'static, R: Send + 'static>(
    net: &Service,
    cx: &Ctx,
    guard: Guard,
    label: &'static str,
    asked: Vec<Asked<T>>,
    insert: impl FnMut(&mut Tx, &Env, &Asked<T>) -> Result<R> + Send + 'static,
) -> Result<Vec<R>> {
    authorize_each(net, cx, guard, &asked, |_, on| on)?;
    write_all(net, label, asked, insert).await
}

/// The first half of [`create_all`], for those whose rules ask for more than whose the object will be.
pub fn authorize_each<T>(
    net: &Service,
    cx: &Ctx,
    Guard { table, rule }: Guard,
    asked: &[Asked<T>],
    full: impl for<'a> Fn(&'a Asked<T>, On<'a>) -> On<'a>,
) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    for one in asked {
        let on = full(one, On::new(&snapshot, &reach, &one.project));
        let _permit = authorize(cx, table, rule, &one.set, &on)?;
    }
    Ok(())
}

/// The second half of [`create_all`], for those who have asked policy in their own way.
pub async fn write_all<T: Send + 'static, R: Send + 'static>(
    net: &Service,
    label: &'static str,
    asked: Vec<T>,
    mut insert: impl FnMut(&mut Tx, &Env, &T) -> Result<R> + Send + 'static,
) -> Result<Vec<R>> {
    let env = net.env();
    net.store().transact(label, move |tx| asked.iter().map(|one| insert(tx, &env, one)).collect()).await
}

/// Which object is changed, by which rule, counted under which label.
pub struct Of<'a> {
    pub id: &'a str,
    pub rule: &'static Rule,
    pub label: &'static str,
    pub expect: Expect,
}

/// Changes an object that the caller may change. `apply` makes the changes on a copy, which is written if it differs.
pub async fn update_one<R: Seen + PartialEq>(
    net: &Service,
    cx: &Ctx,
    of: Of<'_>,
    set: &Set,
    mut apply: impl FnMut(&mut Tx, &Env, &mut R) -> Result<()> + Send + 'static,
) -> Result<Arc<R>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<R>(cx, &snapshot, &reach, of.id, of.rule, set)?;
    let (env, id, expect) = (net.env(), of.id.to_owned(), of.expect);
    net.store()
        .transact(of.label, move |tx| {
            let old = expected::<R>(tx, &id, expect)?;
            let mut new = R::clone(&old);
            apply(tx, &env, &mut new)?;
            Ok(save(tx, &old, new, env.now))
        })
        .await
}

/// Removes an object that the caller may remove; before, `remove` refuses or gives back what the object claims.
pub async fn delete_one<R: Seen>(
    net: &Service,
    cx: &Ctx,
    of: Of<'_>,
    mut remove: impl FnMut(&mut Tx, &Env, &R) -> Result<()> + Send + 'static,
) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<R>(cx, &snapshot, &reach, of.id, of.rule, &Set::default())?;
    let (env, id, expect) = (net.env(), of.id.to_owned(), of.expect);
    net.store()
        .transact(of.label, move |tx| {
            let object = expected::<R>(tx, &id, expect)?;
            remove(tx, &env, &object)?;
            tx.delete::<R>(&id);
            Ok(())
        })
        .await
}

/// The changes of a resource none of whose attributes can be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct NoChanges {}

/// Answers a request that changes nothing.
pub fn unchanged<R: Seen>(net: &Service, cx: &Ctx, id: &str) -> Result<Arc<R>> {
    see::<R>(cx, &net.store().snapshot(), &Reach::of(cx), id)
}

/// Takes what a request gives.
pub fn take<T: Clone>(to: &mut T, given: &Option<T>) {
    if let Some(given) = given {
        to.clone_from(given);
    }
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
