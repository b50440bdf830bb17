//! The language: its tree, its parser, its evaluator.
//!
//! ```text
//!   or   := and ("or" and)*          "!" never, "@" always, "" always
//!   and  := not ("and" not)*         role:NAME           the token carries the role, letter case aside
//!   not  := "not" not | "(" or ")"   rule:NAME           another rule of this service
//!         | check                    field:RES:ATTR=VAL  Neutron's: the target's attribute has this value (or ~regex)
//!                                    LEFT:RIGHT          both have the same text
//! ```
//!
//! LEFT is a literal (`'text'`, `True`, `None`, a number) or an attribute of the credentials; RIGHT is text in which
//! `%(path)s` stands for an attribute of the target. `Display` prints a check so that it parses to an equal one.

mod attribute;
mod eval;
mod parse;
mod template;

pub use attribute::{Attribute, Fact};
pub(crate) use eval::{Evaluation, field_holds, generic_holds, role_holds};
pub use parse::{SyntaxError, parse, parse_list};
pub use template::Template;

use regex::Regex;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    True,
    False,
    Not(Box<Check>),
    And(Vec<Check>),
    Or(Vec<Check>),
    Role(Template),
    Rule(RuleRef),
    Field(Field),
    Generic { left: Left, right: Template },
}

/// A reference to another rule; `at` is its place in the enforcer, set when linked. Unlinked references deny.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRef {
    pub name: Box<str>,
    pub(crate) at: Option<usize>,
}

/// The left side of a generic check.
#[derive(Clone, Debug, PartialEq)]
pub enum Left {
    /// As written, and the text Python's `str()` makes of it.
    Literal {
        written: Box<str>,
        text: Box<str>,
    },
    Attribute(Attribute),
}

#[derive(Clone, Debug)]
pub struct Field {
    pub resource: Box<str>,
    pub name: Box<str>,
    pub value: Box<str>,
    /// `RESOURCE:NAME`: where a target says what its parent's field is (`networks:shared` of a port).
    pub(crate) qualified: Box<str>,
    /// Set if the value begins with `~`.
    pub(crate) pattern: Option<Regex>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.qualified == other.qualified && self.value == other.value
    }
}

impl Check {
    /// Calls `f` on every `rule:` reference in the tree.
    pub(crate) fn each_reference(&self, f: &mut dyn FnMut(&RuleRef)) {
        match self {
            Self::Rule(reference) => f(reference),
            Self::Not(inner) => inner.each_reference(f),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|p| p.each_reference(f)),
            Self::True | Self::False | Self::Role(_) | Self::Field(_) | Self::Generic { .. } => {}
        }
    }

    /// Operators on the longest way from here to a leaf.
    fn depth(&self) -> usize {
        match self {
            Self::Not(inner) => 1 + inner.depth(),
            Self::And(parts) | Self::Or(parts) => 1 + parts.iter().map(Self::depth).max().unwrap_or(0),
            Self::True | Self::False | Self::Role(_) | Self::Rule(_) | Self::Field(_) | Self::Generic { .. } => 0,
        }
    }

    pub(crate) fn each_reference_mut(&mut self, f: &mut dyn FnMut(&mut RuleRef)) {
        match self {
            Self::Rule(reference) => f(reference),
            Self::Not(inner) => inner.each_reference_mut(f),
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().for_each(|p| p.each_reference_mut(f)),
            Self::True | Self::False | Self::Role(_) | Self::Field(_) | Self::Generic { .. } => {}
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::True => f.write_str("@"),
            Self::False => f.write_str("!"),
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
            Self::Role(name) => write!(f, "role:{name}"),
            Self::Rule(reference) => write!(f, "rule:{}", reference.name),
            Self::Field(field) => write!(f, "field:{}={}", field.qualified, field.value),
            Self::Generic { left: Left::Literal { written, .. }, right } => write!(f, "{written}:{right}"),
            Self::Generic { left: Left::Attribute(a), right } => write!(f, "{}:{right}", a.path()),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Check], word: &str) -> fmt::Result {
    f.write_str("(")?;
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(word)?;
        }
        write!(f, "{part}")?;
    }
    f.write_str(")")
}
