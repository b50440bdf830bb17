//! Keystone's rules by name, with Keystone's defaults (secure RBAC), for what is served. One file per resource; a new
//! resource adds its file and a line in [`POLICY`].

pub mod app_creds;
pub mod catalog;
pub mod credentials;
pub mod domain_config;
pub mod domains;
pub mod ec2;
pub mod endpoint_filter;
pub mod federation;
pub mod grants;
pub mod groups;
pub mod limits;
pub mod oauth1;
pub mod policies;
pub mod projects;
pub mod roles;
pub mod tokens;
pub mod trusts;
pub mod users;

use ::policy::ServicePolicy;
pub use ::policy::{Authorize, Permit};

pub static POLICY: ServicePolicy = ServicePolicy {
    service: "identity",
    base: &[
        ("admin_required", "role:admin or is_admin:1"),
        ("service_role", "role:service"),
        ("service_or_admin", "rule:admin_required or rule:service_role"),
        ("owner", "user_id:%(user_id)s"),
        ("admin_or_owner", "rule:admin_required or rule:owner"),
        ("token_subject", "user_id:%(target.token.user_id)s"),
        ("admin_or_token_subject", "rule:admin_required or rule:token_subject"),
        ("service_admin_or_token_subject", "rule:service_or_admin or rule:token_subject"),
        (
            "domain_managed_target_role",
            "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
        ),
    ],
    rules: &[
        tokens::ALL,
        domains::ALL,
        projects::ALL,
        users::ALL,
        groups::ALL,
        roles::ALL,
        grants::ALL,
        catalog::ALL,
        credentials::ALL,
        app_creds::ALL,
        endpoint_filter::ALL,
        policies::ALL,
        ec2::ALL,
        oauth1::ALL,
        trusts::ALL,
        federation::ALL,
        domain_config::ALL,
        limits::ALL,
    ],
    refusal: "You are not authorized to perform the requested action: {}.",
};
