//! `/v3/endpoints`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, collection, created, member},
};
use crate::{Identity, ops::endpoints};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let endpoint = "/v3/endpoints/{endpoint_id}";
    ApiRouter::new()
        .get("/v3/endpoints", list)
        .post("/v3/endpoints", create)
        .get(endpoint, show)
        .patch(endpoint, update)
        .delete(endpoint, delete)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let listed = endpoints::list(&id, &cx, &at.query(endpoints::FILTERS, id.config().list_limit)?)?;
    let views: Vec<_> = listed.items.iter().map(|item| views::endpoint(&at, item)).collect();
    let last = listed.items.last().filter(|_| listed.truncated).map(|item| item.id.as_str());
    Ok(collection(&at, "endpoints", &views, last))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let endpoint = endpoints::create(&id, &cx, read_new(body, &schemas::ENDPOINT_CREATE, "endpoint")?).await?;
    Ok(created("endpoint", views::endpoint(&at, &endpoint)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(endpoint): Path<String>) -> ApiResult {
    let endpoint = endpoints::show(&id, &cx, &endpoint)?;
    Ok(member("endpoint", views::endpoint(&at, &endpoint)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(endpoint): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let endpoint = endpoints::update(&id, &cx, &endpoint, read(body, &schemas::ENDPOINT_UPDATE, "endpoint")?).await?;
    Ok(member("endpoint", views::endpoint(&at, &endpoint)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(endpoint): Path<String>) -> ApiResult {
    endpoints::delete(&id, &cx, &endpoint).await?;
    Ok(no_content())
}
