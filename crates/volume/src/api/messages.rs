//! `/v3/messages` (3.3)

use super::{ListCx, VolumeCx, since, views};
use crate::{VolumeService, ops::messages};
use http::{ApiResult, ApiRouter, BaseUrl, Path, State};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new().get("/v3/messages", index).get("/v3/messages/{id}", show).delete("/v3/messages/{id}", delete)
}

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    since(&list.cx, 3)?;
    let listed = messages::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/messages", "messages", &listed, |m| views::message(&list.base, m))
}

async fn show(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
) -> ApiResult {
    since(&cx, 3)?;
    Ok(http::ok(&json!({"message": views::message(&base, &*messages::show(&service, &cx, &id)?)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 3)?;
    messages::delete(&service, &cx, &id).await?;
    Ok(http::no_content())
}
