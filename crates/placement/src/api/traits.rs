use super::{Placement, dated, located, since, views};
use crate::{
    Content,
    ops::{
        names::{self, Made},
        providers, traits,
    },
    policy,
};
use http::{AcceptsJson, ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, StatusCode, no_content, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .get("/traits", list)
        .get("/traits/{name}", show)
        .put("/traits/{name}", ensure)
        .delete("/traits/{name}", delete)
        .get("/resource_providers/{uuid}/traits", of_provider)
        .put("/resource_providers/{uuid}/traits", replace)
        .delete("/resource_providers/{uuid}/traits", delete_all)
}

async fn list(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, params: Params) -> ApiResult {
    since(&cx, 6)?;
    let found = names::traits(&cx, &p.store.read().await?, &params)?;
    dated(&cx, cx.now(), ok(&json!({"traits": found})))
}

async fn show(State(p): State<Placement>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    since(&cx, 6)?;
    names::known(&cx, &p.store.read().await?, &name)?;
    dated(&cx, cx.now(), no_content())
}

async fn ensure(State(p): State<Placement>, Cx(cx): Cx, base: BaseUrl, Path(name): Path<String>) -> ApiResult {
    since(&cx, 6)?;
    let (made, found) = names::ensure_trait(&p, &cx, &name).await?;
    let status = if made == Made::Now { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    dated(&cx, found.created, located(&base, &format!("/traits/{name}"), status)?)
}

async fn delete(State(p): State<Placement>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    since(&cx, 6)?;
    names::delete_trait(&p, &cx, &name).await?;
    Ok(no_content())
}

async fn of_provider(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(id): Path<String>) -> ApiResult {
    since(&cx, 6)?;
    let found = providers::show(&cx, &p.store.read().await?, &policy::PROVIDER_TRAITS_LIST, &id)?;
    dated(&cx, found.updated, ok(&views::traits(&found)))
}

async fn replace(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>, content: Content) -> ApiResult {
    since(&cx, 6)?;
    let provider = traits::replace(&p, &cx, &id, content).await?;
    dated(&cx, provider.updated, ok(&views::traits(&provider)))
}

async fn delete_all(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 6)?;
    traits::delete_all(&p, &cx, &id).await?;
    Ok(no_content())
}
