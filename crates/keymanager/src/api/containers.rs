//! `/v1/containers`, their secrets and consumers.

use super::{Json, href, made, page, views};
use crate::{
    KeyManager,
    ops::containers::{self, consumers, create, members},
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, StatusCode};

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/containers", index)
        .post("/v1/containers", post)
        .get("/v1/containers/{id}", show)
        .delete("/v1/containers/{id}", remove)
        .post("/v1/containers/{id}/secrets", add_secret)
        .delete("/v1/containers/{id}/secrets", remove_secret)
        .get("/v1/containers/{id}/consumers", list_consumers)
        .post("/v1/containers/{id}/consumers", add_consumer)
        .delete("/v1/containers/{id}/consumers", remove_consumer)
        .get("/v1/containers/{id}/consumers/{consumer}", show_consumer)
}

http::schema! {
    CONTAINER = {
        "type": "object",
        "required": ["type"],
        "properties": {
            "name": {"type": ["string", "null"], "maxLength": 255},
            "type": {"type": "string", "enum": ["generic", "rsa", "certificate"]},
            "secret_refs": {
                "type": "array",
                "maxItems": 1000,
                "items": {
                    "type": "object",
                    "required": ["secret_ref"],
                    "properties": {
                        "name": {"type": ["string", "null"], "maxLength": 255},
                        "secret_ref": {"type": "string", "minLength": 1},
                    },
                },
            },
        },
    };
    MEMBER = {
        "type": "object",
        "required": ["secret_ref"],
        "properties": {
            "name": {"type": "string", "maxLength": 255},
            "secret_ref": {"type": "string", "minLength": 1},
        },
    };
    CONSUMER = {
        "type": "object",
        "required": ["name", "URL"],
        "properties": {
            "URL": {"type": "string", "minLength": 1, "maxLength": 255},
            "name": {"type": "string", "minLength": 1, "maxLength": 36},
        },
    }
}

async fn index(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, params: Params) -> ApiResult {
    let paged = containers::list(&service, &cx, &params)?;
    page(&base, &params, "containers", "containers", &paged, |c| views::container(&base, c))
}

async fn post(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, body: Json) -> ApiResult {
    let new = body.read(&CONTAINER, "Container")?;
    let made_it = create::create(&service, &cx, base.as_str(), new).await?;
    Ok(made(StatusCode::CREATED, "container_ref", &href(&base, "containers", &made_it.id)))
}

async fn show(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&views::container(&base, &*containers::show(&service, &cx, &id)?)))
}

async fn remove(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    containers::delete(&service, &cx, &id).await?;
    Ok(http::no_content())
}

async fn add_secret(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    members::add(&service, &cx, &id, body.read(&MEMBER, "ContainerSecret")?).await?;
    Ok(made(StatusCode::CREATED, "container_ref", &href(&base, "containers", &id)))
}

async fn remove_secret(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>, body: Json) -> ApiResult {
    members::remove(&service, &cx, &id, body.read(&MEMBER, "ContainerSecret")?).await?;
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
    page(&base, &params, &format!("containers/{id}/consumers"), "consumers", &paged, views::container_consumer)
}

async fn show_consumer(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    Path((id, consumer)): Path<(String, String)>,
) -> ApiResult {
    Ok(http::ok(&views::container_consumer(&consumers::show(&service, &cx, &id, &consumer)?)))
}

async fn add_consumer(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    let found = consumers::add(&service, &cx, &id, body.read(&CONSUMER, "Consumer")?).await?;
    Ok(http::ok(&views::container(&base, &found)))
}

async fn remove_consumer(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    let found = consumers::remove(&service, &cx, &id, body.read(&CONSUMER, "Consumer")?).await?;
    Ok(http::ok(&views::container(&base, &found)))
}
