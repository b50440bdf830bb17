//! Which of several errors is reported: the first that python-jsonschema comes across.
//!
//! It walks a schema in the order of its text, and the services' schemas are written alike: `type`, bounds, `properties`,
//! `required`, `additionalProperties`. So what is wrong inside comes before what is wrong around it, and at one place
//! the keywords have the ranks below. Neighbours it takes in the schema's order; a `Value` keeps none but the alphabet.

use jsonschema::ValidationError;
use std::cmp::Ordering;

const KEYWORDS: [&str; 22] = [
    "type",
    "const",
    "enum",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "required",
    "dependentRequired",
    "additionalProperties",
];

pub(super) fn first<'e>(errors: &'e [ValidationError<'_>]) -> Option<&'e ValidationError<'e>> {
    errors.iter().min_by(|a, b| place(a, b).then_with(|| rank(a).cmp(&rank(b))))
}

/// Inner places before outer ones, items by number, properties by name.
fn place(a: &ValidationError<'_>, b: &ValidationError<'_>) -> Ordering {
    let mut a = a.instance_path().as_str().split('/');
    let mut b = b.instance_path().as_str().split('/');
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) => {
                return match (x.parse::<usize>(), y.parse::<usize>()) {
                    (Ok(x), Ok(y)) => x.cmp(&y),
                    _ => x.cmp(y),
                };
            }
        }
    }
}

/// `anyOf` and its like, unnamed above, come last.
fn rank(error: &ValidationError<'_>) -> usize {
    // Keywords of our own carry theirs only in the path.
    let keyword = error.schema_path().as_str().rsplit('/').next().unwrap_or_default();
    KEYWORDS.iter().position(|k| *k == keyword).unwrap_or(KEYWORDS.len())
}
