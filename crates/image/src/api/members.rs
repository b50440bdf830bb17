//! `/v2/images/{id}/members`

use super::views;
use crate::{ImageService, ops::members};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use kernel::{Error, Result};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/images/{id}/members", index)
        .post("/v2/images/{id}/members", create)
        .get("/v2/images/{id}/members/{member}", show)
        .put("/v2/images/{id}/members/{member}", update)
        .delete("/v2/images/{id}/members/{member}", delete)
}

fn field(body: &Value, name: &str) -> Result<String> {
    let text = body.get(name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| {
        Error::bad_request(format!("Expected a {name} in the body, for instance {{\"{name}\": \"image_id\"}}"))
    })
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let (image, members) = members::list_members(&service, &cx, &id)?;
    let members: Vec<_> = members.iter().map(|(project, m)| views::member(&image, project, m)).collect();
    Ok(http::ok(&json!({"members": members, "schema": "/v2/schemas/members"})))
}

async fn create(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (project, member) = members::add_member(&service, &cx, &id, field(&body, "member")?).await?;
    let image = service.find(&cx, &service.0.store.snapshot(), &id)?;
    Ok(http::ok(&views::member(&image, &project, &member)))
}

async fn show(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((id, member)): Path<(String, String)>,
) -> ApiResult {
    let (image, (project, member)) = members::show_member(&service, &cx, &id, &member)?;
    Ok(http::ok(&views::member(&image, &project, &member)))
}

async fn update(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((id, member)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (project, member) = members::update_member(&service, &cx, &id, &member, &field(&body, "status")?).await?;
    let image = service.find(&cx, &service.0.store.snapshot(), &id)?;
    Ok(http::ok(&views::member(&image, &project, &member)))
}

async fn delete(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((id, member)): Path<(String, String)>,
) -> ApiResult {
    members::delete_member(&service, &cx, &id, &member).await?;
    Ok(http::no_content())
}
