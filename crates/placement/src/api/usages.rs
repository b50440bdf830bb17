use super::{Placement, dated, since, views};
use crate::ops::usages;
use http::{AcceptsJson, ApiResult, ApiRouter, Cx, Params, State, ok};

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new().get("/usages", total)
}

async fn total(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, params: Params) -> ApiResult {
    since(&cx, 9)?;
    let found = usages::total(&cx, &p.store.read().await?, &params)?;
    dated(&cx, cx.now(), ok(&views::usages(&found, params.get("consumer_type"), cx.version)))
}
