//! Who asks: what a validated token says, in the terms that policy and services use.

use crate::{DomainId, Error, ProjectId, Timestamp, UserId, error::Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Unscoped,
    Project {
        id: ProjectId,
        name: String,
        domain: DomainId,
        domain_name: String,
        /// True for a project that acts as a domain.
        is_domain: bool,
    },
    Domain {
        id: DomainId,
        name: String,
    },
    System,
}

/// The content of a valid token. Made by identity, read by everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub user: UserId,
    pub user_name: String,
    pub user_domain: DomainId,
    pub user_domain_name: String,
    pub scope: Scope,
    /// Role names, implied ones included.
    pub roles: Vec<String>,
    pub expires: Timestamp,
    pub issued: Timestamp,
    /// Set when an application credential made the token; `unrestricted` ones may manage credentials.
    pub app_cred: Option<AppCred>,
    /// Set when a trust made the token.
    pub trust: Option<Trust>,
    pub methods: Vec<String>,
    pub audit_ids: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCred {
    pub id: String,
    pub unrestricted: bool,
    /// The only requests it is good for; `None`: any.
    #[serde(default)]
    pub access_rules: Option<Vec<AccessRule>>,
}

/// A request that an application credential may make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    /// A service type of the catalog.
    pub service: String,
    pub method: String,
    /// `/v2.1/servers/{id}`: `*` and `{name}` stand for one segment, `**` for any number.
    pub path: String,
}

impl AppCred {
    /// Whether a request to a service (known by any of `types`) is one it is good for. `path` as the service routes it.
    pub fn permits(&self, types: &[&str], method: &str, path: &str) -> bool {
        let fits = |rule: &AccessRule| {
            types.contains(&rule.service.as_str()) && rule.method == method && path_fits(&rule.path, path)
        };
        self.access_rules.as_ref().is_none_or(|rules| rules.iter().any(fits))
    }
}

/// Matches segment by segment; after a miss the last `**` takes one segment more, so it is never worse than n·m steps.
fn path_fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<_> = pattern.split('/').filter(|s| !s.is_empty()).collect();
    let path: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
    let wild = |p: &str| p == "*" || (p.starts_with('{') && p.ends_with('}'));
    let (mut p, mut at, mut last) = (0, 0, None);
    while at < path.len() {
        match pattern.get(p) {
            Some(&"**") => {
                last = Some((p, at));
                p += 1;
            }
            Some(wanted) if wild(wanted) || *wanted == path[at] => (p, at) = (p + 1, at + 1),
            _ => match last {
                Some((star, from)) => {
                    last = Some((star, from + 1));
                    (p, at) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == "**")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    pub id: String,
    pub trustor: UserId,
    pub trustee: UserId,
    pub impersonation: bool,
}

impl Credentials {
    pub fn project(&self) -> Option<&ProjectId> {
        match &self.scope {
            Scope::Project { id, .. } => Some(id),
            _ => None,
        }
    }
    /// The domain of a domain-scoped token.
    pub fn domain(&self) -> Option<&DomainId> {
        match &self.scope {
            Scope::Domain { id, .. } => Some(id),
            _ => None,
        }
    }
    pub fn is_system(&self) -> bool {
        self.scope == Scope::System
    }
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r.eq_ignore_ascii_case(role))
    }
    /// Credentials of TStack itself, for work that no user asked for (bootstrap, reconcilers).
    pub fn internal() -> Arc<Self> {
        Arc::new(Self {
            user: "tstack".into(),
            user_name: "tstack".into(),
            user_domain: "default".into(),
            user_domain_name: "Default".into(),
            scope: Scope::System,
            roles: vec!["admin".into(), "manager".into(), "member".into(), "reader".into(), "service".into()],
            expires: Timestamp::from_micros(i64::MAX),
            issued: Timestamp::default(),
            app_cred: None,
            trust: None,
            methods: Vec::new(),
            audit_ids: Vec::new(),
        })
    }
}

/// Turns a token's text into credentials. Implemented by identity, called by crates/http for every request.
///
/// Errors: `Unauthorized` for any token that is not valid now, `Unavailable` when this member cannot know.
#[async_trait]
pub trait TokenValidator: Send + Sync + 'static {
    async fn validate(&self, token: &str) -> Result<Arc<Credentials>>;
}

/// Refuses every token; for a process that serves only public documents.
pub struct NoTokens;

#[async_trait]
impl TokenValidator for NoTokens {
    async fn validate(&self, _token: &str) -> Result<Arc<Credentials>> {
        Err(Error::unauthorized("The request you have made requires authentication."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_rules_match_by_segment() {
        let check =
            |pattern: &str, path: &str, expect: bool| assert_eq!(path_fits(pattern, path), expect, "{pattern} {path}");
        check("/v2.1/servers", "/v2.1/servers", true);
        check("/v2.1/servers", "/v2.1/servers/1", false);
        check("/v2.1/servers/*", "/v2.1/servers/1", true);
        check("/v2.1/servers/{id}", "/v2.1/servers/1", true);
        check("/v2.1/servers/*", "/v2.1/servers/1/action", false);
        check("/v2.1/**", "/v2.1/servers/1/action", true);
        check("/v2.1/**/action", "/v2.1/servers/1/action", true);
        check("/v2.1/**/action", "/v2.1/servers/1", false);
        check("/v2.1/**/a/**/b", "/v2.1/x/a/a/b/c/b", true);
        check("/v2.1/**", "/v2.1", true);
        check("/v2.1/ser*", "/v2.1/servers", false);
        check(&"/**/a".repeat(50), &"/a".repeat(2000), true);
        check(&("/**/a".repeat(50) + "/b"), &"/a".repeat(2000), false);
    }

    #[test]
    fn rules_name_service_and_method_too() {
        let rule = |service: &str| AccessRule { service: service.into(), method: "GET".into(), path: "/v3/**".into() };
        let mut cred = AppCred { id: "a".into(), unrestricted: false, access_rules: Some(vec![rule("volumev3")]) };
        assert!(cred.permits(&["volume", "volumev3"], "GET", "/v3/x"));
        assert!(!cred.permits(&["volume", "volumev3"], "POST", "/v3/x"));
        assert!(!cred.permits(&["image"], "GET", "/v3/x"));
        cred.access_rules = Some(Vec::new());
        assert!(!cred.permits(&["volumev3"], "GET", "/v3/x"), "no rule permits nothing");
        cred.access_rules = None;
        assert!(cred.permits(&["image"], "DELETE", "/anything"));
    }
}
