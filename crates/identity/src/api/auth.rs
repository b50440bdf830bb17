//! `/v3/auth/catalog`, `/v3/auth/projects`, `/v3/auth/domains`, `/v3/auth/system`: what the caller's user can reach.

use super::{
    at::At,
    views::{self, collection},
};
use crate::{Identity, ops::catalog};
use http::{ApiResult, ApiRouter, Cx, State, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new()
        .get("/v3/auth/catalog", show_catalog)
        .get("/v3/auth/projects", projects)
        .get("/v3/auth/domains", domains)
        .get("/v3/auth/system", system)
        // The names of old, from when only federated users asked.
        .get("/v3/OS-FEDERATION/projects", projects)
        .get("/v3/OS-FEDERATION/domains", domains)
}

async fn show_catalog(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let entries = catalog::show(&id, &cx)?;
    Ok(ok(&json!({"catalog": views::catalog(&entries), "links": {"self": at.url("/auth/catalog")}})))
}

async fn projects(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let projects = catalog::projects(&id, &cx)?;
    let views: Vec<_> = projects.iter().map(|p| views::project(&at, p)).collect();
    Ok(collection(&at, "projects", &views, None))
}

async fn domains(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let domains = catalog::domains(&id, &cx)?;
    let views: Vec<_> = domains.iter().map(|d| views::domain(&at, d)).collect();
    Ok(collection(&at, "domains", &views, None))
}

async fn system(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let system = if catalog::system(&id, &cx)? { json!([{"all": true}]) } else { json!([]) };
    Ok(ok(&json!({"system": system, "links": {"self": at.url("/auth/system")}})))
}
