//! What hosts keep. They are asked, all at once; one that does not answer is left out.

use crate::{Image, ImageService, policy, service::authorize};
use ::policy::Authorize;
use futures_util::{StreamExt, stream};
use kernel::{Ctx, HostName, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Asked at a time.
const AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// `compute::driver::CachedImage`, as far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OnHost {
    pub(crate) hash: String,
    pub(crate) format: String,
    pub(crate) size: u64,
    pub(crate) hits: u64,
    pub(crate) made_at: u64,
    pub(crate) used_at: u64,
}

/// Calls every connected host; what fails is logged and left out.
pub(super) async fn ask_all(service: &ImageService, method: &str, params: Value) -> Vec<(HostName, Value)> {
    let hosts = service.0.hosts.hosts().into_iter().filter(|h| h.connected).map(|h| h.host);
    let ask = |host: HostName| {
        let params = params.clone();
        async move {
            match service.0.hosts.call(&host, method, params, PATIENCE).await {
                Ok(answer) => Some((host, answer)),
                Err(e) => {
                    tracing::warn!(%host, method, error = %e.internal_text(), "a host's image cache is left out");
                    None
                }
            }
        }
    };
    stream::iter(hosts).map(ask).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
}

pub(super) fn kept(answer: &Value) -> Vec<OnHost> {
    Vec::deserialize(&answer["images"]).unwrap_or_default()
}

/// Images that hosts keep, each with the uses of all of them, as Glance writes them.
pub(crate) async fn cached(service: &ImageService, cx: &Ctx) -> Result<Vec<Value>> {
    cx.authorize(&policy::CACHE_LIST, &()).map(drop)?;
    let mut by_hash: BTreeMap<String, OnHost> = BTreeMap::new();
    for (_, answer) in ask_all(service, "image.cached", json!({})).await {
        for one in kept(&answer) {
            match by_hash.get_mut(&one.hash) {
                None => drop(by_hash.insert(one.hash.clone(), one)),
                Some(sum) => {
                    (sum.hits, sum.size) = (sum.hits + one.hits, sum.size.max(one.size));
                    (sum.made_at, sum.used_at) = (sum.made_at.min(one.made_at), sum.used_at.max(one.used_at));
                }
            }
        }
    }
    let snapshot = service.0.store.snapshot();
    let view = |image: std::sync::Arc<Image>| {
        let kept = by_hash.get(image.hash.as_deref()?)?;
        Some(json!({
            "image_id": image.id,
            "hits": kept.hits,
            "size": kept.size,
            "last_accessed": kept.used_at,
            "last_modified": kept.made_at,
        }))
    };
    Ok(snapshot.all::<Image>().filter_map(view).collect())
}

/// `GET /v2/cache/nodes/{id}`
pub(crate) async fn nodes(service: &ImageService, cx: &Ctx, id: &str) -> Result<Vec<HostName>> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    authorize(cx, &policy::LIST_CACHED_NODES, &image).map(drop)?;
    let has = |answer: &Value| kept(answer).iter().any(|one| Some(&one.hash) == image.hash.as_ref());
    let answers = ask_all(service, "image.cached", json!({})).await;
    let mut hosts: Vec<_> = answers.into_iter().filter(|(_, answer)| has(answer)).map(|(host, _)| host).collect();
    hosts.sort();
    Ok(hosts)
}
