//! `/v2/metadefs/namespaces/{namespace}/properties`

use super::{bodies, done, views};
use crate::{
    ImageService,
    model::{Association, PropertyDefinition},
    ops::metadefs::{namespaces::clear, parts},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use kernel::{Error, Result};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/metadefs/namespaces/{namespace}/properties", index)
        .post("/v2/metadefs/namespaces/{namespace}/properties", create)
        .delete("/v2/metadefs/namespaces/{namespace}/properties", delete_all)
        .get("/v2/metadefs/namespaces/{namespace}/properties/{name}", show)
        .put("/v2/metadefs/namespaces/{namespace}/properties/{name}", update)
        .delete("/v2/metadefs/namespaces/{namespace}/properties/{name}", delete)
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, Path(ns): super::Ns) -> ApiResult {
    let namespace = parts::list::<PropertyDefinition>(&service, &cx, &ns)?;
    Ok(http::ok(&json!({"properties": views::properties(&namespace, "")})))
}

async fn create(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(ns): super::Ns,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let (name, property) = bodies::property(&cx, body)?;
    let (name, property) = parts::add(&service, &cx, &ns, name, property).await?;
    Ok(http::created(&views::property(&name, &property)))
}

/// `?resource_type=T`: the name is the one that the property has on a `T`, with its prefix.
fn plain_name(name: &str, association: &Association) -> Result<String> {
    let prefix = association.prefix.as_deref().unwrap_or("");
    match name.strip_prefix(prefix) {
        Some(plain) if !prefix.is_empty() => Ok(plain.to_owned()),
        _ => Err(Error::not_found(format!(
            "Property {name} does not start with the expected resource type association prefix of '{prefix}'."
        ))),
    }
}

async fn show(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((ns, name)): super::Named,
    params: Params,
) -> ApiResult {
    let name = match params.get("resource_type") {
        None => name,
        Some(wanted) => plain_name(&name, &parts::show(&service, &cx, &ns, wanted)?)?,
    };
    let property: PropertyDefinition = parts::show(&service, &cx, &ns, &name)?;
    Ok(http::ok(&views::property(&name, &property)))
}

async fn update(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((ns, name)): super::Named,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let new = bodies::property(&cx, body)?;
    let (name, property) = parts::replace(&service, &cx, &ns, name, new).await?;
    Ok(http::ok(&views::property(&name, &property)))
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path((ns, name)): super::Named) -> ApiResult {
    done(parts::delete::<PropertyDefinition>(&service, &cx, &ns, name).await)
}

async fn delete_all(State(service): State<ImageService>, Cx(cx): Cx, Path(ns): super::Ns) -> ApiResult {
    done(clear(&service, &cx, &ns, &[], |namespace| namespace.properties.clear()).await)
}
