//! `/servers/{id}/metadata`

use super::{
    checked,
    schema::{by_version, metadata as items_schema, only},
};
use crate::{Compute, error::invalid, ops::servers};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content, ok};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/servers/{server_id}/metadata";
    const ONE: &str = "/v2.1/servers/{server_id}/metadata/{key}";
    ApiRouter::new().get(ALL, list).post(ALL, extend).put(ALL, replace).get(ONE, show).put(ONE, set).delete(ONE, remove)
}

by_version! {
    ITEMS = items: 1;
    ITEM = item: 1;
}

fn items(_: u16) -> Value {
    only("metadata", items_schema())
}

fn item(_: u16) -> Value {
    let mut item = items_schema();
    (item["minProperties"], item["maxProperties"]) = (1.into(), 1.into());
    only("meta", item)
}

type Items = BTreeMap<String, BTreeMap<String, String>>;

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(ok(&json!({"metadata": servers::metadata(&c, &cx, &id).await?})))
}

async fn extend(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let mut body: Items = checked(&cx, body, ITEMS)?;
    let items = body.remove("metadata").unwrap_or_default();
    Ok(ok(&json!({"metadata": servers::update_metadata(&c, &cx, &id, items, false).await?})))
}

async fn replace(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let mut body: Items = checked(&cx, body, ITEMS)?;
    let items = body.remove("metadata").unwrap_or_default();
    Ok(ok(&json!({"metadata": servers::replace_metadata(&c, &cx, &id, items).await?})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path((id, key)): Path<(String, String)>) -> ApiResult {
    Ok(ok(&json!({"meta": {&key: servers::metadata_item(&c, &cx, &id, &key).await?}})))
}

async fn set(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path((id, key)): Path<(String, String)>,
    body: JsonBody,
) -> ApiResult {
    let mut body: Items = checked(&cx, body, ITEM)?;
    let items = body.remove("meta").unwrap_or_default();
    if !items.contains_key(&key) {
        return Err(invalid("Request body and URI mismatch").into());
    }
    servers::update_metadata(&c, &cx, &id, items.clone(), true).await?;
    Ok(ok(&json!({"meta": items})))
}

async fn remove(State(c): State<Compute>, Cx(cx): Cx, Path((id, key)): Path<(String, String)>) -> ApiResult {
    servers::remove_item(&c, &cx, &id, key).await?;
    Ok(no_content())
}
