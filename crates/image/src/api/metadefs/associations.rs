//! `/v2/metadefs/resource_types`, and those that a namespace describes.

use super::{bodies, done, views};
use crate::{
    ImageService,
    model::Association,
    ops::metadefs::{namespaces::shows_associations, parts, resource_types},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/metadefs/resource_types", index)
        .get("/v2/metadefs/namespaces/{namespace}/resource_types", index_of)
        .post("/v2/metadefs/namespaces/{namespace}/resource_types", create)
        .delete("/v2/metadefs/namespaces/{namespace}/resource_types/{name}", delete)
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx) -> ApiResult {
    let types = resource_types::list_resource_types(&service, &cx)?;
    Ok(http::ok(&json!({"resource_types": types.iter().map(|t| views::resource_type(t)).collect::<Vec<_>>()})))
}

async fn index_of(State(service): State<ImageService>, Cx(cx): Cx, Path(ns): super::Ns) -> ApiResult {
    let namespace = parts::list::<Association>(&service, &cx, &ns)?;
    let seen = namespace.associations.iter().filter(|_| shows_associations(&cx, &namespace));
    let associations: Vec<Value> = seen.map(|(name, a)| views::association(name, a)).collect();
    Ok(http::ok(&json!({"resource_type_associations": associations})))
}

async fn create(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(ns): super::Ns,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (name, association) = bodies::association(&cx, &body)?;
    let (name, association) = resource_types::associate(&service, &cx, &ns, name, association).await?;
    Ok(http::created(&views::association(&name, &association)))
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path((ns, name)): super::Named) -> ApiResult {
    done(parts::delete::<Association>(&service, &cx, &ns, name).await)
}
