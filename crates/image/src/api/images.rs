//! `/v2/images` and what is done to a record.

use super::views;
use crate::{
    ImageService,
    model::read_patch,
    ops::images::{activate, create, delete, list, tags, update},
};
use http::axum::http::header::{HeaderValue, LOCATION};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, Response, State, StatusCode};
use kernel::Error;
use serde_json::{Value, json};

/// A list's page, unless asked for less.
const DEFAULT_LIMIT: usize = 25;
const MAX_LIMIT: usize = 1000;
const NOT_FILTERS: &[&str] = &["limit", "marker", "sort", "sort_key", "sort_dir"];

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/images", index)
        .post("/v2/images", create)
        .get("/v2/images/{id}", show)
        .patch("/v2/images/{id}", patch)
        .delete("/v2/images/{id}", delete)
        .post("/v2/images/{id}/actions/deactivate", deactivate)
        .post("/v2/images/{id}/actions/reactivate", reactivate)
        .put("/v2/images/{id}/tags/{tag}", add_tag)
        .delete("/v2/images/{id}/tags/{tag}", remove_tag)
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, params: Params) -> ApiResult {
    let page = page(&params)?;
    let filters: Vec<_> = params.0.iter().filter(|(k, _)| !NOT_FILTERS.contains(&k.as_str())).cloned().collect();
    let found = list::list_images(&service, &cx, &filters, &page)?;
    let mut out = json!({
        "images": found.items.iter().map(|i| views::image(&service, &cx, i)).collect::<Vec<_>>(),
        "first": format!("/v2/images{}", query(&params, None)),
        "schema": "/v2/schemas/images",
    });
    if let Some(last) = found.items.last().filter(|_| found.more) {
        out["next"] = json!(format!("/v2/images{}", query(&params, Some(&last.id))));
    }
    Ok(http::ok(&out))
}

/// The page asked for: a few, unless more are wanted.
pub(super) fn page(params: &Params) -> kernel::Result<kernel::Page> {
    let mut page = params.page(MAX_LIMIT)?;
    if !params.has("limit") {
        page.limit = Some(DEFAULT_LIMIT);
    }
    Ok(page)
}

/// The query again, with another marker.
pub(super) fn query(params: &Params, marker: Option<&str>) -> String {
    let kept = params.0.iter().filter(|(k, _)| k != "marker").map(|(k, v)| (k.as_str(), v.as_str()));
    let pairs: Vec<String> = kept
        .chain(marker.map(|m| ("marker", m)))
        .map(|(k, v)| format!("{}={}", http::percent(k), http::percent(v)))
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

async fn create(State(service): State<ImageService>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    let Value::Object(body) = body else { return Err(Error::bad_request("the body must be an object").into()) };
    let image = create::create_image(&service, &cx, body).await?;
    let mut response = http::json_response(StatusCode::CREATED, &views::image(&service, &cx, &image));
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/v2/images/{}", image.id)) {
        headers.insert(LOCATION, location);
    }
    super::import::advertise(&service, headers);
    Ok(response)
}

async fn show(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let image = service.find(&cx, &service.0.store.snapshot(), &id)?;
    let _read = crate::service::authorize(&cx, &crate::policy::GET_IMAGE, &image)?;
    Ok(http::ok(&views::image(&service, &cx, &image)))
}

async fn patch(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let image = update::update_image(&service, &cx, &id, read_patch(&body)?).await?;
    Ok(http::ok(&views::image(&service, &cx, &image)))
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    delete::delete_image(&service, &cx, &id).await?;
    Ok(http::no_content())
}

async fn deactivate(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    activate::set_active(&service, &cx, &id, false).await?;
    Ok(http::no_content())
}

async fn reactivate(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    activate::set_active(&service, &cx, &id, true).await?;
    Ok(http::no_content())
}

async fn add_tag(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((id, tag)): Path<(String, String)>,
) -> ApiResult<Response> {
    tags::set_tag(&service, &cx, &id, &tag, true).await?;
    Ok(http::no_content())
}

async fn remove_tag(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((id, tag)): Path<(String, String)>,
) -> ApiResult<Response> {
    tags::set_tag(&service, &cx, &id, &tag, false).await?;
    Ok(http::no_content())
}
