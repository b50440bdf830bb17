use super::{Placement, dated, since, views};
use crate::{PlacementError, ops::providers, policy};
use http::{ApiResult, ApiRouter, Cx, Params, Path, State, ok};
use kernel::Error;
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .get("/resource_providers", list)
        .get("/resource_providers/{uuid}", show)
        .get("/resource_providers/{uuid}/inventories", inventories)
        .get("/resource_providers/{uuid}/inventories/{resource_class}", inventory)
        .get("/resource_providers/{uuid}/usages", usages)
        .get("/resource_providers/{uuid}/aggregates", aggregates)
        .get("/resource_providers/{uuid}/traits", traits)
        .get("/resource_providers/{uuid}/allocations", allocations)
}

async fn list(State(p): State<Placement>, Cx(cx): Cx, params: Params) -> ApiResult {
    let found = providers::list(&cx, &p.store.read().await?, &params)?;
    let modified = found.iter().map(|p| p.updated).max().unwrap_or_else(|| cx.now());
    let views: Vec<_> = found.iter().map(|p| views::provider(p, cx.version)).collect();
    dated(&cx, modified, ok(&json!({"resource_providers": views})))
}

async fn show(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let found = providers::show(&cx, &p.store.read().await?, &policy::PROVIDERS_SHOW, &id)?;
    dated(&cx, found.updated, ok(&views::provider(&found, cx.version)))
}

async fn inventories(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let found = providers::show(&cx, &p.store.read().await?, &policy::INVENTORIES_LIST, &id)?;
    let view = json!({"resource_provider_generation": found.generation, "inventories": found.inventories});
    dated(&cx, found.updated, ok(&view))
}

async fn inventory(State(p): State<Placement>, Cx(cx): Cx, Path((id, class)): Path<(String, String)>) -> ApiResult {
    let found = providers::show(&cx, &p.store.read().await?, &policy::INVENTORIES_SHOW, &id)?;
    let missing = || Error::from(PlacementError::NoInventory { provider: id.clone(), class: class.clone() });
    let mut view = json!(found.inventories.get(&class).ok_or_else(missing)?);
    view["resource_provider_generation"] = found.generation.into();
    dated(&cx, found.updated, ok(&view))
}

async fn usages(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let found = providers::show(&cx, &p.store.read().await?, &policy::PROVIDER_USAGES, &id)?;
    dated(&cx, cx.now(), ok(&views::provider_usages(&found)))
}

async fn aggregates(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 1)?;
    let found = providers::show(&cx, &p.store.read().await?, &policy::AGGREGATES_LIST, &id)?;
    let mut view = json!({"aggregates": found.aggregates});
    if cx.version.since(1, 19) {
        view["resource_provider_generation"] = found.generation.into();
    }
    dated(&cx, found.updated, ok(&view))
}

async fn traits(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 6)?;
    let found = providers::show(&cx, &p.store.read().await?, &policy::PROVIDER_TRAITS_LIST, &id)?;
    let view = json!({"traits": found.traits, "resource_provider_generation": found.generation});
    dated(&cx, found.updated, ok(&view))
}

async fn allocations(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let (provider, found) = providers::allocations(&cx, &p.store.read().await?, &id)?;
    let modified = found.iter().map(|a| a.updated).max().unwrap_or(provider.updated);
    dated(&cx, modified, ok(&views::provider_allocations(&provider, &found, cx.version)))
}
