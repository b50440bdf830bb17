//! `/v2/metadefs/namespaces/{namespace}/objects`

use super::{bodies, done, page_of, views};
use crate::{
    ImageService,
    model::ObjectDefinition,
    ops::metadefs::{namespaces::clear, parts},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/metadefs/namespaces/{namespace}/objects", index)
        .post("/v2/metadefs/namespaces/{namespace}/objects", create)
        .delete("/v2/metadefs/namespaces/{namespace}/objects", delete_all)
        .get("/v2/metadefs/namespaces/{namespace}/objects/{name}", show)
        .put("/v2/metadefs/namespaces/{namespace}/objects/{name}", update)
        .delete("/v2/metadefs/namespaces/{namespace}/objects/{name}", delete)
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, Path(ns): super::Ns, params: Params) -> ApiResult {
    let namespace = parts::list::<ObjectDefinition>(&service, &cx, &ns)?;
    let page = page_of::<ObjectDefinition>(&namespace, &params)?;
    let objects: Vec<Value> = page.iter().map(|(name, o)| views::object(&ns, name, o)).collect();
    Ok(http::ok(&json!({"objects": objects, "schema": "/v2/schemas/metadefs/objects"})))
}

async fn create(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(ns): super::Ns,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (name, object) = bodies::object(&cx, &body)?;
    let (name, object) = parts::add(&service, &cx, &ns, name, object).await?;
    Ok(http::created(&views::object(&ns, &name, &object)))
}

async fn show(State(service): State<ImageService>, Cx(cx): Cx, Path((ns, name)): super::Named) -> ApiResult {
    let object: ObjectDefinition = parts::show(&service, &cx, &ns, &name)?;
    Ok(http::ok(&views::object(&ns, &name, &object)))
}

async fn update(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((ns, name)): super::Named,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let new = bodies::object(&cx, &body)?;
    let (name, object) = parts::replace(&service, &cx, &ns, name, new).await?;
    Ok(http::ok(&views::object(&ns, &name, &object)))
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path((ns, name)): super::Named) -> ApiResult {
    done(parts::delete::<ObjectDefinition>(&service, &cx, &ns, name).await)
}

async fn delete_all(State(service): State<ImageService>, Cx(cx): Cx, Path(ns): super::Ns) -> ApiResult {
    done(clear(&service, &cx, &ns, &[], |namespace| namespace.objects.clear()).await)
}
