use super::{Placement, dated, located, since, views};
use crate::{
    Content,
    ops::names::{self, Made},
};
use http::{AcceptsJson, ApiResult, ApiRouter, BaseUrl, Cx, Path, State, StatusCode, no_content, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .get("/resource_classes", list)
        .post("/resource_classes", create)
        .get("/resource_classes/{name}", show)
        .put("/resource_classes/{name}", update)
        .delete("/resource_classes/{name}", delete)
}

async fn list(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson) -> ApiResult {
    since(&cx, 2)?;
    let found = names::classes(&cx, &p.store.read().await?)?;
    let views: Vec<_> = found.iter().map(|name| views::class(name)).collect();
    dated(&cx, cx.now(), ok(&json!({"resource_classes": views})))
}

async fn show(State(p): State<Placement>, Cx(cx): Cx, _: AcceptsJson, Path(name): Path<String>) -> ApiResult {
    since(&cx, 2)?;
    names::class(&cx, &p.store.read().await?, &name)?;
    dated(&cx, cx.now(), ok(&views::class(&name)))
}

async fn create(State(p): State<Placement>, Cx(cx): Cx, base: BaseUrl, content: Content) -> ApiResult {
    since(&cx, 2)?;
    let name = names::create_class(&p, &cx, content).await?;
    located(&base, &format!("/resource_classes/{name}"), StatusCode::CREATED)
}

/// Up to 1.6 the body says the new name; from 1.7 on there is none, and the class is made if it is not there.
async fn update(
    State(p): State<Placement>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(name): Path<String>,
    content: Content,
) -> ApiResult {
    since(&cx, 2)?;
    if !cx.version.since(1, 7) {
        let renamed = names::rename_class(&p, &cx, &name, content).await?;
        return Ok(ok(&views::class(&renamed)));
    }
    let made = names::ensure_class(&p, &cx, &name).await?;
    let status = if made == Made::Now { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    located(&base, &format!("/resource_classes/{name}"), status)
}

async fn delete(State(p): State<Placement>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    since(&cx, 2)?;
    names::delete_class(&p, &cx, &name).await?;
    Ok(no_content())
}
