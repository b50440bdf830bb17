//! `/v2.0/<collection>/{id}/tags`, the same for every resource that has tags.

use super::{kind::Kind, resource::Fields};
use crate::{
    Network as Service,
    error::NetError,
    ops::tags::{self, TagChange},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, StatusCode};
use kernel::Result;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The routes of one resource's tags; `all` ends in `/{id}/tags`, `single` in `/{id}/tags/{tag}`.
pub fn routes<R: Fields + PartialEq>(all: &'static str, single: &'static str) -> ApiRouter<Service> {
    ApiRouter::new()
        .get(all, list::<R>)
        .put(all, replace::<R>)
        .post(all, add_all::<R>)
        .delete(all, clear::<R>)
        .get(single, find::<R>)
        .put(single, add_one::<R>)
        .delete(single, remove::<R>)
}

fn given(body: Value) -> Result<BTreeSet<String>> {
    let tags = body.get("tags").ok_or_else(|| NetError::input("Invalid tags body"))?;
    let tags = Kind::Tags.read("tags", tags)?;
    Ok(tags.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn shown(tags: &BTreeSet<String>) -> Value {
    json!({ "tags": tags })
}

async fn list<R: Fields>(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&shown(&tags::list::<R>(&net, &cx, &id)?)))
}

async fn replace<R: Fields + PartialEq>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let now = tags::apply::<R>(&net, &cx, &id, TagChange::Replace(given(body)?)).await?;
    Ok(http::ok(&shown(&now)))
}

async fn add_all<R: Fields + PartialEq>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let now = tags::apply::<R>(&net, &cx, &id, TagChange::AddAll(given(body)?)).await?;
    Ok(http::created(&shown(&now)))
}

async fn clear<R: Fields + PartialEq>(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    tags::apply::<R>(&net, &cx, &id, TagChange::Clear).await?;
    Ok(http::no_content())
}

type OneTag = Path<(String, String)>;

async fn find<R: Fields>(State(net): State<Service>, Cx(cx): Cx, Path((id, tag)): OneTag) -> ApiResult {
    tags::find::<R>(&net, &cx, &id, &tag)?;
    Ok(http::no_content())
}

async fn add_one<R: Fields + PartialEq>(State(net): State<Service>, Cx(cx): Cx, Path((id, tag)): OneTag) -> ApiResult {
    tags::apply::<R>(&net, &cx, &id, TagChange::AddOne(tag)).await?;
    Ok(http::IntoResponse::into_response(StatusCode::CREATED))
}

async fn remove<R: Fields + PartialEq>(State(net): State<Service>, Cx(cx): Cx, Path((id, tag)): OneTag) -> ApiResult {
    tags::apply::<R>(&net, &cx, &id, TagChange::Remove(tag)).await?;
    Ok(http::no_content())
}
