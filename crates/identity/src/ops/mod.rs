//! What can be done: a folder per resource, a file per verb. Each operation asks policy, judges what it was given against
//! the state of things, and writes in one transaction that judges again whatever another request may have changed.
//!
//! The order of refusals is Keystone's, which its suites hold to: mostly an object that is not there is told (404) only to
//! who would be allowed to see it, and to others the rule, asked about nothing, says 403; roles, grants and the removal of
//! groups and domains look first. Ids are random, so who gets a 404 has learnt nothing about anything that is there.

pub mod access_rules;
pub mod access_tokens;
pub mod app_creds;
pub mod audit;
pub mod bootstrap;
pub mod catalog;
pub mod consumers;
pub mod credentials;
pub mod domain_config;
pub mod domains;
pub mod ec2_credentials;
pub mod ec2_tokens;
pub mod endpoint_groups;
pub mod endpoints;
pub mod fields;
mod found;
pub mod grants;
pub mod groups;
pub mod identity_providers;
pub mod implied_roles;
pub mod keys;
pub mod limits;
pub mod mappings;
pub mod members;
mod names;
pub mod oauth1;
pub mod on;
pub mod passwords;
pub mod policies;
pub mod policy_associations;
pub mod project_endpoints;
pub mod projects;
pub mod protocols;
pub mod query;
pub mod regions;
pub mod registered_limits;
pub mod removal;
pub mod request_tokens;
pub mod role_assignments;
pub mod roles;
pub mod service_providers;
pub mod services;
pub mod tags;
pub mod tokens;
pub mod trusts;
pub mod users;

use crate::{
    Identity, Refusal,
    model::{Project, project},
};
use kernel::{Ctx, DomainId, Result};
use std::sync::Arc;
use store::Tx;

/// The domain for something created without naming one: that of the token's scope, else the default (Keystone's
/// `_normalize_domain_id`).
pub(crate) fn domain_or_default(id: &Identity, cx: &Ctx, given: Option<DomainId>) -> DomainId {
    given
        .filter(|d| !d.is_empty())
        .or_else(|| cx.credentials.domain().cloned())
        .unwrap_or_else(|| DomainId::from(id.config().default_domain.as_str()))
}

/// The domain that something is put in: read in the transaction, so that it cannot be deleted meanwhile.
pub(crate) fn domain_in(tx: &mut Tx, id: &str) -> Result<Arc<Project>> {
    let found = tx.get::<Project>(id).filter(|d| d.is_domain() && !d.deleting);
    found.ok_or_else(|| Refusal::not_found("domain", id).into())
}

/// `parents`, `enabled` and so on of the snapshot, by id; 404 in Keystone's words.
pub(crate) fn project_or_404(view: &store::Snapshot, id: &str) -> Result<Arc<Project>> {
    project::find(view, id).ok_or_else(|| Refusal::not_found("project", id).into())
}
