//! `/v3/registered_limits` and `/v3/limits`

use super::{at::At, crud::handlers, read::member as read, schemas, views};
use crate::{
    Identity,
    ops::{limits, registered_limits as registered},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, State, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Identity> {
    let (default, limit) = ("/v3/registered_limits/{registered_limit_id}", "/v3/limits/{limit_id}");
    ApiRouter::new()
        .get("/v3/registered_limits", defaults::list)
        .post("/v3/registered_limits", register)
        .get(default, defaults::show)
        .patch(default, defaults::update)
        .delete(default, defaults::delete)
        .get("/v3/limits/model", model)
        .get("/v3/limits", list)
        .post("/v3/limits", create)
        .get(limit, show)
        .patch(limit, update)
        .delete(limit, delete)
}

handlers!(limits, "limit" in "limits", views::limit, |body| &schemas::LIMIT_UPDATE);

mod defaults {
    use super::*;
    handlers!(registered, "registered_limit" in "registered_limits", views::registered_limit, |body| {
        &schemas::REGISTERED_LIMIT_UPDATE
    });
}

async fn register(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let new = read(body, &schemas::REGISTERED_LIMITS_CREATE, "registered_limits")?;
    let made = registered::create(&id, &cx, new).await?;
    let views: Vec<_> = made.iter().map(|l| views::registered_limit(&at, l)).collect();
    Ok(http::created(&json!({"registered_limits": views})))
}

async fn model(State(id): State<Identity>, Cx(cx): Cx) -> ApiResult {
    let model = limits::model(&id, &cx)?;
    Ok(ok(&json!({"model": {"name": model.as_str(), "description": model.description()}})))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let made = limits::create(&id, &cx, read(body, &schemas::LIMITS_CREATE, "limits")?).await?;
    let views: Vec<_> = made.iter().map(|l| views::limit(&at, l)).collect();
    Ok(http::created(&json!({"limits": views})))
}
