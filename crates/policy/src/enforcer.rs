//! One service's rules, linked and ready. Immutable: a changed policy is a new enforcer.

use crate::{
    Explanation, Problem, Problems, Rule, ScopeType, ServicePolicy, Target,
    check::{Check, Evaluation, parse},
    explain, link, overrides,
};
use kernel::Credentials;
use serde::Serialize;
use std::collections::HashMap;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Allowed,
    /// The check said no.
    Denied,
    /// The token is of a scope the rule is not for; the check was not asked.
    WrongScope {
        needs: &'static [ScopeType],
        has: ScopeType,
    },
    /// The rule is not one of this service's.
    Unregistered,
}

impl Decision {
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// Names and checks side by side; a reference in a check is an index into both.
#[derive(Clone, Debug)]
pub struct Enforcer {
    policy: &'static ServicePolicy,
    names: Vec<String>,
    checks: Vec<Check>,
    index: HashMap<String, usize>,
}

impl Enforcer {
    /// The service's defaults. Problems here are the service's bugs; a test of each service builds its enforcer.
    pub fn new(policy: &'static ServicePolicy) -> Result<Self, Problems> {
        let mut enforcer = Self { policy, names: Vec::new(), checks: Vec::new(), index: HashMap::new() };
        let mut problems = Vec::new();
        let rules = policy.rules.iter().copied().flatten().map(|rule| (rule.name, rule.check));
        for (name, text) in policy.base.iter().copied().chain(rules) {
            match parse(text) {
                _ if enforcer.index.contains_key(name) => problems.push(Problem::Duplicate { rule: name.to_owned() }),
                Ok(check) => enforcer.set(name.to_owned(), check),
                Err(error) => problems.push(Problem::Syntax { rule: name.to_owned(), error }),
            }
        }
        enforcer.linked(problems)
    }

    /// These rules with an operator's file laid over the service's defaults (not over an earlier file). All or nothing.
    pub fn with_overrides(&self, text: &str) -> Result<Self, Problems> {
        let mut enforcer = Self::new(self.policy)?;
        for (name, check) in overrides::read(text, &enforcer.names).map_err(Problems)? {
            enforcer.set(name, check);
        }
        enforcer.linked(Vec::new())
    }

    fn set(&mut self, name: String, check: Check) {
        if let Some(at) = self.index.get(&name) {
            self.checks[*at] = check;
        } else {
            self.index.insert(name.clone(), self.checks.len());
            self.names.push(name);
            self.checks.push(check);
        }
    }

    fn linked(mut self, mut problems: Vec<Problem>) -> Result<Self, Problems> {
        problems.extend(link::link(&self.names, &mut self.checks));
        if problems.is_empty() { Ok(self) } else { Err(Problems(problems)) }
    }

    pub fn policy(&self) -> &'static ServicePolicy {
        self.policy
    }

    /// Every name with the check in force: base rules first, then the service's, then the operator's own.
    pub fn checks(&self) -> impl Iterator<Item = (&str, &Check)> {
        self.names.iter().map(String::as_str).zip(&self.checks)
    }

    /// The service's rule of this name.
    pub fn rule(&self, name: &str) -> Option<&'static Rule> {
        self.policy.rules.iter().copied().flatten().copied().find(|rule| rule.name == name)
    }

    pub fn enforce(&self, rule: &Rule, who: &Credentials, target: &dyn Target) -> Decision {
        let Some(at) = self.index.get(rule.name) else { return Decision::Unregistered };
        let has = ScopeType::of(&who.scope);
        if !rule.scope.is_empty() && !rule.scope.contains(&has) {
            return Decision::WrongScope { needs: rule.scope, has };
        }
        if self.evaluation(who, target).holds(&self.checks[*at]) { Decision::Allowed } else { Decision::Denied }
    }

    /// The same decision with the sub-checks that made it.
    pub fn explain(&self, rule: &Rule, who: &Credentials, target: &dyn Target) -> Explanation {
        let decision = self.enforce(rule, who, target);
        let asked = matches!(decision, Decision::Allowed | Decision::Denied);
        let step = self
            .index
            .get(rule.name)
            .filter(|_| asked)
            .map(|at| explain::step(self.evaluation(who, target), &self.checks[*at]));
        Explanation { rule: rule.name.to_owned(), decision, step }
    }

    fn evaluation<'a>(&'a self, who: &'a Credentials, target: &'a dyn Target) -> Evaluation<'a> {
        Evaluation { rules: &self.checks, who, target }
    }
}
