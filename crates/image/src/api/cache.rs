//! `/v2/cache`: the images that hosts keep ready.

use crate::{
    ImageService,
    ops::cache::{self, Target},
};
use http::{ApiResult, ApiRouter, Cx, HeaderMap, Path, State};
use serde_json::json;

const TARGET: &str = "x-image-cache-clear-target";

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/cache", index)
        .delete("/v2/cache", clear)
        .put("/v2/cache/{id}", queue)
        .delete("/v2/cache/{id}", delete)
        .get("/v2/cache/nodes/{id}", nodes)
        .post("/v2/cache/clean", clean)
        .post("/v2/cache/prune", prune)
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx) -> ApiResult {
    let cached = cache::cached(&service, &cx).await?;
    let queued: Vec<_> = cache::queued(&service).iter().map(|r| r.image.clone()).collect();
    Ok(http::ok(&json!({"cached_images": cached, "queued_images": queued})))
}

async fn queue(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    cache::queue_image(&service, &cx, &id).await?;
    Ok(http::accepted())
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    cache::forget_image(&service, &cx, &id).await?;
    Ok(http::no_content())
}

async fn clear(State(service): State<ImageService>, Cx(cx): Cx, headers: HeaderMap) -> ApiResult {
    let target = headers.get(TARGET).and_then(|v| v.to_str().ok()).unwrap_or_default();
    cache::clear(&service, &cx, Target::parse(target)?).await?;
    Ok(http::no_content())
}

async fn nodes(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&cache::nodes(&service, &cx, &id).await?))
}

async fn clean(State(service): State<ImageService>, Cx(cx): Cx) -> ApiResult {
    cache::clean(&service, &cx).await?;
    Ok(http::ok(&json!(null)))
}

async fn prune(State(service): State<ImageService>, Cx(cx): Cx) -> ApiResult {
    let pruned = cache::prune(&service, &cx).await?;
    Ok(http::ok(&json!({"total_files_pruned": pruned.files, "total_bytes_pruned": pruned.bytes})))
}
