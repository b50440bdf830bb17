//! What belongs to a secret: metadata and consumers.

use super::{Json, page, views};
use crate::{
    KeyManager,
    ops::secrets::{
        consumers,
        metadata::{self, Key},
    },
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/secrets/{id}/metadata", all)
        .put("/v1/secrets/{id}/metadata", replace)
        .post("/v1/secrets/{id}/metadata", add)
        .get("/v1/secrets/{id}/metadata/{key}", one)
        .put("/v1/secrets/{id}/metadata/{key}", set)
        .delete("/v1/secrets/{id}/metadata/{key}", remove)
        .get("/v1/secrets/{id}/consumers", list_consumers)
        .post("/v1/secrets/{id}/consumers", add_consumer)
        .delete("/v1/secrets/{id}/consumers", remove_consumer)
}

http::schema! {
    METADATA = {
        "type": "object",
        "required": ["metadata"],
        "properties": {"metadata": {"type": "object"}},
    };
    METADATUM = {
        "type": "object",
        "required": ["key", "value"],
        "additionalProperties": false,
        "properties": {
            "key": {"type": "string", "maxLength": 255},
            "value": {"type": "string", "maxLength": 255},
        },
    };
    CONSUMER = {
        "type": "object",
        "required": ["service", "resource_type", "resource_id"],
        "properties": {
            "service": {"type": "string", "minLength": 1, "maxLength": 255},
            "resource_type": {"type": "string", "minLength": 1, "maxLength": 255},
            "resource_id": {"type": "string", "minLength": 1, "maxLength": 36},
        },
    }
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: String,
}

fn pair(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

async fn all(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"metadata": metadata::all(&service, &cx, &id)?})))
}

async fn replace(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    #[derive(Deserialize)]
    struct Given {
        metadata: Map<String, Value>,
    }
    let given: Given = body.read(&METADATA, "SecretMetadata")?;
    metadata::replace(&service, &cx, &id, &given.metadata).await?;
    let href = format!("{}/metadata", super::href(&base, "secrets", &id));
    Ok(http::created(&json!({"metadata_ref": href})))
}

async fn add(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    let Pair { key, value } = body.read(&METADATUM, "SecretMetadatum")?;
    metadata::set(&service, &cx, &id, &key, &value, Key::New).await?;
    let mut answer = http::json_response(StatusCode::CREATED, &pair(&key, &value));
    let at = format!("{}/metadata/{key}", super::href(&base, "secrets", &id));
    if let Ok(at) = http::HeaderValue::from_str(&at) {
        answer.headers_mut().insert(header::LOCATION, at);
    }
    Ok(answer)
}

async fn one(State(service): State<KeyManager>, Cx(cx): Cx, Path((id, key)): Path<(String, String)>) -> ApiResult {
    let value = metadata::one(&service, &cx, &id, &key)?;
    Ok(http::ok(&pair(&key, &value)))
}

async fn set(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    Path((id, named)): Path<(String, String)>,
    body: Json,
) -> ApiResult {
    let Pair { key, value } = body.read(&METADATUM, "SecretMetadatum")?;
    if key != named {
        let text = "Key in request data does not match key in the request url.";
        return Err(kernel::Error::conflict(text).into());
    }
    metadata::set(&service, &cx, &id, &key, &value, Key::Known).await?;
    Ok(http::ok(&pair(&key, &value)))
}

async fn remove(State(service): State<KeyManager>, Cx(cx): Cx, Path((id, key)): Path<(String, String)>) -> ApiResult {
    metadata::remove(&service, &cx, &id, &key).await?;
    Ok(http::no_content())
}

async fn list_consumers(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    let paged = consumers::list(&service, &cx, &id, &params)?;
    page(&base, &params, &format!("secrets/{id}/consumers"), "consumers", &paged, views::secret_consumer)
}

async fn add_consumer(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    let secret = consumers::add(&service, &cx, &id, body.read(&CONSUMER, "Secret Consumer")?).await?;
    let mut answer = http::ok(&with_consumers(&cx, &base, &secret));
    let at = format!("{}/consumers", super::href(&base, "secrets", &id));
    if let Ok(at) = http::HeaderValue::from_str(&at) {
        answer.headers_mut().insert(header::LOCATION, at);
    }
    Ok(answer)
}

async fn remove_consumer(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    let secret = consumers::remove(&service, &cx, &id, body.read(&CONSUMER, "Secret Consumer")?).await?;
    Ok(http::ok(&with_consumers(&cx, &base, &secret)))
}

/// Consumers are what was asked about, whatever the version.
fn with_consumers(cx: &kernel::Ctx, base: &BaseUrl, secret: &crate::model::Secret) -> Value {
    let cx = kernel::Ctx { version: super::MAX, ..cx.clone() };
    views::secret(&cx, base, secret)
}
