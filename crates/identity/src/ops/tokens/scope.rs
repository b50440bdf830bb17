//! What a client wants a token for, and whether that exists.

use super::{
    login::{DomainRef, ProjectRef},
    resolve::{enabled_domain, scoped_to_project},
};
use crate::{
    Refusal,
    model::{Project, Target, Trust, User, effective, project, token::ScopeId},
};
use kernel::{Result, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use store::Snapshot;

/// `"unscoped"`, or an object with exactly one of its keys.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Scope {
    Word(String),
    Parts(Box<ScopeParts>),
}

#[derive(Clone, Deserialize)]
pub struct TrustRef {
    pub id: Option<String>,
}

#[derive(Deserialize)]
pub struct ScopeParts {
    project: Option<ProjectRef>,
    domain: Option<DomainRef>,
    system: Option<Value>,
    unscoped: Option<Value>,
    #[serde(rename = "OS-TRUST:trust")]
    trust: Option<TrustRef>,
}

/// What was asked, before anybody is known to ask.
pub(crate) enum Asked {
    /// Nothing: the user's default project, if it is any good.
    Default,
    Unscoped,
    System,
    Project(ProjectRef),
    Domain(DomainRef),
    /// What the trust is for.
    Trust(TrustRef),
}

impl Scope {
    pub(super) fn read(scope: Option<Self>) -> Result<Asked, Refusal> {
        let one =
            Refusal::Missing { attribute: "system, project, domain, OS-TRUST:trust or unscoped", target: "scope" };
        let parts = match scope {
            None => return Ok(Asked::Default),
            Some(Self::Word(word)) if word == "unscoped" => return Ok(Asked::Unscoped),
            Some(Self::Word(_)) => return Err(one),
            Some(Self::Parts(parts)) => *parts,
        };
        let trust = parts.trust.is_some();
        let count =
            [parts.project.is_some(), parts.domain.is_some(), parts.system.is_some(), parts.unscoped.is_some(), trust];
        if count.iter().filter(|given| **given).count() != 1 {
            return Err(one);
        }
        match parts {
            ScopeParts { project: Some(project), .. } => Ok(Asked::Project(project)),
            ScopeParts { domain: Some(domain), .. } => Ok(Asked::Domain(domain)),
            ScopeParts { system: Some(_), .. } => Ok(Asked::System),
            ScopeParts { unscoped: Some(_), .. } => Ok(Asked::Unscoped),
            ScopeParts { trust: Some(trust), .. } => Ok(Asked::Trust(trust)),
            _ => Err(one),
        }
    }
}

impl Asked {
    /// The scope for `user`. What does not exist, or is disabled, is as unauthorized as what is not allowed.
    pub(super) fn settle(&self, view: &Snapshot, user: &User) -> Result<ScopeId> {
        Ok(match self {
            // A trust has its own, which whoever mints the token takes.
            Self::Unscoped | Self::Trust(_) => ScopeId::Unscoped,
            Self::System => ScopeId::System,
            Self::Default => default_scope(view, user),
            Self::Domain(wanted) => ScopeId::Domain(domain(view, wanted)?.domain_id()),
            Self::Project(wanted) => ScopeId::Project(named_project(view, wanted)?.id.clone()),
        })
    }
}

/// The trust, if it can be used and by this user.
pub(super) fn trust_of(view: &Snapshot, wanted: &TrustRef, user: &User, now: Timestamp) -> Result<Arc<Trust>> {
    let id = wanted.id.as_deref().ok_or(Refusal::Missing { attribute: "trust_id", target: "trust" })?;
    let found = view.get::<Trust>(id).filter(|trust| trust.usable(now));
    let trust = found.ok_or(Refusal::Unauthorized("no such trust"))?;
    match trust.trustee == user.id {
        true => Ok(trust),
        false => Err(Refusal::forbidden("User is not a trustee.").into()),
    }
}

/// Keystone's rule: a default project that is gone, disabled or without a role there is ignored.
fn default_scope(view: &Snapshot, user: &User) -> ScopeId {
    let usable = |id: &&kernel::ProjectId| {
        scoped_to_project(view, id).is_ok()
            && !effective::roles_on(view, &user.id, &Target::Project((*id).clone())).is_empty()
    };
    match user.default_project.as_ref().filter(usable) {
        Some(id) => ScopeId::Project(id.clone()),
        None => ScopeId::Unscoped,
    }
}

/// An enabled domain by id or name.
pub(super) fn domain(view: &Snapshot, wanted: &DomainRef) -> Result<Arc<Project>> {
    let found = match wanted {
        DomainRef { name: Some(name), .. } => project::named(view, None, name),
        DomainRef { id: Some(id), .. } => project::find_domain(view, id),
        DomainRef { id: None, name: None } => {
            return Err(Refusal::Missing { attribute: "id or name", target: "domain" }.into());
        }
    };
    let found = found.ok_or(Refusal::Unauthorized("no such domain"))?;
    enabled_domain(view, &found.id).map_err(|why| Refusal::Unauthorized(why.0).into())
}

fn named_project(view: &Snapshot, wanted: &ProjectRef) -> Result<Arc<Project>> {
    let found = match wanted {
        ProjectRef { name: Some(name), domain: Some(in_domain), .. } => {
            project::named(view, Some(&domain(view, in_domain)?.domain_id()), name)
        }
        ProjectRef { name: Some(_), domain: None, .. } => {
            return Err(Refusal::Missing { attribute: "domain", target: "project" }.into());
        }
        ProjectRef { id: Some(id), .. } => project::find(view, id),
        ProjectRef { id: None, name: None, .. } => {
            return Err(Refusal::Missing { attribute: "id or name", target: "project" }.into());
        }
    };
    found.ok_or(Refusal::Unauthorized("no such project").into())
}
