//! What a payload means in a given state of things.

use crate::model::{
    AccessRule, ApplicationCredential, Project, Role, Target, User, effective, project, revocation,
    role::with_implied,
    token::{Payload, ScopeId},
    user,
};
use kernel::{Credentials, Scope, Timestamp, auth};
use std::{collections::BTreeSet, sync::Arc};
use store::Snapshot;

/// A valid token with everything it stands for.
#[derive(Clone, Debug)]
pub struct Token {
    pub payload: Arc<Payload>,
    pub user: Arc<User>,
    pub user_domain: Arc<Project>,
    pub scope: Scoped,
    /// Effective ones, by name.
    pub roles: Vec<Arc<Role>>,
    pub app_cred: Option<Arc<ApplicationCredential>>,
    pub access_rules: Option<Vec<Arc<AccessRule>>>,
}

#[derive(Clone, Debug)]
pub enum Scoped {
    Unscoped,
    Project { project: Arc<Project>, domain: Arc<Project> },
    Domain(Arc<Project>),
    System,
}

/// Why a payload is not a valid token; for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Void(pub &'static str);

/// Everything about a token but its age, which the caller judges. `now` is for accounts that fall asleep.
pub fn resolve(view: &Snapshot, payload: Arc<Payload>, inactive_days: u32, now: Timestamp) -> Result<Token, Void> {
    let user = user::find(view, &payload.user).ok_or(Void("the user is gone"))?;
    if !user.active(inactive_days, now) {
        return Err(Void("the user is disabled"));
    }
    let user_domain = enabled_domain(view, &user.domain)?;
    if revocation::revoked(view, &user.id, &payload.audit_ids, payload.issued) {
        return Err(Void("revoked"));
    }
    let (scope, target) = match &payload.scope {
        ScopeId::Unscoped => (Scoped::Unscoped, None),
        ScopeId::System => (Scoped::System, Some(Target::System)),
        ScopeId::Domain(id) => (Scoped::Domain(enabled_domain(view, id)?), Some(Target::Domain(id.clone()))),
        ScopeId::Project(id) => (scoped_to_project(view, id)?, Some(Target::Project(id.clone()))),
    };
    let app_cred = match &payload.app_cred {
        None => None,
        Some(id) => Some(view.get::<ApplicationCredential>(id).ok_or(Void("the application credential is gone"))?),
    };
    let mut roles = target.as_ref().map(|t| effective::roles_on(view, &user.id, t)).unwrap_or_default();
    if let Some(app_cred) = &app_cred {
        let lent: BTreeSet<_> = with_implied(view, app_cred.roles.iter().cloned());
        roles.retain(|role| lent.contains(&role.id));
    }
    if target.is_some() && roles.is_empty() {
        return Err(Void("no role there any more"));
    }
    let access_rules = app_cred.as_ref().and_then(|a| a.access_rules.as_ref());
    let access_rules = access_rules.map(|ids| ids.iter().filter_map(|id| view.get::<AccessRule>(id)).collect());
    Ok(Token { payload, user, user_domain, scope, roles, app_cred, access_rules })
}

pub(super) fn enabled_domain(view: &Snapshot, id: &str) -> Result<Arc<Project>, Void> {
    project::find_domain(view, id).filter(|d| d.enabled).ok_or(Void("the domain is disabled or gone"))
}

/// A domain taken as a project is its own domain.
pub(super) fn scoped_to_project(view: &Snapshot, id: &str) -> Result<Scoped, Void> {
    let project = project::find(view, id).filter(|p| p.enabled).ok_or(Void("the project is disabled or gone"))?;
    let domain = enabled_domain(view, &project.owner())?;
    Ok(Scoped::Project { project, domain })
}

impl Token {
    /// As every service sees it.
    pub fn credentials(&self) -> Credentials {
        let payload = &self.payload;
        let access_rules = self.access_rules.as_ref().map(|rules| rules.iter().map(|r| access_rule(r)).collect());
        Credentials {
            user: self.user.id.clone(),
            user_name: self.user.name.clone(),
            user_domain: self.user.domain.clone(),
            user_domain_name: self.user_domain.name.clone(),
            scope: self.scope.kernel(),
            roles: self.roles.iter().map(|r| r.name.clone()).collect(),
            expires: payload.expires,
            issued: payload.issued,
            app_cred: self.app_cred.as_ref().map(|a| auth::AppCred {
                id: a.id.to_string(),
                unrestricted: a.unrestricted,
                access_rules,
            }),
            trust: None,
            methods: payload.methods.iter().map(|m| m.as_str().to_owned()).collect(),
            audit_ids: payload.audit_ids.clone(),
        }
    }
}

fn access_rule(rule: &AccessRule) -> auth::AccessRule {
    auth::AccessRule { service: rule.service.clone(), method: rule.method.clone(), path: rule.path.clone() }
}

impl Scoped {
    fn kernel(&self) -> Scope {
        match self {
            Self::Unscoped => Scope::Unscoped,
            Self::System => Scope::System,
            Self::Domain(domain) => Scope::Domain { id: domain.domain_id(), name: domain.name.clone() },
            Self::Project { project, domain } => Scope::Project {
                id: project.id.clone(),
                name: project.name.clone(),
                domain: domain.domain_id(),
                domain_name: domain.name.clone(),
                is_domain: project.is_domain(),
            },
        }
    }

    pub fn project(&self) -> Option<&Project> {
        match self {
            Self::Project { project, .. } => Some(project),
            _ => None,
        }
    }
}
