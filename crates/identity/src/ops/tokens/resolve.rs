//! What a payload means in a given state of things.

use crate::model::{
    AccessRule, AccessToken, ApplicationCredential, Project, Role, Target, Trust, User, effective, project, revocation,
    role::with_implied,
    token::{Lender, Payload, ScopeId},
    trust, user,
};
use kernel::{Credentials, RoleId, Scope, Timestamp, UserId, auth};
use std::{collections::BTreeSet, sync::Arc};
use store::Snapshot;

/// A valid token with everything it stands for.
#[derive(Clone, Debug)]
pub struct Token {
    pub payload: Arc<Payload>,
    /// For whom it stands: who logged in, or the trustor that the trust lets the trustee be.
    pub user: Arc<User>,
    pub user_domain: Arc<Project>,
    pub scope: Scoped,
    /// Effective ones, by name.
    pub roles: Vec<Arc<Role>>,
    pub loan: Loan,
}

#[derive(Clone, Debug)]
pub enum Scoped {
    Unscoped,
    Project { project: Arc<Project>, domain: Arc<Project> },
    Domain(Arc<Project>),
    System,
}

/// What its powers were lent by.
#[derive(Clone, Debug)]
pub enum Loan {
    /// They are the user's own.
    None,
    ApplicationCredential(Arc<ApplicationCredential>, Option<Vec<Arc<AccessRule>>>),
    Trust(Arc<Trust>),
    AccessToken(Arc<AccessToken>),
}

/// Why a payload is not a valid token; for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Void(pub &'static str);

/// When and how accounts count as usable.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Timestamp,
    /// After which accounts fall asleep.
    pub inactive_days: u32,
}

/// Everything about a token but its age, which the caller judges.
pub fn resolve(view: &Snapshot, payload: Arc<Payload>, at: Moment) -> Result<Token, Void> {
    let (login, login_domain) = enabled_user(view, &payload.user, at)?;
    if revocation::revoked(view, &login.id, &payload.audit_ids, payload.issued) {
        return Err(Void("revoked"));
    }
    let (scope, target) = match &payload.scope {
        ScopeId::Unscoped => (Scoped::Unscoped, None),
        ScopeId::System => (Scoped::System, Some(Target::System)),
        ScopeId::Domain(id) => (Scoped::Domain(enabled_domain(view, id)?), Some(Target::Domain(id.clone()))),
        ScopeId::Project(id) => (scoped_to_project(view, id)?, Some(Target::Project(id.clone()))),
    };
    let loan = loan(view, &payload)?;
    let (user, user_domain) = match &loan {
        Loan::Trust(trust) => {
            let (trustor, domain) = trustor(view, trust, &payload, at)?;
            if trust.impersonation { (trustor, domain) } else { (login, login_domain) }
        }
        _ => (login, login_domain),
    };
    let roles = match &target {
        None => Vec::new(),
        Some(target) => roles(view, &payload.user, target, &loan)?,
    };
    if target.is_some() && roles.is_empty() {
        return Err(Void("no role there any more"));
    }
    Ok(Token { payload, user, user_domain, scope, roles, loan })
}

fn enabled_user(view: &Snapshot, id: &str, at: Moment) -> Result<(Arc<User>, Arc<Project>), Void> {
    let user = user::find(view, id).ok_or(Void("the user is gone"))?;
    if !user.active(at.inactive_days, at.now) {
        return Err(Void("the user is disabled"));
    }
    let domain = enabled_domain(view, &user.domain)?;
    Ok((user, domain))
}

/// What lent the powers, still there. Whether it has expired shows in the token's own end.
fn loan(view: &Snapshot, payload: &Payload) -> Result<Loan, Void> {
    Ok(match &payload.lender {
        None => Loan::None,
        Some(Lender::ApplicationCredential(id)) => {
            let app_cred = view.get::<ApplicationCredential>(id).ok_or(Void("the application credential is gone"))?;
            let rules = app_cred.access_rules.as_ref();
            let rules = rules.map(|ids| ids.iter().filter_map(|id| view.get::<AccessRule>(id)).collect());
            Loan::ApplicationCredential(app_cred, rules)
        }
        Some(Lender::Trust(id)) => Loan::Trust(view.get::<Trust>(id).ok_or(Void("the trust is gone"))?),
        Some(Lender::AccessToken(id)) => {
            Loan::AccessToken(view.get::<AccessToken>(id).ok_or(Void("the access token is gone"))?)
        }
    })
}

/// Everybody in a trust's chain must be able to act; what ends the trustor's own tokens ends those of the trust too.
fn trustor(view: &Snapshot, trust: &Trust, payload: &Payload, at: Moment) -> Result<(Arc<User>, Arc<Project>), Void> {
    let above = trust::ancestors(view, trust).ok_or(Void("the trust it was made by is gone"))?;
    for parent in &above {
        enabled_user(view, &parent.trustee, at).map_err(|_| Void("one of the trust agents is disabled or deleted"))?;
    }
    let (trustor, domain) = enabled_user(view, &trust.trustor, at).map_err(|_| Void("the trustor is disabled"))?;
    if revocation::revoked(view, &trustor.id, &payload.audit_ids, payload.issued) {
        return Err(Void("revoked"));
    }
    Ok((trustor, domain))
}

/// The roles of the login, or what was lent as far as whoever lent it still has it.
fn roles(view: &Snapshot, login: &UserId, target: &Target, loan: &Loan) -> Result<Vec<Arc<Role>>, Void> {
    match loan {
        Loan::None => Ok(effective::roles_on(view, login, target)),
        Loan::ApplicationCredential(app_cred, _) => {
            let lent: BTreeSet<_> = with_implied(view, app_cred.roles.iter().cloned());
            let mut roles = effective::roles_on(view, login, target);
            roles.retain(|role| lent.contains(&role.id));
            Ok(roles)
        }
        Loan::Trust(trust) => {
            let lender = trust::first_trustor(view, trust).ok_or(Void("the trust it was made by is gone"))?;
            all_of(view, &lender, target, &trust.roles)
        }
        Loan::AccessToken(token) => all_of(view, login, target, &token.roles),
    }
}

/// As in Keystone a delegation is void as a whole when its maker has lost a part of it.
fn all_of(view: &Snapshot, lender: &UserId, target: &Target, lent: &[RoleId]) -> Result<Vec<Arc<Role>>, Void> {
    let lent = with_implied(view, lent.iter().cloned());
    if !lent.is_subset(&effective::role_ids_on(view, lender, target)) {
        return Err(Void("who delegated roles has lost one of them"));
    }
    Ok(effective::global(view, lent))
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
        let mut credentials = Credentials {
            user: self.user.id.clone(),
            user_name: self.user.name.clone(),
            user_domain: self.user.domain.clone(),
            user_domain_name: self.user_domain.name.clone(),
            scope: self.scope.kernel(),
            roles: self.roles.iter().map(|r| r.name.clone()).collect(),
            expires: payload.expires,
            issued: payload.issued,
            app_cred: None,
            trust: None,
            methods: payload.methods.iter().map(|m| m.as_str().to_owned()).collect(),
            audit_ids: payload.audit_ids.clone(),
        };
        match &self.loan {
            Loan::None | Loan::AccessToken(_) => {}
            Loan::ApplicationCredential(app_cred, rules) => {
                let access_rules = rules.as_ref().map(|rules| rules.iter().map(|r| access_rule(r)).collect());
                let (id, unrestricted) = (app_cred.id.to_string(), app_cred.unrestricted);
                credentials.app_cred = Some(auth::AppCred { id, unrestricted, access_rules });
            }
            Loan::Trust(trust) => {
                credentials.trust = Some(auth::Trust {
                    id: trust.id.to_string(),
                    trustor: trust.trustor.clone(),
                    trustee: trust.trustee.clone(),
                    impersonation: trust.impersonation,
                });
            }
        }
        credentials
    }

    /// Whether it is only good for the requests of some access rules.
    pub fn has_access_rules(&self) -> bool {
        matches!(&self.loan, Loan::ApplicationCredential(_, Some(_)))
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
