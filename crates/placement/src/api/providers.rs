use super::{Placement, dated, located, views};
use crate::{Content, ops::providers, policy};
use http::{AcceptsJson, ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, StatusCode, no_content, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .get("/resource_providers", list)
        .post("/resource_providers", create)
        .get("/resource_providers/{uuid}", show)
        .put("/resource_providers/{uuid}", update)
        .delete("/resource_providers/{uuid}", delete)
        .get("/resource_providers/{uuid}/usages", usages)
        .get("/resource_providers/{uuid}/allocations", allocations)
}

async fn list(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, params: Params) -> ApiResult {
    let snapshot = p.store.read().await?;
    let found = providers::list(&cx, &snapshot, &params)?;
    let modified = found.iter().map(|p| p.updated).max().unwrap_or_else(|| cx.now());
    let views: Vec<_> = found.iter().map(|p| views::provider(&snapshot, p, cx.version)).collect();
    dated(&cx, modified, ok(&json!({"resource_providers": views})))
}

/// From 1.20 on the answer shows what was made.
async fn create(State(p): State<Placement>, Cx(cx): Cx, base: BaseUrl, content: Content) -> ApiResult {
    let made = providers::create(&p, &cx, content).await?;
    let path = format!("/resource_providers/{}", made.id);
    if !cx.version.since(1, 20) {
        return located(&base, &path, StatusCode::CREATED);
    }
    let response = ok(&views::provider(&p.store.snapshot(), &made, cx.version));
    dated(&cx, made.updated, super::with_location(&base, &path, response)?)
}

async fn show(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(id): Path<String>) -> ApiResult {
    let snapshot = p.store.read().await?;
    let found = providers::show(&cx, &snapshot, &policy::PROVIDERS_SHOW, &id)?;
    dated(&cx, found.updated, ok(&views::provider(&snapshot, &found, cx.version)))
}

async fn update(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>, content: Content) -> ApiResult {
    let updated = providers::update(&p, &cx, &id, content).await?;
    dated(&cx, updated.updated, ok(&views::provider(&p.store.snapshot(), &updated, cx.version)))
}

async fn delete(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    providers::delete(&p, &cx, &id).await?;
    Ok(no_content())
}

async fn usages(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(id): Path<String>) -> ApiResult {
    let found = providers::show(&cx, &p.store.read().await?, &policy::PROVIDER_USAGES, &id)?;
    dated(&cx, cx.now(), ok(&views::provider_usages(&found)))
}

async fn allocations(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(id): Path<String>) -> ApiResult {
    let (provider, found) = providers::allocations(&cx, &p.store.read().await?, &id)?;
    let modified = found.iter().map(|a| a.updated).max().unwrap_or_else(|| cx.now());
    dated(&cx, modified, ok(&views::provider_allocations(&provider, &found, cx.version)))
}
