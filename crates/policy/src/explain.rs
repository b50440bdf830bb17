//! Why a decision came out as it did: the checks that were looked at, each with its answer and the values it compared.

use crate::{
    Decision, Target,
    check::{Check, Evaluation, Fact, Left, Template, field_holds, generic_holds, role_holds},
};
use kernel::Credentials;
use serde::Serialize;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub rule: String,
    pub decision: Decision,
    /// Absent if the check was not asked: wrong scope, unregistered rule.
    pub step: Option<Step>,
}

/// One check that was looked at. `parts` are those it was decided by; what short-circuiting skipped is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    pub check: String,
    pub holds: bool,
    /// The values compared, for a check that compares any.
    pub why: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Step>,
}

pub(crate) fn step(on: Evaluation<'_>, check: &Check) -> Step {
    let (holds, why, parts) = match check {
        Check::True | Check::False => (*check == Check::True, None, Vec::new()),
        Check::Not(inner) => {
            let part = step(on, inner);
            (!part.holds, None, vec![part])
        }
        Check::And(all) => {
            let parts = until(on, all, false);
            (parts.iter().all(|p| p.holds), None, parts)
        }
        Check::Or(any) => {
            let parts = until(on, any, true);
            (parts.iter().any(|p| p.holds), None, parts)
        }
        Check::Rule(reference) => match reference.at {
            Some(at) => {
                let part = step(on, &on.rules[at]);
                (part.holds, None, vec![part])
            }
            None => (false, Some("not defined".to_owned()), Vec::new()),
        },
        Check::Role(name) => (role_holds(name, on.who, on.target), Some(role_why(name, on.who, on.target)), Vec::new()),
        Check::Field(field) => {
            let actual = on.target.attr(&field.name).or_else(|| on.target.attr(&field.qualified));
            let why = actual.map_or_else(
                || format!("the target has no {}", field.name),
                |text| format!("the target's {} is '{text}'", field.name),
            );
            (field_holds(field, on.target), Some(why), Vec::new())
        }
        Check::Generic { left, right } => (
            generic_holds(left, right, on.who, on.target),
            Some(generic_why(left, right, on.who, on.target)),
            Vec::new(),
        ),
    };
    Step { check: check.to_string(), holds, why, parts }
}

/// The parts as far as evaluation went: up to the first that answers `decisive`.
fn until(on: Evaluation<'_>, parts: &[Check], decisive: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in parts {
        steps.push(step(on, part));
        if steps.last().is_some_and(|s| s.holds == decisive) {
            break;
        }
    }
    steps
}

fn role_why(name: &Template, who: &Credentials, target: &dyn Target) -> String {
    match name.missing(target) {
        Some(path) => format!("the target has no {path}"),
        None => format!("the roles are {}", list(&who.roles)),
    }
}

fn generic_why(left: &Left, right: &Template, who: &Credentials, target: &dyn Target) -> String {
    let Some(wanted) = right.render(target) else {
        return format!("the target has no {}", right.missing(target).unwrap_or_default());
    };
    match left {
        Left::Literal { text, .. } => format!("'{text}' against '{wanted}'"),
        Left::Attribute(attribute) => match attribute.of(who) {
            Fact::Absent => format!("the token has no {}", attribute.path()),
            Fact::Text(text) => format!("{} is '{text}', wanted '{wanted}'", attribute.path()),
            Fact::AnyOf(texts) => format!("{} is {}, wanted '{wanted}'", attribute.path(), list(texts)),
        },
    }
}

fn list(texts: &[String]) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision {
            Decision::Allowed => writeln!(f, "{}: allowed", self.rule)?,
            Decision::Denied => writeln!(f, "{}: denied", self.rule)?,
            Decision::WrongScope { needs, has } => {
                let needs: Vec<_> = needs.iter().map(ToString::to_string).collect();
                writeln!(
                    f,
                    "{}: denied, wants a token of scope {}, this one has {has}",
                    self.rule,
                    needs.join(" or ")
                )?;
            }
            Decision::Unregistered => writeln!(f, "{}: denied, no such rule", self.rule)?,
        }
        self.step.as_ref().map_or(Ok(()), |step| step.write(f, 1))
    }
}

impl Step {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        write!(f, "{:indent$}{} {}", "", if self.holds { "yes" } else { "no " }, self.check, indent = depth * 2)?;
        if let Some(why) = &self.why {
            write!(f, "   ({why})")?;
        }
        writeln!(f)?;
        self.parts.iter().try_for_each(|part| part.write(f, depth + 1))
    }
}
