use super::{Placement, dated, views};
use crate::ops::allocations;
use http::{ApiResult, ApiRouter, Cx, Path, State, ok};

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new().get("/allocations/{consumer_uuid}", show)
}

async fn show(State(p): State<Placement>, Cx(cx): Cx, Path(consumer): Path<String>) -> ApiResult {
    let snapshot = p.store.read().await?;
    let found = allocations::show(&cx, &snapshot, &consumer)?;
    let modified = found.as_ref().map_or_else(|| cx.now(), |a| a.updated);
    dated(&cx, modified, ok(&views::allocation(&snapshot, found.as_deref(), cx.version)))
}
