//! `/v1/secrets` and their payloads.

use super::{Json, href, made, page, views};
use crate::{
    KeyManager,
    model::Media,
    ops::secrets::{self, create, delete, list, payload},
};
use http::axum::body::to_bytes;
use http::{
    ApiResult, ApiRouter, BaseUrl, Cx, HeaderMap, HeaderValue, Params, Path, RawBody, Response, State, StatusCode,
    header,
};
use ports::KeyBytes;

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/secrets", index)
        .post("/v1/secrets", post)
        .get("/v1/secrets/{id}", show)
        .put("/v1/secrets/{id}", put)
        .delete("/v1/secrets/{id}", remove)
        .get("/v1/secrets/{id}/payload", read)
}

http::schema! {
    /// Also what an order's `meta` must fit.
    SECRET = {
        "type": "object",
        "properties": {
            "name": {"type": ["string", "null"], "maxLength": 255},
            "algorithm": {"type": "string", "maxLength": 255},
            "mode": {"type": "string", "maxLength": 255},
            "bit_length": {"type": "integer", "minimum": 1, "maximum": 32767},
            "expiration": {"type": "string", "maxLength": 255},
            "payload": {"type": "string"},
            "secret_type": {
                "type": "string",
                "maxLength": 80,
                "enum": ["symmetric", "passphrase", "private", "public", "certificate", "opaque"],
            },
            "payload_content_type": {"type": ["string", "null"], "maxLength": 255},
            "payload_content_encoding": {"type": "string", "maxLength": 255, "enum": ["base64"]},
            "transport_key_needed": {"type": "string", "enum": ["true", "false"]},
            "transport_key_id": {"type": "string"},
        },
    }
}

async fn index(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, params: Params) -> ApiResult {
    let paged = list::list(&service, &cx, &params)?;
    page(&base, &params, "secrets", "secrets", &paged, |s| views::secret(&cx, &base, s))
}

async fn post(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, body: Json) -> ApiResult {
    let secret = create::create(&service, &cx, body.read(&SECRET, "Secret")?).await?;
    Ok(made(StatusCode::CREATED, "secret_ref", &href(&base, "secrets", &secret.id)))
}

fn accept(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok())
}

/// The secret, or, if the client accepts no JSON, its payload: the old way to ask for that.
async fn show(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ApiResult {
    let wanted = accept(&headers);
    if wanted.is_none_or(|a| matches!(a, "application/json" | "*/*")) {
        return Ok(http::ok(&views::secret(&cx, &base, &*secrets::show(&service, &cx, &id)?)));
    }
    payload::read(&service, &cx, &id, wanted, "Secret retrieval").map(octets).map_err(Into::into)
}

async fn read(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>, headers: HeaderMap) -> ApiResult {
    let found = payload::read(&service, &cx, &id, accept(&headers), "Secret payload retrieval")?;
    Ok(octets(found))
}

fn octets((media, octets): (Media, KeyBytes)) -> Response {
    let mut response = Response::new(RawBody::from(octets.as_bytes().to_vec()));
    let kind = match media {
        Media::Text => HeaderValue::from_static("text/plain; charset=utf-8"),
        Media::Octets | Media::Pkcs8 => HeaderValue::from_static(media.as_str()),
    };
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn put(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> ApiResult {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    // The pipeline bounds the body; what a payload may have is the operation's to say.
    let body = to_bytes(body, usize::MAX).await.map_err(|e| http::body_error(&e))?;
    payload::put(&service, &cx, &id, kind, text(header::CONTENT_ENCODING), &body).await?;
    Ok(http::no_content())
}

async fn remove(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    delete::delete(&service, &cx, &id, params.get("force")).await?;
    Ok(http::no_content())
}
