use super::{Placement, dated, views, with_location};
use crate::{
    Content, PlacementError,
    ops::{inventories, providers},
    policy,
};
use http::{AcceptsJson, ApiResult, ApiRouter, BaseUrl, Cx, Path, State, created, no_content, ok};
use kernel::Error;

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .get("/resource_providers/{uuid}/inventories", list)
        .post("/resource_providers/{uuid}/inventories", create)
        .put("/resource_providers/{uuid}/inventories", replace)
        .delete("/resource_providers/{uuid}/inventories", delete_all)
        .get("/resource_providers/{uuid}/inventories/{resource_class}", show)
        .put("/resource_providers/{uuid}/inventories/{resource_class}", update)
        .delete("/resource_providers/{uuid}/inventories/{resource_class}", delete)
}

async fn list(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(id): Path<String>) -> ApiResult {
    let found = providers::show(&cx, &p.store.read().await?, &policy::INVENTORIES_LIST, &id)?;
    dated(&cx, found.updated, ok(&views::inventories(&found)))
}

async fn create(
    State(p): State<Placement>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    content: Content,
) -> ApiResult {
    let (provider, class) = inventories::create(&p, &cx, &id, content).await?;
    let path = format!("/resource_providers/{id}/inventories/{class}");
    let view = provider.inventories.get(&class).map(|i| views::inventory(&provider, i));
    dated(&cx, provider.updated, with_location(&base, &path, created(&view))?)
}

async fn replace(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>, content: Content) -> ApiResult {
    let provider = inventories::replace(&p, &cx, &id, content).await?;
    dated(&cx, provider.updated, ok(&views::inventories(&provider)))
}

/// Before 1.5 inventories went one by one.
async fn delete_all(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    if !cx.version.since(1, 5) {
        return Err(Error::from(PlacementError::NoSuchMethodInThisVersion).into());
    }
    inventories::delete_all(&p, &cx, &id).await?;
    Ok(no_content())
}

type OfClass = Path<(String, String)>;

async fn show(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path((id, class)): OfClass) -> ApiResult {
    let found = providers::show(&cx, &p.store.read().await?, &policy::INVENTORIES_SHOW, &id)?;
    let missing = || Error::from(PlacementError::NoInventory { provider: id.clone(), class: class.clone() });
    let inventory = found.inventories.get(&class).ok_or_else(missing)?;
    dated(&cx, found.updated, ok(&views::inventory(&found, inventory)))
}

async fn update(State(p): State<Placement>, Cx(cx): Cx, Path((id, class)): OfClass, content: Content) -> ApiResult {
    let provider = inventories::update(&p, &cx, &id, &class, content).await?;
    let view = provider.inventories.get(&class).map(|i| views::inventory(&provider, i));
    dated(&cx, provider.updated, ok(&view))
}

async fn delete(State(p): State<Placement>, Cx(cx): Cx, Path((id, class)): OfClass) -> ApiResult {
    inventories::delete(&p, &cx, &id, &class).await?;
    Ok(no_content())
}
