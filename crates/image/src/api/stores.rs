//! `/v2/stores/{store}/{image}`: an image's bytes in one store. `/v2/images/{id}/locations`: where they are, for services.

use crate::{
    ImageService,
    ops::stores::{self, locations},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .delete("/v2/stores/{store}/{image}", delete)
        .get("/v2/images/{id}/locations", index)
        .post("/v2/images/{id}/locations", add)
}

async fn delete(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((store, image)): Path<(String, String)>,
) -> ApiResult {
    stores::delete_from_store(&service, &cx, &store, &image).await?;
    Ok(http::no_content())
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let found = locations::list_locations(&service, &cx, &id)?;
    let one = |(url, store): &(String, String)| json!({"url": url, "metadata": {"store": store}});
    Ok(http::ok(&found.iter().map(one).collect::<Vec<Value>>()))
}

async fn add(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    locations::add_location(&service, &cx, &id, &body)?;
    Ok(http::accepted())
}
