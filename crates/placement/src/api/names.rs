use super::{Placement, dated, since, views};
use crate::ops::names;
use http::{ApiResult, ApiRouter, Cx, Params, Path, State, no_content, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .get("/resource_classes", classes)
        .get("/resource_classes/{name}", class)
        .get("/traits", traits)
        .get("/traits/{name}", has_trait)
}

async fn classes(Cx(cx): Cx) -> ApiResult {
    since(&cx, 2)?;
    let views: Vec<_> = names::classes(&cx)?.iter().map(|name| views::class(name)).collect();
    dated(&cx, cx.now(), ok(&json!({"resource_classes": views})))
}

async fn class(Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    since(&cx, 2)?;
    names::class(&cx, &name)?;
    dated(&cx, cx.now(), ok(&views::class(&name)))
}

async fn traits(State(p): State<Placement>, Cx(cx): Cx, params: Params) -> ApiResult {
    since(&cx, 6)?;
    let found = names::traits(&cx, &p.store.read().await?, &params)?;
    dated(&cx, cx.now(), ok(&json!({"traits": found})))
}

async fn has_trait(State(p): State<Placement>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    since(&cx, 6)?;
    names::known(&cx, &p.store.read().await?, &name)?;
    dated(&cx, cx.now(), no_content())
}
