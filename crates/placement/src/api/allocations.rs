use super::{Placement, dated, since, views};
use crate::{
    Content,
    ops::{allocations, reshaper},
};
use http::{AcceptsJson, ApiResult, ApiRouter, Cx, Path, State, no_content, ok};

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .post("/allocations", post)
        .get("/allocations/{consumer_uuid}", show)
        .put("/allocations/{consumer_uuid}", put)
        .delete("/allocations/{consumer_uuid}", delete)
        .post("/reshaper", reshape)
}

async fn show(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(consumer): Path<String>) -> ApiResult {
    let snapshot = p.store.read().await?;
    let found = allocations::show(&cx, &snapshot, &consumer)?;
    let modified = found.as_ref().map_or_else(|| cx.now(), |a| a.updated);
    dated(&cx, modified, ok(&views::allocation(&snapshot, found.as_deref(), cx.version)))
}

async fn put(State(p): State<Placement>, Cx(cx): Cx, Path(consumer): Path<String>, content: Content) -> ApiResult {
    allocations::put(&p, &cx, &consumer, content).await?;
    Ok(no_content())
}

async fn post(State(p): State<Placement>, Cx(cx): Cx, content: Content) -> ApiResult {
    since(&cx, 13)?;
    allocations::post(&p, &cx, content).await?;
    Ok(no_content())
}

async fn delete(State(p): State<Placement>, Cx(cx): Cx, Path(consumer): Path<String>) -> ApiResult {
    allocations::delete(&p, &cx, &consumer).await?;
    Ok(no_content())
}

async fn reshape(State(p): State<Placement>, Cx(cx): Cx, content: Content) -> ApiResult {
    since(&cx, 30)?;
    reshaper::reshape(&p, &cx, content).await?;
    Ok(no_content())
}
