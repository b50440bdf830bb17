//! `/os-quota-sets` and `/os-quota-class-sets`

use super::{
    check_query, checked,
    schema::{boolean, by_version, object, only, query, words},
};
use crate::{Compute, model::QUOTAS, ops::quotas};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State, accepted, ok};
use kernel::Microversion;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<Compute> {
    const SET: &str = "/v2.1/os-quota-sets/{tenant_id}";
    const CLASS: &str = "/v2.1/os-quota-class-sets/{quota_class}";
    ApiRouter::new()
        .get(SET, show)
        .put(SET, update)
        .delete(SET, delete)
        .get("/v2.1/os-quota-sets/{tenant_id}/detail", detail)
        .get("/v2.1/os-quota-sets/{tenant_id}/defaults", defaults)
        .get(CLASS, show_class)
        .put(CLASS, update_class)
}

by_version! {
    UPDATE = update_schema: 1, 36, 57;
    UPDATE_CLASS = class_schema: 1, 50, 57;
    SHOW = show_schema: 1, 75;
}

const NETWORK: &[&str] = &["fixed_ips", "floating_ips", "security_groups", "security_group_rules"];
const FILES: &[&str] = &["injected_files", "injected_file_content_bytes", "injected_file_path_bytes"];
const GROUPS: &[&str] = &["server_groups", "server_group_members"];

/// Resources of a version: networks went with 2.36, injected files with 2.57.
fn in_sets(minor: u16) -> impl Fn(&str) -> bool {
    move |resource| !(minor >= 36 && NETWORK.contains(&resource) || minor >= 57 && FILES.contains(&resource))
}

/// In classes networks stayed until 2.49, and server groups came with 2.50.
fn in_classes(minor: u16) -> impl Fn(&str) -> bool {
    move |resource| {
        !(minor >= 50 && NETWORK.contains(&resource)
            || minor < 50 && GROUPS.contains(&resource)
            || minor >= 57 && FILES.contains(&resource))
    }
}

fn limit() -> Value {
    json!({"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "minimum": -1, "maximum": 0x7FFF_FFFF, "minLength": 1})
}

fn limits_of(shown: impl Fn(&str) -> bool) -> Value {
    let resources = QUOTAS.defaults.iter().map(|d| d.resource).filter(|r| shown(r));
    Value::Object(resources.map(|r| (r.to_owned(), limit())).collect())
}

fn update_schema(minor: u16) -> Value {
    let mut properties = limits_of(in_sets(minor));
    properties["force"] = boolean();
    only("quota_set", object(properties, &[]))
}

fn class_schema(minor: u16) -> Value {
    only("quota_class_set", object(limits_of(in_classes(minor)), &[]))
}

fn show_schema(minor: u16) -> Value {
    query(json!({"user_id": words()}), minor < 75)
}

fn minor(v: Microversion) -> u16 {
    v.minor
}

fn numbers(body: &Value) -> BTreeMap<String, i64> {
    let number = |v: &Value| v.as_i64().or_else(|| v.as_str()?.parse().ok());
    let items = body.as_object().into_iter().flatten().filter(|(key, _)| *key != "force");
    items.filter_map(|(key, value)| Some((key.clone(), number(value)?))).collect()
}

fn set<T: Into<Value>>(values: impl Iterator<Item = (String, T)>, shown: impl Fn(&str) -> bool) -> Map<String, Value> {
    values.filter(|(resource, _)| shown(resource)).map(|(resource, value)| (resource, value.into())).collect()
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, SHOW)?;
    let quotas = quotas::show(&c, &cx, &id, false).await?;
    let mut view = set(quotas.into_iter().map(|(r, q)| (r, q.limit)), in_sets(minor(cx.version)));
    view.insert("id".into(), id.into());
    Ok(ok(&json!({"quota_set": view})))
}

async fn detail(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, SHOW)?;
    let quotas = quotas::show(&c, &cx, &id, true).await?;
    let one = |q: quotas::Quota| json!({"limit": q.limit, "in_use": q.used, "reserved": 0});
    let mut view = set(quotas.into_iter().map(|(r, q)| (r, one(q))), in_sets(minor(cx.version)));
    view.insert("id".into(), id.into());
    Ok(ok(&json!({"quota_set": view})))
}

async fn defaults(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let defaults = quotas::defaults(&c, &cx, &id).await?;
    let mut view = set(defaults.into_iter(), in_sets(minor(cx.version)));
    view.insert("id".into(), id.into());
    Ok(ok(&json!({"quota_set": view})))
}

async fn update(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let body: Value = checked(&cx, body, UPDATE)?;
    let wanted = &body["quota_set"];
    let text = |s: &str| matches!(s.to_ascii_lowercase().as_str(), "true" | "1" | "on" | "yes");
    let force = wanted["force"].as_bool().unwrap_or_else(|| wanted["force"].as_str().is_some_and(text));
    let quotas = quotas::update(&c, &cx, &id, numbers(wanted), force).await?;
    let view = set(quotas.into_iter().map(|(r, q)| (r, q.limit)), in_sets(minor(cx.version)));
    Ok(ok(&json!({"quota_set": view})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    quotas::delete(&c, &cx, &id).await?;
    Ok(accepted())
}

async fn show_class(State(c): State<Compute>, Cx(cx): Cx, Path(class): Path<String>) -> ApiResult {
    let limits = quotas::class(&c, &cx).await?;
    let mut view = set(limits.into_iter(), in_classes(minor(cx.version)));
    view.insert("id".into(), class.into());
    Ok(ok(&json!({"quota_class_set": view})))
}

async fn update_class(State(c): State<Compute>, Cx(cx): Cx, Path(class): Path<String>, body: JsonBody) -> ApiResult {
    let body: Value = checked(&cx, body, UPDATE_CLASS)?;
    let limits = quotas::update_class(&c, &cx, &class, numbers(&body["quota_class_set"])).await?;
    Ok(ok(&json!({"quota_class_set": set(limits.into_iter(), in_classes(minor(cx.version)))})))
}
