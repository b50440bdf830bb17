//! Tags of any resource.

use crate::{
    Network as Service,
    error::NetError,
    ops::{
        access::{Reach, Seen, Set, change, see},
        common::expected,
    },
};
use kernel::{Ctx, Result};
use policy::{Authorize, Rule};
use std::collections::BTreeSet;

const MAX_LENGTH: usize = 255;
const MAX_COUNT: usize = 50;

/// What is to become of an object's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    Replace(BTreeSet<String>),
    AddOne(String),
    AddAll(BTreeSet<String>),
    Remove(String),
    Clear,
}

/// The rule of this resource's tags for a verb: `update_network:tags`.
fn rule_of<R: Seen>(verb: &str) -> Option<&'static Rule> {
    let name = format!("{verb}_{}:tags", R::NAME);
    R::RULES.iter().copied().find(|rule| rule.name == name)
}

fn missing<R: Seen>() -> kernel::Error {
    kernel::Error::internal(format!("asking policy for the tags of a {}: there is no rule", R::NAME))
}

pub fn list<R: Seen>(net: &Service, cx: &Ctx, id: &str) -> Result<BTreeSet<String>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let object = see::<R>(cx, &snapshot, &reach, id)?;
    let _permit = cx.authorize(rule_of::<R>("get").ok_or_else(missing::<R>)?, &object.on(&snapshot, &reach))?;
    Ok(object.standard().tags.clone())
}

pub fn find<R: Seen>(net: &Service, cx: &Ctx, id: &str, tag: &str) -> Result<()> {
    if list::<R>(net, cx, id)?.contains(tag) {
        return Ok(());
    }
    Err(NetError::TagNotFound { tag: tag.to_owned() }.into())
}

/// Applies a change and answers with the tags there are then.
pub async fn apply<R: Seen + PartialEq>(
    net: &Service,
    cx: &Ctx,
    id: &str,
    todo: TagChange,
) -> Result<BTreeSet<String>> {
    let verb = match &todo {
        TagChange::Replace(_) | TagChange::AddOne(_) => "update",
        TagChange::AddAll(_) => "create",
        TagChange::Remove(_) | TagChange::Clear => "delete",
    };
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let rule = rule_of::<R>(verb).ok_or_else(missing::<R>)?;
    let (_, _permit) = change::<R>(cx, &snapshot, &reach, id, rule, &Set::default())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.tags", move |tx| {
            let old = expected::<R>(tx, &id, None)?;
            let tags = changed(&old.standard().tags, &todo)?;
            if tags != old.standard().tags {
                let mut new = R::clone(&old);
                new.standard_mut().tags.clone_from(&tags);
                new.standard_mut().touch(now);
                tx.put(new);
            }
            Ok(tags)
        })
        .await
}

fn changed(tags: &BTreeSet<String>, todo: &TagChange) -> Result<BTreeSet<String>> {
    let mut tags = tags.clone();
    match todo {
        TagChange::Replace(new) => tags.clone_from(new),
        TagChange::AddOne(new) => tags.extend([new.clone()]),
        TagChange::AddAll(new) => tags.extend(new.iter().cloned()),
        TagChange::Clear => tags.clear(),
        TagChange::Remove(tag) if !tags.remove(tag) => return Err(NetError::TagNotFound { tag: tag.clone() }.into()),
        TagChange::Remove(_) => {}
    }
    if let Some(tag) = tags.iter().find(|t| t.chars().count() > MAX_LENGTH) {
        return Err(NetError::input(format!("'{tag}' exceeds maximum length of {MAX_LENGTH}")).into());
    }
    if tags.len() > MAX_COUNT {
        let reason = format!("The number of tags exceed the per-resource limit of {MAX_COUNT}");
        return Err(NetError::BadRequest { resource: "tags", reason }.into());
    }
    Ok(tags)
}
