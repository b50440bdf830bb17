//! Keystone's HTTP shape: one file per resource, with its routes and handlers. A handler reads the request, calls one
//! operation and wraps what comes back; everything that decides is in `ops`.

mod access_rules;
mod app_creds;
mod at;
mod auth;
mod credentials;
mod discovery;
mod domains;
mod endpoints;
mod grants;
mod groups;
mod projects;
mod read;
mod regions;
mod role_assignments;
mod roles;
mod schemas;
mod services;
mod tokens;
mod users;
mod views;

use crate::Identity;
use http::{ApiRouter, Deps, FaultStyle, RouteInfo, Router, ServiceSpec};

pub(crate) const PREFIX: &str = "/identity";

/// What the pipeline must know of this service.
pub fn spec() -> ServiceSpec {
    let base = ServiceSpec::new("identity", PREFIX, FaultStyle::Keystone);
    let public = &["/", "/v3", "POST /v3/auth/tokens", "POST /v3/users/{user_id}/password"];
    ServiceSpec { public, ..base }
}

fn all() -> ApiRouter<Identity> {
    let resources = [
        discovery::routes(),
        tokens::routes(),
        auth::routes(),
        users::routes(),
        groups::routes(),
        projects::routes(),
        domains::routes(),
        roles::routes(),
        grants::routes(),
        role_assignments::routes(),
        regions::routes(),
        services::routes(),
        endpoints::routes(),
        app_creds::routes(),
        access_rules::routes(),
        credentials::routes(),
    ];
    resources.into_iter().fold(ApiRouter::new(), ApiRouter::merge)
}

/// Everything served, ready to be merged with the other services.
pub fn router(identity: Identity, deps: Deps) -> Router {
    all().finish(spec(), identity, deps)
}

/// What is served, for `tstack routes` and the coverage tests.
pub fn routes() -> Vec<RouteInfo> {
    all().routes(&spec())
}
