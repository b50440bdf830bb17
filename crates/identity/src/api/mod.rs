//! Keystone's HTTP shape: one file per resource, with its routes and handlers. A handler reads the request, calls one
//! operation and wraps what comes back; everything that decides is in `ops`.

mod access_rules;
mod app_creds;
mod at;
mod auth;
mod credentials;
mod crud;
mod discovery;
mod domain_config;
mod domains;
mod ec2;
mod endpoint_groups;
mod endpoints;
mod federation;
mod grants;
mod groups;
mod limits;
mod oauth1;
mod policies;
mod projects;
mod read;
mod regions;
mod role_assignments;
mod roles;
mod schemas;
mod services;
mod tokens;
mod trusts;
mod users;
mod views;

pub use schemas::bodies;

use crate::Identity;
use http::{ApiRouter, Deps, FaultStyle, RouteInfo, Router, ServiceSpec};

pub(crate) const PREFIX: &str = "/identity";

/// What the pipeline must know of this service.
pub fn spec() -> ServiceSpec {
    let base = ServiceSpec::new("identity", PREFIX, FaultStyle::Keystone);
    let public = &[
        "/",
        "/v3",
        "POST /v3/auth/tokens",
        "POST /v3/users/{user_id}/password",
        // Signed by a consumer instead.
        "POST /v3/OS-OAUTH1/request_token",
        "POST /v3/OS-OAUTH1/access_token",
    ];
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
        endpoint_groups::routes(),
        policies::routes(),
        ec2::routes(),
        oauth1::routes(),
        trusts::routes(),
        federation::routes(),
        domain_config::routes(),
        limits::routes(),
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
