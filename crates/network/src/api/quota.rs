//! `/v2.0/quotas`

use super::kind::Kind;
use crate::{Network as Service, error::NetError, model::quota::QUOTAS, ops::quota};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use kernel::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/quotas", list)
        .get("/v2.0/quotas/tenant", |cx: Cx| mine(cx, "tenant"))
        .get("/v2.0/quotas/project", |cx: Cx| mine(cx, "project"))
        .get("/v2.0/quotas/{id}", show)
        .put("/v2.0/quotas/{id}", update)
        .delete("/v2.0/quotas/{id}", delete)
        .get("/v2.0/quotas/{id}/default", defaults)
        .get("/v2.0/quotas/{id}/details", details)
        .get("/v2.0/quotas/{id}/details.json", details)
}

async fn list(State(net): State<Service>, Cx(cx): Cx) -> ApiResult {
    let of = |(project, limits): (String, BTreeMap<String, i64>)| {
        let mut view = json!(limits);
        view["project_id"] = project.as_str().into();
        view["tenant_id"] = project.into();
        view
    };
    let quotas: Vec<_> = quota::customised(&net, &cx)?.into_iter().map(of).collect();
    Ok(http::ok(&json!({ "quotas": quotas })))
}

/// Which project a client's token is for.
async fn mine(Cx(cx): Cx, key: &'static str) -> ApiResult {
    Ok(http::ok(&json!({key: {format!("{key}_id"): cx.project()?}})))
}

async fn show(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"quota": quota::limits(&net, &cx, plain(&id))?})))
}

/// Old clients put `.json` behind ids.
fn plain(id: &str) -> &str {
    id.strip_suffix(".json").unwrap_or(id)
}

async fn defaults(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"quota": quota::defaults(&net, &cx, &id)?})))
}

async fn details(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let detail =
        |(name, (limit, used)): (String, (i64, i64))| (name, json!({"limit": limit, "used": used, "reserved": 0}));
    let details: BTreeMap<_, _> = quota::details(&net, &cx, &id)?.into_iter().map(detail).collect();
    Ok(http::ok(&json!({ "quota": details })))
}

async fn update(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let (changes, force) = changes(&body)?;
    let limits = quota::update(&net, &cx, plain(&id), changes, force).await?;
    Ok(http::ok(&json!({ "quota": limits })))
}

/// Limits by resource, and whether to set them though more is in use.
fn changes(body: &Value) -> Result<(BTreeMap<String, i64>, bool)> {
    let given = body.get("quota").and_then(Value::as_object);
    let given = given.ok_or_else(|| NetError::request("Resource body required"))?;
    let mut limits = BTreeMap::new();
    let mut force = false;
    for (name, value) in given {
        match name.as_str() {
            "force" => force = value.as_bool().unwrap_or(false),
            "check_limit" | "project_id" | "tenant_id" => {}
            resource if QUOTAS.knows(resource) => {
                let limit = Kind::Int.read(resource, value)?.as_i64().unwrap_or_default();
                if !(-1..=i64::from(i32::MAX)).contains(&limit) {
                    let text = format!(
                        "Invalid input for {resource}. Reason: '{limit}' is not in the range -1 to 2147483647."
                    );
                    return Err(NetError::request(text).into());
                }
                limits.insert(resource.to_owned(), limit);
            }
            unknown => return Err(NetError::request(format!("Unrecognized attribute(s) '{unknown}'")).into()),
        }
    }
    Ok((limits, force))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    quota::delete(&net, &cx, plain(&id)).await?;
    Ok(http::no_content())
}
