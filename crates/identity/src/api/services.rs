//! `/v3/services`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, collection, created, member},
};
use crate::{Identity, ops::services};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let service = "/v3/services/{service_id}";
    ApiRouter::new()
        .get("/v3/services", list)
        .post("/v3/services", create)
        .get(service, show)
        .patch(service, update)
        .delete(service, delete)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let listed = services::list(&id, &cx, &at.query(services::FILTERS, id.config().list_limit)?)?;
    let views: Vec<_> = listed.items.iter().map(|item| views::service(&at, item)).collect();
    let last = listed.items.last().filter(|_| listed.truncated).map(|item| item.id.as_str());
    Ok(collection(&at, "services", &views, last))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let service = services::create(&id, &cx, read_new(body, &schemas::SERVICE_CREATE, "service")?).await?;
    Ok(created("service", views::service(&at, &service)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(service): Path<String>) -> ApiResult {
    let service = services::show(&id, &cx, &service)?;
    Ok(member("service", views::service(&at, &service)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(service): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let service = services::update(&id, &cx, &service, read(body, &schemas::SERVICE_UPDATE, "service")?).await?;
    Ok(member("service", views::service(&at, &service)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(service): Path<String>) -> ApiResult {
    services::delete(&id, &cx, &service).await?;
    Ok(no_content())
}
