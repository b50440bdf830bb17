//! Deciding a linked check. Nothing here allocates unless a template mixes text and attributes.

use super::{Check, Fact, Field, Left, Template};
use crate::Target;
use kernel::Credentials;

/// One question: these credentials, this target, references resolved in `rules`.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    pub rules: &'a [Check],
    pub who: &'a Credentials,
    pub target: &'a dyn Target,
}

impl Evaluation<'_> {
    pub(crate) fn holds(self, check: &Check) -> bool {
        match check {
            Check::True => true,
            Check::False => false,
            Check::Not(inner) => !self.holds(inner),
            Check::And(parts) => parts.iter().all(|part| self.holds(part)),
            Check::Or(parts) => parts.iter().any(|part| self.holds(part)),
            Check::Rule(reference) => reference.at.is_some_and(|at| self.holds(&self.rules[at])),
            Check::Role(name) => role_holds(name, self.who, self.target),
            Check::Field(field) => field_holds(field, self.target),
            Check::Generic { left, right } => generic_holds(left, right, self.who, self.target),
        }
    }
}

pub(crate) fn role_holds(name: &Template, who: &Credentials, target: &dyn Target) -> bool {
    let Some(wanted) = name.render(target) else { return false };
    who.roles.iter().any(|role| {
        role.eq_ignore_ascii_case(&wanted) || (!wanted.is_ascii() && role.to_lowercase() == wanted.to_lowercase())
    })
}

pub(crate) fn generic_holds(left: &Left, right: &Template, who: &Credentials, target: &dyn Target) -> bool {
    let Some(wanted) = right.render(target) else { return false };
    match left {
        Left::Literal { text, .. } => **text == *wanted,
        Left::Attribute(attribute) => match attribute.of(who) {
            Fact::Absent => false,
            Fact::Text(text) => text == wanted,
            Fact::AnyOf(texts) => texts.iter().any(|text| *text == *wanted),
        },
    }
}

/// Neutron's check. Python's `None` counts as absent; a boolean field takes `true` for `True`, as its converter does.
pub(crate) fn field_holds(field: &Field, target: &dyn Target) -> bool {
    let Some(actual) = target.attr(&field.name).or_else(|| target.attr(&field.qualified)) else { return false };
    if actual == "None" {
        return false;
    }
    match &field.pattern {
        Some(pattern) => pattern.is_match(&actual),
        None if matches!(&*actual, "True" | "False") => actual.eq_ignore_ascii_case(&field.value),
        None => *actual == *field.value,
    }
}
