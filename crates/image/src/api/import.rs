//! Interoperable import: `/v2/images/{id}/stage`, `/import` and `/tasks`.

use super::{data::octets, tasks, views};
use crate::{
    ImageService,
    ops::{
        images::{
            import::{self, METHODS, Method, Request},
            stage,
        },
        tasks::list_of_image,
    },
};
use futures_util::{StreamExt, TryStreamExt};
use http::axum::body::Body;
use http::{ApiResult, ApiRouter, Cx, HeaderMap, JsonBody, Path, State};
use kernel::{Error, Result};
use serde_json::{Value, json};

/// Names the store that is meant.
pub(super) const STORE: &str = "x-image-meta-store";

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .put("/v2/images/{id}/stage", stage)
        .post("/v2/images/{id}/import", import)
        .get("/v2/images/{id}/tasks", image_tasks)
}

async fn stage(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult {
    octets(&headers)?;
    let data = body.into_data_stream().map_err(std::io::Error::other).boxed();
    stage::stage_image(&service, &cx, &id, data).await?;
    Ok(http::no_content())
}

async fn import(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> ApiResult {
    import::import_image(&service, &cx, &id, read(&headers, body)?).await?;
    Ok(http::accepted())
}

async fn image_tasks(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let tasks = list_of_image(&service, &cx, &id)?;
    Ok(http::ok(&json!({"tasks": tasks.iter().map(|t| tasks::whole(t)).collect::<Vec<_>>()})))
}

fn bad(text: impl Into<String>) -> Error {
    Error::bad_request(text)
}

/// Reads a request, refused in Glance's words and order.
fn read(headers: &HeaderMap, body: Value) -> Result<Request> {
    let method = body.get("method").ok_or_else(|| bad("Import request requires a 'method' field."))?;
    let name = method.get("name").ok_or_else(|| bad("Import request requires a 'name' field."))?;
    let text = |field: &str| method.get(field).and_then(Value::as_str).map(str::to_owned);
    let flag = |field: &str, default: bool| match body.get(field) {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(bad(format!("'{field}' must be boolean value only"))),
    };
    let known = name.as_str().and_then(|name| METHODS.iter().position(|m| *m == name));
    let asked = match known {
        Some(0) => Method::Direct,
        Some(1) => Method::Web { uri: text("uri").unwrap_or_default() },
        Some(2) => Method::Copy,
        Some(3) => Method::Download { region: text("glance_region"), image: text("glance_image_id") },
        _ => return Err(bad(format!("Unknown import method name '{}'.", name.as_str().unwrap_or_default()))),
    };
    let (all_must_succeed, all_stores) = (flag("all_stores_must_succeed", true)?, flag("all_stores", false)?);
    let stores = read_stores(headers, &body, all_stores)?;
    Ok(Request { method: asked, stores, all_stores, all_must_succeed, body })
}

/// The stores that are named: in the body, in the header of old, or none.
fn read_stores(headers: &HeaderMap, body: &Value, all_stores: bool) -> Result<Vec<String>> {
    let header = headers.get(STORE).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let stores = match body.get("stores") {
        None => Vec::new(),
        Some(Value::Array(items)) => {
            let items: Option<Vec<String>> = items.iter().map(|s| s.as_str().map(str::to_owned)).collect();
            items.ok_or_else(|| bad("'stores' must be a list of names"))?
        }
        Some(_) => return Err(bad("'stores' must be a list of names")),
    };
    match (header, stores.is_empty()) {
        (header, empty) if all_stores && (header.is_some() || !empty) => {
            Err(bad("All_stores parameter can't be used with x-image-meta-store header or stores parameter"))
        }
        (Some(_), false) => Err(bad("Stores parameter and x-image-meta-store header can't be both specified")),
        (Some(header), true) => Ok(vec![header]),
        (None, _) => Ok(stores),
    }
}

/// Told with each new image: the ways to import, and the stores.
pub(super) fn advertise(service: &ImageService, headers: &mut HeaderMap) {
    let stores: Vec<&str> = service.0.stores.iter().map(|s| s.id()).collect();
    views::header(headers, "openstack-image-import-methods", &METHODS.join(","));
    views::header(headers, "openstack-image-store-ids", &stores.join(","));
}
