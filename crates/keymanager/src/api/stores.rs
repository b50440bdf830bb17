//! `/v1/secret-stores`.

use super::views;
use crate::{KeyManager, ops::stores};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Path, State};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/secret-stores", index)
        .get("/v1/secret-stores/global-default", default)
        .get("/v1/secret-stores/preferred", preferred)
        .get("/v1/secret-stores/{id}", show)
        .post("/v1/secret-stores/{id}/preferred", prefer)
        .delete("/v1/secret-stores/{id}/preferred", prefer_none)
}

async fn index(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl) -> ApiResult {
    let found = stores::list(&service, &cx)?;
    Ok(http::ok(&json!({"secret_stores": [views::store(&base, &found)]})))
}

async fn default(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl) -> ApiResult {
    Ok(http::ok(&views::store(&base, &*stores::default(&service, &cx)?)))
}

async fn preferred(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl) -> ApiResult {
    Ok(http::ok(&views::store(&base, &*stores::preferred(&service, &cx)?)))
}

async fn show(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&views::store(&base, &*stores::show(&service, &cx, &id)?)))
}

async fn prefer(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    stores::prefer(&service, &cx, &id).await?;
    Ok(http::no_content())
}

async fn prefer_none(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    stores::prefer_none(&service, &cx, &id).await?;
    Ok(http::no_content())
}
