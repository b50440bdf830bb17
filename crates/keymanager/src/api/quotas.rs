//! `/v1/quotas` of the caller's project, `/v1/project-quotas` of all.

use super::{Json, page};
use crate::{
    KeyManager,
    ops::quotas::{self, Limits},
    service::QUOTAS,
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new()
        .get("/v1/quotas", show_own)
        .get("/v1/project-quotas", index)
        .get("/v1/project-quotas/{project}", show)
        .put("/v1/project-quotas/{project}", put)
        .delete("/v1/project-quotas/{project}", remove)
}

http::schema! {
    QUOTA = {
        "type": "object",
        "required": ["project_quotas"],
        "additionalProperties": false,
        "properties": {
            "project_quotas": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "secrets": {"type": "integer"},
                    "orders": {"type": "integer"},
                    "containers": {"type": "integer"},
                    "consumers": {"type": "integer"},
                    "cas": {"type": "integer"},
                },
            },
        },
    }
}

/// Every resource; null where nothing was set.
fn view(limits: &Limits) -> Value {
    let resources = QUOTAS.defaults.iter().map(|d| (d.resource.to_owned(), json!(limits.get(d.resource))));
    Value::Object(resources.collect::<Map<_, _>>())
}

async fn show_own(State(service): State<KeyManager>, Cx(cx): Cx) -> ApiResult {
    Ok(http::ok(&json!({"quotas": view(&quotas::effective(&service, &cx)?)})))
}

async fn index(State(service): State<KeyManager>, Cx(cx): Cx, base: BaseUrl, params: Params) -> ApiResult {
    let paged = quotas::list(&service, &cx, &params)?;
    let row = |l: &std::sync::Arc<ports::quota::QuotaLimits>| json!({"project_id": l.subject, "project_quotas": view(&l.limits)});
    page(&base, &params, "project_quotas", "project_quotas", &paged, row)
}

async fn show(State(service): State<KeyManager>, Cx(cx): Cx, Path(project): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"project_quotas": view(&quotas::show(&service, &cx, &project)?)})))
}

async fn put(State(service): State<KeyManager>, Cx(cx): Cx, Path(project): Path<String>, body: Json) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        project_quotas: Limits,
    }
    let given: Wrapped = body.read(&QUOTA, "Project Quota")?;
    quotas::put(&service, &cx, &project, given.project_quotas).await?;
    Ok(http::no_content())
}

async fn remove(State(service): State<KeyManager>, Cx(cx): Cx, Path(project): Path<String>) -> ApiResult {
    quotas::delete(&service, &cx, &project).await?;
    Ok(http::no_content())
}
