//! `/v3/registered_limits` and `/v3/limits`

use super::{
    at::At,
    read::member as read,
    schemas,
    views::{self, listed, member},
};
use crate::{
    Identity,
    ops::{limits, registered_limits as registered},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Identity> {
    let (default, limit) = ("/v3/registered_limits/{registered_limit_id}", "/v3/limits/{limit_id}");
    ApiRouter::new()
        .get("/v3/registered_limits", list_registered)
        .post("/v3/registered_limits", register)
        .get(default, show_registered)
        .patch(default, update_registered)
        .delete(default, delete_registered)
        .get("/v3/limits/model", model)
        .get("/v3/limits", list)
        .post("/v3/limits", create)
        .get(limit, show)
        .patch(limit, update)
        .delete(limit, delete)
}

async fn list_registered(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let found = registered::list(&id, &cx, &at.query(registered::FILTERS, id.config().list_limit)?)?;
    Ok(listed(&at, "registered_limits", &found, |l| views::registered_limit(&at, l)))
}

async fn register(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let new = read(body, &schemas::REGISTERED_LIMITS_CREATE, "registered_limits")?;
    let made = registered::create(&id, &cx, new).await?;
    let views: Vec<_> = made.iter().map(|l| views::registered_limit(&at, l)).collect();
    Ok(http::created(&json!({"registered_limits": views})))
}

async fn show_registered(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(limit): Path<String>) -> ApiResult {
    let limit = registered::show(&id, &cx, &limit)?;
    Ok(member("registered_limit", views::registered_limit(&at, &limit)))
}

async fn update_registered(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(limit): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let update = read(body, &schemas::REGISTERED_LIMIT_UPDATE, "registered_limit")?;
    let limit = registered::update(&id, &cx, &limit, update).await?;
    Ok(member("registered_limit", views::registered_limit(&at, &limit)))
}

async fn delete_registered(State(id): State<Identity>, Cx(cx): Cx, Path(limit): Path<String>) -> ApiResult {
    registered::delete(&id, &cx, &limit).await?;
    Ok(no_content())
}

async fn model(State(id): State<Identity>, Cx(cx): Cx) -> ApiResult {
    let model = limits::model(&id, &cx)?;
    Ok(ok(&json!({"model": {"name": model.as_str(), "description": model.description()}})))
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let found = limits::list(&id, &cx, &at.query(limits::FILTERS, id.config().list_limit)?)?;
    Ok(listed(&at, "limits", &found, |l| views::limit(&at, l)))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let made = limits::create(&id, &cx, read(body, &schemas::LIMITS_CREATE, "limits")?).await?;
    let views: Vec<_> = made.iter().map(|l| views::limit(&at, l)).collect();
    Ok(http::created(&json!({"limits": views})))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(limit): Path<String>) -> ApiResult {
    let limit = limits::show(&id, &cx, &limit)?;
    Ok(member("limit", views::limit(&at, &limit)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(limit): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let limit = limits::update(&id, &cx, &limit, read(body, &schemas::LIMIT_UPDATE, "limit")?).await?;
    Ok(member("limit", views::limit(&at, &limit)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(limit): Path<String>) -> ApiResult {
    limits::delete(&id, &cx, &limit).await?;
    Ok(no_content())
}
