//! Gives images up: one, all, those that are no more, those that nobody uses.

use super::{
    hosts::{ask_all, kept},
    named, source,
};
use crate::{Image, ImageService, model::CacheRequest, policy, service::authorize};
use ::policy::{Authorize, Permit};
use kernel::{Ctx, Error, Result};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use store::Tx;

const PATIENCE: Duration = Duration::from_secs(30);

/// Which part is cleared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Both,
    Cache,
    Queue,
}

impl Target {
    /// From `x-image-cache-clear-target`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" => Ok(Self::Both),
            "cache" => Ok(Self::Cache),
            "queue" => Ok(Self::Queue),
            _ => Err(Error::bad_request(
                "If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.",
            )),
        }
    }
}

/// `DELETE /v2/cache/{id}`
pub(crate) async fn forget_image(service: &ImageService, cx: &Ctx, id: &str) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::CACHE_DELETE, &image)?;
    unqueue(service, permit, Some(image.id.to_string())).await?;
    ask_all(service, "image.uncache", source(&image)).await;
    Ok(())
}

/// `DELETE /v2/cache`
pub(crate) async fn clear(service: &ImageService, cx: &Ctx, target: Target) -> Result<()> {
    let permit = cx.authorize(&policy::CACHE_DELETE, &())?;
    if target != Target::Cache {
        unqueue(service, permit, None).await?;
    }
    if target != Target::Queue {
        give_up(service, |_| true).await;
    }
    Ok(())
}

/// `POST /v2/cache/clean`: what no image is made of any more.
pub(crate) async fn clean(service: &ImageService, cx: &Ctx) -> Result<()> {
    cx.authorize(&policy::CACHE_CLEAN, &()).map(drop)?;
    let snapshot = service.0.store.snapshot();
    let known: BTreeSet<String> = snapshot.all::<Image>().filter_map(|i| i.hash.clone()).collect();
    give_up(service, |hash| !known.contains(hash)).await;
    Ok(())
}

/// What a pruning took away.
#[derive(Default)]
pub(crate) struct Pruned {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// `POST /v2/cache/prune`: what no disk lies on and nobody used for as long as hosts keep such images.
pub(crate) async fn prune(service: &ImageService, cx: &Ctx) -> Result<Pruned> {
    cx.authorize(&policy::CACHE_PRUNE, &()).map(drop)?;
    let mut sum = Pruned::default();
    for (_, answer) in ask_all(service, "image.prune", json!({})).await {
        for one in kept(&answer) {
            (sum.files, sum.bytes) = (sum.files + 1, sum.bytes + one.size);
        }
    }
    Ok(sum)
}

/// Takes one request back, or all.
async fn unqueue(service: &ImageService, permit: Permit, id: Option<String>) -> Result<()> {
    let take = move |tx: &mut Tx| {
        let ids: Vec<String> = match &id {
            Some(id) => tx.get::<CacheRequest>(id).map(|r| r.image.to_string()).into_iter().collect(),
            None => tx.view().all::<CacheRequest>().map(|r| r.image.to_string()).collect(),
        };
        for id in &ids {
            tx.delete::<CacheRequest>(id);
        }
        Ok(())
    };
    service.write(permit, "image.cache.unqueue", take).await
}

/// Has every host give up the images of those hashes that `which` names.
async fn give_up(service: &ImageService, which: impl Fn(&str) -> bool) {
    for (host, answer) in ask_all(service, "image.cached", json!({})).await {
        for one in kept(&answer).iter().filter(|one| which(&one.hash)) {
            let image = named("", &one.format, one.size, &one.hash);
            if let Err(e) = service.0.hosts.call(&host, "image.uncache", image, PATIENCE).await {
                tracing::warn!(%host, hash = one.hash, error = %e.internal_text(), "an image stays in a host's cache");
            }
        }
    }
}
