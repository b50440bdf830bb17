//! `/v2/metadefs/namespaces/{namespace}/tags`

use super::{bodies, done, page_of, views};
use crate::{
    ImageService,
    model::TagDefinition,
    ops::metadefs::{
        namespaces::clear,
        parts::{self, OldTags},
    },
    policy,
};
use http::{ApiResult, ApiRouter, Cx, HeaderMap, JsonBody, Params, Path, State};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/metadefs/namespaces/{namespace}/tags", index)
        .post("/v2/metadefs/namespaces/{namespace}/tags", create_all)
        .delete("/v2/metadefs/namespaces/{namespace}/tags", delete_all)
        .get("/v2/metadefs/namespaces/{namespace}/tags/{name}", show)
        .post("/v2/metadefs/namespaces/{namespace}/tags/{name}", create)
        .put("/v2/metadefs/namespaces/{namespace}/tags/{name}", update)
        .delete("/v2/metadefs/namespaces/{namespace}/tags/{name}", delete)
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Value {
    json!({"tags": names.map(|name| json!({"name": name})).collect::<Vec<_>>()})
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, Path(ns): super::Ns, params: Params) -> ApiResult {
    let namespace = parts::list::<TagDefinition>(&service, &cx, &ns)?;
    let page = page_of::<TagDefinition>(&namespace, &params)?;
    Ok(http::ok(&names(page.iter().map(|(name, _)| name))))
}

async fn create(State(service): State<ImageService>, Cx(cx): Cx, Path((ns, name)): super::Named) -> ApiResult {
    let (name, tag) = bodies::tag(&cx, &json!({"name": name}))?;
    let (name, tag) = parts::add(&service, &cx, &ns, name, tag).await?;
    Ok(http::created(&views::tag(&name, &tag)))
}

/// The set given takes the place of the one that is there; `X-Openstack-Append: true` adds to it.
async fn create_all(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(ns): super::Ns,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let append = headers.get("x-openstack-append").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let append = ["1", "t", "true", "on", "y", "yes"].contains(&append.trim().to_ascii_lowercase().as_str());
    let old = if append { OldTags::Kept } else { OldTags::Replaced };
    let tags = bodies::tags(&body)?;
    parts::set_tags(&service, &cx, &ns, tags.clone(), old).await?;
    Ok(http::created(&names(tags.iter())))
}

async fn show(State(service): State<ImageService>, Cx(cx): Cx, Path((ns, name)): super::Named) -> ApiResult {
    let tag: TagDefinition = parts::show(&service, &cx, &ns, &name)?;
    Ok(http::ok(&views::tag(&name, &tag)))
}

async fn update(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path((ns, name)): super::Named,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let new = bodies::tag(&cx, &body)?;
    let (name, tag) = parts::replace(&service, &cx, &ns, name, new).await?;
    Ok(http::ok(&views::tag(&name, &tag)))
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path((ns, name)): super::Named) -> ApiResult {
    done(parts::delete::<TagDefinition>(&service, &cx, &ns, name).await)
}

async fn delete_all(State(service): State<ImageService>, Cx(cx): Cx, Path(ns): super::Ns) -> ApiResult {
    done(clear(&service, &cx, &ns, &[&policy::DELETE_METADEF_TAGS], |namespace| namespace.tags.clear()).await)
}
