//! `/v3/regions`

use super::{
    at::At,
    crud::handlers,
    read::new_member as read_new,
    schemas,
    views::{self, created},
};
use crate::{Identity, ops::regions};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};

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

handlers!(regions, "region" in "regions", views::region, |body| &schemas::REGION_UPDATE);

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
