//! Why a rule allows or refuses somebody: the check in force, walked through aloud.

use kernel::{Credentials, Error, Result, Scope, Timestamp};
use policy::{Policies, Target};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

/// Who, doing what, to what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Question {
    pub rule: String,
    /// Where services share a rule's name.
    pub service: Option<String>,
    pub roles: Vec<String>,
    pub user_id: Option<String>,
    pub project_id: Option<String>,
    pub domain_id: Option<String>,
    pub system: bool,
    /// A token whose content stands for all of the above.
    pub token: Option<String>,
    /// Attributes of what is operated on.
    pub target: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub allowed: bool,
    /// The check in force.
    pub check: String,
    /// Every part that was looked at, and why it holds or not.
    pub explanation: String,
}

struct Given<'a>(&'a BTreeMap<String, String>);

impl Target for Given<'_> {
    fn attr(&self, path: &str) -> Option<Cow<'_, str>> {
        self.0.get(path).map(|text| Cow::Borrowed(text.as_str()))
    }
}

/// `token`: what the token of the question says.
pub fn check(policies: &Policies, question: &Question, token: Option<Arc<Credentials>>) -> Result<Answer> {
    let wanted = |name: &str| question.service.as_deref().is_none_or(|service| service == name);
    let enforcers = policies.enforcers();
    let mut found = enforcers.iter().filter(|e| wanted(e.policy().service));
    let found = found.find_map(|e| e.rule(&question.rule).map(|rule| (e, rule)));
    let none = || Error::not_found(format!("no service has a rule {}", question.rule));
    let (enforcer, rule) = found.ok_or_else(none)?;
    let who = token.map_or_else(|| credentials(question), |token| Credentials::clone(&token));
    let explained = enforcer.explain(rule, &who, &Given(&question.target));
    let check = enforcer.checks().find(|(name, _)| *name == rule.name);
    Ok(Answer {
        allowed: explained.decision.is_allowed(),
        check: check.map(|(_, check)| check.to_string()).unwrap_or_default(),
        explanation: explained.to_string(),
    })
}

fn credentials(question: &Question) -> Credentials {
    let domain = question.domain_id.clone().unwrap_or_default();
    let scope = match question {
        Question { system: true, .. } => Scope::System,
        Question { project_id: Some(id), .. } => Scope::Project {
            id: id.as_str().into(),
            name: String::new(),
            domain: domain.as_str().into(),
            domain_name: String::new(),
            is_domain: false,
        },
        Question { domain_id: Some(id), .. } => Scope::Domain { id: id.as_str().into(), name: String::new() },
        _ => Scope::Unscoped,
    };
    Credentials {
        user: question.user_id.as_deref().unwrap_or_default().into(),
        user_name: String::new(),
        user_domain: domain.as_str().into(),
        user_domain_name: String::new(),
        scope,
        roles: question.roles.clone(),
        expires: Timestamp::from_micros(i64::MAX),
        issued: Timestamp::default(),
        app_cred: None,
        trust: None,
        methods: Vec::new(),
        audit_ids: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ask(question: Value) -> Result<Answer> {
        check(&crate::services::policies().unwrap(), &serde_json::from_value(question).unwrap(), None)
    }

    #[test]
    fn says_which_part_decided() {
        let own = json!({"rule": "identity:get_user", "user_id": "u", "target": {"target.user.id": "u"}});
        let answer = ask(own).unwrap();
        assert!(answer.allowed && answer.explanation.contains("user_id is 'u', wanted 'u'"), "{}", answer.explanation);
        let other = json!({"rule": "identity:get_user", "user_id": "v", "roles": ["member"], "target": {"target.user.id": "u"}});
        let answer = ask(other).unwrap();
        assert!(!answer.allowed && answer.explanation.contains("user_id is 'v', wanted 'u'"), "{}", answer.explanation);
        let scope = json!({"rule": "identity:create_region", "roles": ["admin"], "domain_id": "d"});
        let answer = ask(scope).unwrap();
        assert!(!answer.allowed && answer.explanation.contains("scope"), "{}", answer.explanation);
        assert!(ask(json!({"rule": "identity:create_region", "roles": ["admin"], "system": true})).unwrap().allowed);
        assert_eq!(ask(json!({"rule": "identity:fly"})).unwrap_err().status(), 404);
        assert_eq!(ask(json!({"rule": "identity:get_user", "service": "compute"})).unwrap_err().status(), 404);
    }
}
