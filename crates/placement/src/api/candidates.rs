use super::{Placement, dated, since, views};
use crate::ops::candidates;
use http::{AcceptsJson, ApiResult, ApiRouter, Cx, Params, State, ok};

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new().get("/allocation_candidates", list)
}

async fn list(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, params: Params) -> ApiResult {
    since(&cx, 10)?;
    let found = candidates::list(&cx, &p.store.read().await?, &params)?;
    dated(&cx, cx.now(), ok(&views::candidates(&found, cx.version)))
}
