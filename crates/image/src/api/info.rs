//! `/v2/info/*`: stores, ways to import, and what the caller's project uses.

use crate::{
    ImageService,
    driver::ImageStore,
    ops::{images::import::METHODS, usage},
    policy,
};
use ::policy::Authorize;
use http::{ApiResult, ApiRouter, Cx, State};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/info/import", import)
        .get("/v2/info/stores", stores)
        .get("/v2/info/stores/detail", stores_detail)
        .get("/v2/info/usage", usage)
}

async fn import(Cx(_): Cx) -> ApiResult {
    let methods = json!({"description": "Import methods available.", "type": "array", "value": METHODS});
    Ok(http::ok(&json!({"import-methods": methods})))
}

fn one((n, store): (usize, &Arc<dyn ImageStore>)) -> Value {
    match n {
        0 => json!({"id": store.id(), "default": "true"}),
        _ => json!({"id": store.id()}),
    }
}

async fn stores(State(service): State<ImageService>, Cx(_): Cx) -> ApiResult {
    Ok(http::ok(&json!({"stores": service.0.stores.iter().enumerate().map(one).collect::<Vec<_>>()})))
}

async fn stores_detail(State(service): State<ImageService>, Cx(cx): Cx) -> ApiResult {
    cx.authorize(&policy::STORES_INFO_DETAIL, &()).map(drop)?;
    let detail = |(n, store): (usize, &Arc<dyn ImageStore>)| {
        let mut out = one((n, store));
        (out["type"], out["weight"], out["properties"]) =
            (json!(store.kind()), json!(store.weight()), json!(store.properties()));
        out
    };
    Ok(http::ok(&json!({"stores": service.0.stores.iter().enumerate().map(detail).collect::<Vec<_>>()})))
}

async fn usage(State(service): State<ImageService>, Cx(cx): Cx) -> ApiResult {
    let (project, snapshot) = (cx.project()?, service.0.store.snapshot());
    let one = |resource: usage::Resource| {
        let (used, limit) =
            (usage::used(&snapshot, project, resource), usage::limit(&service, &snapshot, project, resource));
        (resource.name().to_owned(), json!({"usage": used, "limit": limit}))
    };
    Ok(http::ok(&json!({"usage": usage::Resource::ALL.into_iter().map(one).collect::<Map<_, _>>()})))
}
