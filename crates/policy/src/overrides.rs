//! An operator's policy file, YAML (JSON is YAML), and everything that can be wrong with one.
//!
//! ```yaml
//! "os_compute_api:servers:create": "rule:project_member_or_admin and not role:trainee"
//! "trainers": "role:trainer"            # a rule of the operator's own: fine, as long as another one refers to it
//! ```

use crate::check::{Check, SyntaxError, parse, parse_list};
use serde_yaml::Value;
use std::{collections::HashSet, fmt};

/// One thing wrong with a service's rules or an operator's file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the file is not YAML: {text}")]
    NotYaml { text: String },
    #[error("the file must map rule names to checks")]
    NotAMapping,
    #[error("{rule}: no rule has this name and none refers to it{}", hint(.nearest.as_deref()))]
    UnknownRule { rule: String, nearest: Option<String> },
    #[error("{rule}: {error}")]
    Syntax { rule: String, error: SyntaxError },
    #[error("{rule}: a check is a text or a list of lists of texts; \"@\" allows everybody, \"!\" nobody")]
    NotACheck { rule: String },
    #[error("{rule}: refers to rule:{name}, which is not defined{}", hint(.nearest.as_deref()))]
    UndefinedReference { rule: String, name: String, nearest: Option<String> },
    #[error("{rule}: its references lead back to where they came from, or too far")]
    Endless { rule: String },
    #[error("{rule}: declared twice")]
    Duplicate { rule: String },
    #[error("no service is called {service}{}", hint(.nearest.as_deref()))]
    UnknownService { service: String, nearest: Option<String> },
}

/// All that is wrong, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The parts of a file that speaks of several services, by service.
pub(crate) fn sections(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let not_yaml = |e: serde_yaml::Error| Problem::NotYaml { text: e.to_string() };
    let mapping = match serde_yaml::from_str::<Value>(text).map_err(not_yaml)? {
        Value::Null => return Ok(Vec::new()),
        Value::Mapping(mapping) => mapping,
        _ => return Err(Problem::NotAMapping),
    };
    let section = |(name, value): (Value, Value)| {
        let name = name.as_str().ok_or(Problem::NotAMapping)?.to_owned();
        Ok((name, serde_yaml::to_string(&value).map_err(not_yaml)?))
    };
    mapping.into_iter().map(section).collect()
}

/// Reads a file into checks. Names are known if in `known` or referred to by another rule of the file.
pub(crate) fn read(text: &str, known: &[String]) -> Result<Vec<(String, Check)>, Vec<Problem>> {
    let mapping = match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Null) => return Ok(Vec::new()),
        Ok(Value::Mapping(mapping)) => mapping,
        Ok(_) => return Err(vec![Problem::NotAMapping]),
        Err(e) => return Err(vec![Problem::NotYaml { text: e.to_string() }]),
    };
    let mut checks = Vec::new();
    let mut problems = Vec::new();
    for (name, value) in mapping {
        let Value::String(rule) = name else { return Err(vec![Problem::NotAMapping]) };
        match check_of(&rule, value) {
            Ok(check) => checks.push((rule, check)),
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(unknown_names(&checks, known));
    if problems.is_empty() { Ok(checks) } else { Err(problems) }
}

fn check_of(rule: &str, value: Value) -> Result<Check, Problem> {
    let not_a_check = || Problem::NotACheck { rule: rule.to_owned() };
    let parsed = match value {
        Value::String(text) => parse(&text),
        Value::Sequence(outer) => {
            parse_list(&outer.into_iter().map(inner_list).collect::<Option<Vec<_>>>().ok_or_else(not_a_check)?)
        }
        _ => return Err(not_a_check()),
    };
    parsed.map_err(|error| Problem::Syntax { rule: rule.to_owned(), error })
}

/// A bare text stands for a list of one; an empty text for an empty list.
fn inner_list(value: Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) if text.is_empty() => Some(Vec::new()),
        Value::String(text) => Some(vec![text]),
        Value::Sequence(texts) => texts.into_iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn unknown_names(checks: &[(String, Check)], known: &[String]) -> Vec<Problem> {
    let mut fine: HashSet<&str> = known.iter().map(String::as_str).collect();
    fine.insert(crate::link::DEFAULT);
    let mut referred: HashSet<String> = HashSet::new();
    for (name, check) in checks {
        check.each_reference(&mut |reference| {
            if *reference.name != **name {
                referred.insert(reference.name.to_string());
            }
        });
    }
    checks
        .iter()
        .filter(|(name, _)| !fine.contains(name.as_str()) && !referred.contains(name))
        .map(|(rule, _)| Problem::UnknownRule {
            rule: rule.clone(),
            nearest: nearest(rule, known.iter().map(String::as_str)),
        })
        .collect()
}

/// The most similar of the known names, if any is similar at all.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

pub(crate) fn hint(nearest: Option<impl AsRef<str>>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean '{}'?", name.as_ref()))
}
