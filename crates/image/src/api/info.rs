//! `/v2/info/*`: stores and ways to import.

use crate::ImageService;
use http::{ApiResult, ApiRouter, Cx, State};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new().get("/v2/info/stores", stores)
}

async fn stores(State(service): State<ImageService>, Cx(_): Cx) -> ApiResult {
    let one = |(n, store): (usize, &std::sync::Arc<dyn crate::driver::ImageStore>)| match n {
        0 => json!({"id": store.id(), "default": "true"}),
        _ => json!({"id": store.id()}),
    };
    Ok(http::ok(&json!({"stores": service.0.stores.iter().enumerate().map(one).collect::<Vec<_>>()})))
}
