//! `/servers/{id}/tags`, from 2.26 on.

use super::{
    checked,
    schema::{by_version, only, tag as tag_schema},
    self_href, since,
};
use crate::{Compute, error::invalid, ops::servers};
use axum::response::IntoResponse;
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Path, State, StatusCode, header, no_content, ok};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/servers/{server_id}/tags";
    const ONE: &str = "/v2.1/servers/{server_id}/tags/{tag}";
    ApiRouter::new()
        .get(ALL, list)
        .put(ALL, replace)
        .delete(ALL, clear)
        .get(ONE, show)
        .put(ONE, add)
        .delete(ONE, remove)
}

by_version! { TAGS = tags: 1; }

fn tags(_: u16) -> Value {
    only("tags", json!({"type": "array", "items": tag_schema(), "maxItems": 50}))
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 26)?;
    Ok(ok(&json!({"tags": servers::tags(&c, &cx, &id).await?})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path((id, tag)): Path<(String, String)>) -> ApiResult {
    since(&cx, 26)?;
    servers::has_tag(&c, &cx, &id, &tag).await?;
    Ok(no_content())
}

async fn replace(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    since(&cx, 26)?;
    let mut body: BTreeMap<String, BTreeSet<String>> = checked(&cx, body, TAGS)?;
    let new = body.remove("tags").unwrap_or_default();
    Ok(ok(&json!({"tags": servers::replace_tags(&c, &cx, &id, new).await?})))
}

async fn clear(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 26)?;
    servers::replace_tags(&c, &cx, &id, BTreeSet::new()).await?;
    Ok(no_content())
}

async fn add(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path((id, tag)): Path<(String, String)>,
    base: BaseUrl,
) -> ApiResult {
    since(&cx, 26)?;
    if tag.is_empty() || tag.chars().count() > 60 || tag.contains([',', '/']) {
        return Err(invalid(format!(
            "Tag '{tag}' is invalid: it must be 1 to 60 characters without commas and slashes."
        ))
        .into());
    }
    if !servers::add_tag(&c, &cx, &id, tag.clone()).await? {
        return Ok(no_content());
    }
    let location = format!("{}/tags/{tag}", self_href(&base, "servers", &id));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

async fn remove(State(c): State<Compute>, Cx(cx): Cx, Path((id, tag)): Path<(String, String)>) -> ApiResult {
    since(&cx, 26)?;
    servers::remove_tag(&c, &cx, &id, tag).await?;
    Ok(no_content())
}
