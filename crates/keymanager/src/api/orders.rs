//! `/v1/orders`.

use super::{Json, href, made, page, secrets::SECRET, views};
use crate::{KeyManager, ops::orders};
use http::{ApiError, ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, StatusCode};
use serde::Deserialize;
use serde_json::Value;

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/orders", index)
        .post("/v1/orders", post)
        .put("/v1/orders", put)
        .get("/v1/orders/{id}", show)
        .delete("/v1/orders/{id}", remove)
}

http::schema! {
    ORDER = {
        "type": "object",
        "required": ["meta", "type"],
        "properties": {
            "meta": {"type": "object"},
            "type": {"type": "string", "enum": ["key", "asymmetric"]},
        },
    }
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    meta: Value,
}

async fn index(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, params: Params) -> ApiResult {
    let paged = orders::list(&service, &cx, &params)?;
    page(&base, &params, "orders", "orders", &paged, |o| views::order(&base, o))
}

async fn post(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, body: Json) -> ApiResult {
    let Body { kind, meta } = body.read(&ORDER, "Order")?;
    SECRET.check_barbican("Secret' within 'Order", &meta)?;
    let order = orders::create(&service, &cx, &kind, meta).await?;
    Ok(made(StatusCode::ACCEPTED, "order_ref", &href(&base, "orders", &order.id)))
}

async fn put(Cx(cx): Cx) -> ApiResult {
    Err(ApiError(orders::update(&cx)))
}

async fn show(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&views::order(&base, &*orders::show(&service, &cx, &id)?)))
}

async fn remove(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    orders::delete(&service, &cx, &id).await?;
    Ok(http::no_content())
}
