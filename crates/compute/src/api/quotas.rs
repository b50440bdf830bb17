//! `/os-quota-sets` and `/os-quota-class-sets`

use crate::{
    Compute,
    model::quota::QUOTAS,
    ops::quotas::{self, Limits},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use kernel::{Ctx, Error, Result};
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-quota-sets/{id}", show)
        .put("/v2.1/os-quota-sets/{id}", update)
        .delete("/v2.1/os-quota-sets/{id}", delete)
        .get("/v2.1/os-quota-sets/{id}/defaults", defaults)
        .get("/v2.1/os-quota-sets/{id}/detail", detail)
        .get("/v2.1/os-quota-class-sets/{id}", class)
        .put("/v2.1/os-quota-class-sets/{id}", update_class)
}

/// What a version shows: networks went with 2.36, injected files with 2.57.
pub(super) fn shown(cx: &Ctx, resource: &str) -> bool {
    match resource {
        "fixed_ips" | "floating_ips" | "security_groups" | "security_group_rules" => cx.version.until(2, 35),
        "injected_files" | "injected_file_content_bytes" | "injected_file_path_bytes" => cx.version.until(2, 56),
        _ => true,
    }
}

/// Classes hid server groups until 2.50.
fn in_class(cx: &Ctx, resource: &str) -> bool {
    shown(cx, resource) && (cx.version.since(2, 50) || !resource.starts_with("server_group"))
}

fn set(key: &str, id: Option<&str>, fields: impl Iterator<Item = (String, Value)>) -> Value {
    let mut set: Map<String, Value> = fields.collect();
    if let Some(id) = id {
        set.insert("id".into(), json!(id));
    }
    json!({key: set})
}

fn plain<'a>(cx: &'a Ctx, limits: Limits) -> impl Iterator<Item = (String, Value)> + 'a {
    limits.into_iter().filter(|(resource, _)| shown(cx, resource)).map(|(k, v)| (k, json!(v)))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let limits = quotas::show(&c, &cx, &id)?;
    Ok(http::ok(&set("quota_set", Some(&id), plain(&cx, limits))))
}

async fn defaults(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let limits = quotas::defaults(&c, &cx, &id)?;
    Ok(http::ok(&set("quota_set", Some(&id), plain(&cx, limits))))
}

async fn detail(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let (limits, used) = quotas::detail(&c, &cx, &id)?;
    let rows = limits.into_iter().filter(|(resource, _)| shown(&cx, resource)).map(|(resource, limit)| {
        let in_use = used.get(&resource).copied().unwrap_or(0);
        (resource, json!({"limit": limit, "in_use": in_use, "reserved": 0}))
    });
    Ok(http::ok(&set("quota_set", Some(&id), rows)))
}

/// Numbers from -1 up, for resources that the version knows. True if `force` was given.
fn read(cx: &Ctx, body: &Value, key: &str) -> Result<(Limits, bool)> {
    let missing = || Error::bad_request(format!("Invalid input for field/attribute {key}. Value: {body}. '{key}' is a required property"));
    let set = body.get(key).and_then(Value::as_object).ok_or_else(missing)?;
    let mut limits = Limits::new();
    for (resource, value) in set.iter().filter(|(k, _)| !matches!(k.as_str(), "force" | "tenant_id" | "id")) {
        if !QUOTAS.knows(resource) || !shown(cx, resource) {
            let text = format!("Invalid input for field/attribute {key}. Additional properties are not allowed ('{resource}' was unexpected)");
            return Err(Error::bad_request(text));
        }
        let number = value.as_i64().or_else(|| value.as_str().and_then(|t| t.parse().ok()));
        let wrong = || Error::bad_request(format!("Invalid input for field/attribute {resource}. Value: {value}. It must be an integer from -1 to 2147483647"));
        limits.insert(resource.clone(), number.filter(|n| (-1..=2_147_483_647).contains(n)).ok_or_else(wrong)?);
    }
    let force = set.get("force").is_some_and(|f| f == &json!(true) || f.as_str().is_some_and(|t| t.eq_ignore_ascii_case("true")));
    Ok((limits, force))
}

async fn update(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let (changes, force) = read(&cx, &body, "quota_set")?;
    let limits = quotas::update(&c, &cx, &id, changes, force).await?;
    Ok(http::ok(&set("quota_set", None, plain(&cx, limits))))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    quotas::reset(&c, &cx, &id).await?;
    Ok(http::accepted())
}

async fn class(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let limits = quotas::class(&c, &cx)?;
    let rows = limits.into_iter().filter(|(r, _)| in_class(&cx, r)).map(|(k, v)| (k, json!(v)));
    Ok(http::ok(&set("quota_class_set", Some(&id), rows)))
}

async fn update_class(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let (changes, _) = read(&cx, &body, "quota_class_set")?;
    let limits = quotas::update_class(&c, &cx, &id, changes).await?;
    let rows = limits.into_iter().filter(|(r, _)| in_class(&cx, r)).map(|(k, v)| (k, json!(v)));
    Ok(http::ok(&set("quota_class_set", None, rows)))
}
