use super::{Placement, dated, since, views};
use crate::{
    Content,
    ops::{aggregates, providers},
    policy,
};
use http::{AcceptsJson, ApiResult, ApiRouter, Cx, Path, State, ok};

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .get("/resource_providers/{uuid}/aggregates", list)
        .put("/resource_providers/{uuid}/aggregates", replace)
}

async fn list(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(id): Path<String>) -> ApiResult {
    since(&cx, 1)?;
    let found = providers::show(&cx, &p.store.read().await?, &policy::AGGREGATES_LIST, &id)?;
    dated(&cx, cx.now(), ok(&views::aggregates(&found, &found.aggregates, cx.version)))
}

async fn replace(State(p): State<Placement>, Cx(cx): Cx, Path(id): Path<String>, content: Content) -> ApiResult {
    since(&cx, 1)?;
    let (provider, given) = aggregates::replace(&p, &cx, &id, content).await?;
    dated(&cx, cx.now(), ok(&views::aggregates(&provider, &given, cx.version)))
}
