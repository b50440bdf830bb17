use super::{find_in, in_state, permitted, unlocked};
use crate::{
    Compute, ComputeError,
    flows::guest::change_intent,
    model::{QUOTAS, Server, ServerState},
    policy::{METADATA_CREATE, METADATA_DELETE, METADATA_INDEX, METADATA_SHOW, METADATA_UPDATE, METADATA_UPDATE_ALL},
};
use kernel::{Ctx, Error, Result};
use policy::Rule;
use std::collections::BTreeMap;
use store::Tx;

type Items = BTreeMap<String, String>;

pub(crate) async fn metadata(c: &Compute, cx: &Ctx, id: &str) -> Result<Items> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &METADATA_INDEX)?;
    Ok(server.metadata.clone())
}

pub(crate) async fn metadata_item(c: &Compute, cx: &Ctx, id: &str, key: &str) -> Result<String> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &METADATA_SHOW)?;
    Ok(server.metadata.get(key).cloned().ok_or(ComputeError::NoMetadata)?)
}

/// Adds to what is there; one item or many.
pub(crate) async fn update_metadata(c: &Compute, cx: &Ctx, id: &str, items: Items, one: bool) -> Result<Items> {
    let rule = if one { &METADATA_UPDATE } else { &METADATA_CREATE };
    change(c, cx, id, rule, move |metadata| {
        metadata.extend(items.clone());
        Ok(())
    })
    .await
}

pub(crate) async fn replace_metadata(c: &Compute, cx: &Ctx, id: &str, items: Items) -> Result<Items> {
    change(c, cx, id, &METADATA_UPDATE_ALL, move |metadata| {
        *metadata = items.clone();
        Ok(())
    })
    .await
}

pub(crate) async fn remove_item(c: &Compute, cx: &Ctx, id: &str, key: String) -> Result<()> {
    let removed = change(c, cx, id, &METADATA_DELETE, move |metadata| {
        metadata.remove(&key).map(|_| ()).ok_or_else(|| ComputeError::NoMetadata.into())
    });
    removed.await.map(|_| ())
}

/// Changes the metadata, of the server and of what its guest may read.
async fn change(
    c: &Compute,
    cx: &Ctx,
    id: &str,
    rule: &'static Rule,
    mut change: impl FnMut(&mut Items) -> Result<()> + Send + 'static,
) -> Result<Items> {
    use ServerState as S;
    const STATES: &[S] = &[S::Active, S::Paused, S::Suspended, S::Stopped, S::Building, S::Error];
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, rule)?;
    let cx = cx.clone();
    let changed = c.store.transact("compute.server.metadata", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        unlocked(&cx, &server)?;
        // Nova asks for the state alone: metadata may change while something else is under way.
        in_state(&Server { task: None, ..Server::clone(&server) }, "update_metadata", STATES)?;
        let mut metadata = server.metadata.clone();
        change(&mut metadata)?;
        check_count(tx, &server, &metadata)?;
        let now = cx.now();
        tx.update::<Server>(&server.id, |s| (s.metadata, s.updated) = (metadata.clone(), now));
        change_intent(tx, &server.id, |intent| intent.metadata.meta = metadata.clone());
        Ok(metadata)
    });
    changed.await
}

fn check_count(tx: &Tx, server: &Server, metadata: &Items) -> Result<()> {
    let limit = QUOTAS.limits(tx.view(), &server.project)["metadata_items"];
    let over = limit >= 0 && i64::try_from(metadata.len()).unwrap_or(i64::MAX) > limit;
    if over { Err(Error::over_quota(format!("Maximum number of metadata items exceeds {limit}"))) } else { Ok(()) }
}
