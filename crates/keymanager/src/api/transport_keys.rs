//! `/v1/transport_keys`.

use super::{Json, href, made, page};
use crate::{
    KeyManager,
    model::TransportKey,
    ops::transport_keys::{self, NewTransportKey},
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, StatusCode};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/transport_keys", index)
        .post("/v1/transport_keys", post)
        .get("/v1/transport_keys/{id}", show)
        .delete("/v1/transport_keys/{id}", remove)
}

http::schema! {
    TRANSPORT_KEY = {
        "type": "object",
        "properties": {"plugin_name": {"type": "string", "maxLength": 255}, "transport_key": {"type": "string"}},
    }
}

fn view(base: &BaseUrl, key: &TransportKey) -> Value {
    let at = key.created_at.iso_z().trim_end_matches('Z').to_owned();
    json!({
        "transport_key_ref": href(base, "transport_keys", &key.id),
        "plugin_name": key.plugin_name,
        "transport_key": key.transport_key,
        "status": "ACTIVE",
        "created": at,
        "updated": at,
    })
}

async fn index(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, params: Params) -> ApiResult {
    let paged = transport_keys::list(&service, &cx, &params)?;
    page(&base, &params, "transport_keys", "transport_keys", &paged, |k| href(&base, "transport_keys", &k.id).into())
}

async fn post(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, body: Json) -> ApiResult {
    let new: NewTransportKey = body.read(&TRANSPORT_KEY, "Transport Key")?;
    let key = transport_keys::create(&service, &cx, new).await?;
    Ok(made(StatusCode::CREATED, "transport_key_ref", &href(&base, "transport_keys", &key.id)))
}

async fn show(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&view(&base, &*transport_keys::show(&service, &cx, &id)?)))
}

async fn remove(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    transport_keys::delete(&service, &cx, &id).await?;
    Ok(http::no_content())
}
