//! `/v3/regions`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, collection, created, member},
};
use crate::{Identity, ops::regions};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let region = "/v3/regions/{region_id}";
    ApiRouter::new()
        .get("/v3/regions", list)
        .post("/v3/regions", create)
        .get(region, show)
        .put(region, create_as)
        .patch(region, update)
        .delete(region, delete)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let listed = regions::list(&id, &cx, &at.query(regions::FILTERS, id.config().list_limit)?)?;
    let views: Vec<_> = listed.items.iter().map(|item| views::region(&at, item)).collect();
    let last = listed.items.last().filter(|_| listed.truncated).map(|item| item.id.as_str());
    Ok(collection(&at, "regions", &views, last))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let region = regions::create(&id, &cx, None, read_new(body, &schemas::REGION_CREATE, "region")?).await?;
    Ok(created("region", views::region(&at, &region)))
}

async fn create_as(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(region): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let new = read_new(body, &schemas::REGION_CREATE, "region")?;
    let region = regions::create(&id, &cx, Some(&region), new).await?;
    Ok(created("region", views::region(&at, &region)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(region): Path<String>) -> ApiResult {
    let region = regions::show(&id, &cx, &region)?;
    Ok(member("region", views::region(&at, &region)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(region): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let region = regions::update(&id, &cx, &region, read(body, &schemas::REGION_UPDATE, "region")?).await?;
    Ok(member("region", views::region(&at, &region)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(region): Path<String>) -> ApiResult {
    regions::delete(&id, &cx, &region).await?;
    Ok(no_content())
}
