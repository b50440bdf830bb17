use super::{find_in, permitted};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::Server,
    policy::{TAGS_DELETE, TAGS_DELETE_ALL, TAGS_INDEX, TAGS_SHOW, TAGS_UPDATE, TAGS_UPDATE_ALL},
};
use kernel::{Ctx, Result};
use policy::Rule;
use std::collections::BTreeSet;

/// Tags a server may have.
const MOST: usize = 50;

type Tags = BTreeSet<String>;

pub(crate) async fn tags(c: &Compute, cx: &Ctx, id: &str) -> Result<Tags> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &TAGS_INDEX)?;
    Ok(server.tags.clone())
}

pub(crate) async fn has_tag(c: &Compute, cx: &Ctx, id: &str, tag: &str) -> Result<()> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &TAGS_SHOW)?;
    let has = server.tags.contains(tag);
    has.then_some(()).ok_or_else(|| ComputeError::NoTag(server.id.clone(), tag.into()).into())
}

/// True if the tag is new.
pub(crate) async fn add_tag(c: &Compute, cx: &Ctx, id: &str, tag: String) -> Result<bool> {
    change(c, cx, id, &TAGS_UPDATE, move |server, tags| {
        let new = tags.insert(tag.clone());
        if tags.len() > MOST {
            return Err(invalid(format!("The number of tags exceeded the per-server limit {MOST} of {}", server.id)));
        }
        Ok(new)
    })
    .await
}

pub(crate) async fn replace_tags(c: &Compute, cx: &Ctx, id: &str, new: Tags) -> Result<Tags> {
    let rule = if new.is_empty() { &TAGS_DELETE_ALL } else { &TAGS_UPDATE_ALL };
    change(c, cx, id, rule, move |_, tags| {
        tags.clone_from(&new);
        Ok(new.clone())
    })
    .await
}

pub(crate) async fn remove_tag(c: &Compute, cx: &Ctx, id: &str, tag: String) -> Result<()> {
    change(c, cx, id, &TAGS_DELETE, move |server, tags| {
        let had = tags.remove(&tag);
        had.then_some(()).ok_or_else(|| ComputeError::NoTag(server.id.clone(), tag.clone()).into())
    })
    .await
}

async fn change<R: Send + 'static>(
    c: &Compute,
    cx: &Ctx,
    id: &str,
    rule: &'static Rule,
    mut change: impl FnMut(&Server, &mut Tags) -> Result<R> + Send + 'static,
) -> Result<R> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, rule)?;
    let cx = cx.clone();
    let changed = c.store.transact("compute.server.tags", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        let mut tags = server.tags.clone();
        let result = change(&server, &mut tags)?;
        let now = cx.now();
        tx.update::<Server>(&server.id, |s| (s.tags, s.updated) = (tags, now));
        Ok(result)
    });
    changed.await
}
