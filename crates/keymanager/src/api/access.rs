//! Access lists of secrets and containers: `…/acl`.

use super::{Json, href, views};
use crate::{
    KeyManager,
    model::{Container, Secret},
    ops::access::{self, Change, Given, Guarded},
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/secrets/{id}/acl", show::<Secret>)
        .put("/v1/secrets/{id}/acl", put::<Secret>)
        .patch("/v1/secrets/{id}/acl", patch::<Secret>)
        .delete("/v1/secrets/{id}/acl", remove::<Secret>)
        .get("/v1/containers/{id}/acl", show::<Container>)
        .put("/v1/containers/{id}/acl", put::<Container>)
        .patch("/v1/containers/{id}/acl", patch::<Container>)
        .delete("/v1/containers/{id}/acl", remove::<Container>)
}

http::schema! {
    ACL = {
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "read": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "users": {"type": "array", "maxItems": 1000, "items": {"type": "string", "maxLength": 255}},
                    "project-access": {"type": "boolean"},
                },
            },
        },
    }
}

#[derive(Deserialize)]
struct Body {
    read: Option<Given>,
}

async fn show<T: Guarded>(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&views::access(access::show::<T>(&service, &cx, &id)?.as_ref())))
}

async fn put<T: Guarded>(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    change::<T>(&service, &cx, &base, &id, body, Change::Replace).await
}

async fn patch<T: Guarded>(
    State(service): State<KeyManager>,
    Cx(cx): Cx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: Json,
) -> ApiResult {
    change::<T>(&service, &cx, &base, &id, body, Change::Merge).await
}

async fn change<T: Guarded>(
    service: &KeyManager,
    cx: &kernel::Ctx,
    base: &BaseUrl,
    id: &str,
    body: Json,
    how: Change,
) -> ApiResult {
    let Body { read } = body.read(&ACL, "ACL")?;
    access::put::<T>(service, cx, id, read, how).await?;
    Ok(http::ok(&json!({"acl_ref": format!("{}/acl", href(base, T::COLLECTION, id))})))
}

async fn remove<T: Guarded>(State(service): State<KeyManager>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    access::delete::<T>(&service, &cx, &id).await?;
    Ok(http::ok(&Value::Null))
}
