//! The words of python-jsonschema (4.2x), keyword by keyword.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;
use std::fmt::Write;

pub(super) fn reason(error: &ValidationError<'_>, value: &Value, schema: &Value) -> String {
    use ValidationErrorKind as K;
    let it = || repr(value);
    match error.kind() {
        K::AdditionalItems { limit } => {
            let rest = value.as_array().map(|items| items.iter().skip(*limit).map(repr).collect()).unwrap_or_default();
            format!("Additional items are not allowed ({})", unexpected(rest))
        }
        K::AdditionalProperties { unexpected: names } => additional(names, error, schema),
        K::AnyOf { .. } | K::OneOfNotValid { .. } => format!("{} is not valid under any of the given schemas", it()),
        K::OneOfMultipleValid { context } => several(&it(), context, error, schema),
        K::Constant { expected_value } => format!("{} was expected", repr(expected_value)),
        K::Contains => format!("{} does not contain items matching the given schema", it()),
        K::Custom { message, .. } => message.clone(),
        K::Enum { options } => format!("{} is not one of {}", it(), repr(options)),
        K::ExclusiveMaximum { limit } => {
            format!("{} is greater than or equal to the maximum of {}", it(), repr(limit))
        }
        K::ExclusiveMinimum { limit } => format!("{} is less than or equal to the minimum of {}", it(), repr(limit)),
        K::FalseSchema => format!("False schema does not allow {}", it()),
        K::Format { format } => format!("{} is not a {}", it(), quoted(format)),
        K::MaxItems { limit } | K::MaxLength { limit } => too_long(&it(), *limit),
        K::Maximum { limit } => format!("{} is greater than the maximum of {}", it(), repr(limit)),
        K::MaxProperties { limit: 0 } => format!("{} is expected to be empty", it()),
        K::MaxProperties { .. } => format!("{} has too many properties", it()),
        K::MinItems { limit } | K::MinLength { limit } => too_short(&it(), *limit),
        K::Minimum { limit } => format!("{} is less than the minimum of {}", it(), repr(limit)),
        K::MinProperties { limit: 1 } => format!("{} should be non-empty", it()),
        K::MinProperties { .. } => format!("{} does not have enough properties", it()),
        K::MultipleOf { multiple_of } => format!("{} is not a multiple of {multiple_of}", it()),
        K::Not { schema } => format!("{} should not be valid under {}", it(), repr(schema)),
        K::Pattern { pattern } => format!("{} does not match {}", it(), quoted(pattern)),
        K::PropertyNames { error } => reason(error, error.instance(), schema),
        K::Required { property } => required(property, value, error, schema),
        K::Type { kind } => format!("{} is not of type {}", it(), types(kind)),
        K::UnevaluatedItems { unexpected: rest } => {
            format!("Unevaluated items are not allowed ({})", unexpected(rest.clone()))
        }
        K::UnevaluatedProperties { unexpected: names } => {
            let names = names.iter().map(|n| quoted(n)).collect();
            format!("Unevaluated properties are not allowed ({})", unexpected(names))
        }
        K::UniqueItems => format!("{} has non-unique elements", it()),
        // Encodings and references: python-jsonschema has no sentence of its own for these.
        _ => error.to_string(),
    }
}

/// The alternatives that all hold: the first one last, as python-jsonschema finds the others after it.
fn several(it: &str, context: &[Vec<ValidationError<'static>>], error: &ValidationError<'_>, schema: &Value) -> String {
    let alternatives = schema.pointer(error.schema_path().as_str()).and_then(Value::as_array);
    let holding = alternatives.into_iter().flatten().zip(context).filter(|(_, wrong)| wrong.is_empty());
    let mut holding: Vec<_> = holding.map(|(alternative, _)| repr(alternative)).collect();
    if !holding.is_empty() {
        holding.rotate_left(1);
    }
    format!("{it} is valid under each of {}", holding.join(", "))
}

fn too_long(it: &str, limit: u64) -> String {
    if limit == 0 { format!("{it} is expected to be empty") } else { format!("{it} is too long") }
}

fn too_short(it: &str, limit: u64) -> String {
    if limit == 1 { format!("{it} should be non-empty") } else { format!("{it} is too short") }
}

fn unexpected(names: Vec<String>) -> String {
    let verb = if names.len() == 1 { "was" } else { "were" };
    format!("{} {verb} unexpected", names.join(", "))
}

fn additional(names: &[String], error: &ValidationError<'_>, schema: &Value) -> String {
    let mut names: Vec<_> = names.iter().map(|n| quoted(n)).collect();
    names.sort();
    let around = error.schema_path().as_str().strip_suffix("/additionalProperties");
    let patterns = around.and_then(|at| schema.pointer(at)).and_then(|s| s.get("patternProperties")?.as_object());
    match patterns {
        Some(patterns) if !patterns.is_empty() => {
            let verb = if names.len() == 1 { "does" } else { "do" };
            let mut patterns: Vec<_> = patterns.keys().map(|p| quoted(p)).collect();
            patterns.sort();
            format!("{} {verb} not match any of the regexes: {}", names.join(", "), patterns.join(", "))
        }
        _ => format!("Additional properties are not allowed ({})", unexpected(names)),
    }
}

/// `dependentRequired` and draft 4's `dependencies` name the property that asks for the other one; the error leads to
/// the keyword, the asking property is one that is there and lists the other.
fn required(property: &Value, value: &Value, error: &ValidationError<'_>, schema: &Value) -> String {
    let path = error.schema_path().as_str();
    let by_keyword = path.ends_with("/dependentRequired") || path.ends_with("/dependencies");
    let lists = by_keyword.then(|| schema.pointer(path)?.as_object()).flatten();
    let asking = lists.into_iter().flatten().find(|(asking, list)| {
        value.get(asking.as_str()).is_some() && list.as_array().is_some_and(|l| l.contains(property))
    });
    match asking {
        Some((asking, _)) => format!("{} is a dependency of {}", repr(property), quoted(asking)),
        None => format!("{} is a required property", repr(property)),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => quoted(&one.to_string()),
        TypeKind::Multiple(set) => set.iter().map(|t| quoted(&t.to_string())).collect::<Vec<_>>().join(", "),
    }
}

/// A string as Python's `repr` quotes it.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if u32::from(c) < 0x20 || (0x7f..0xa1).contains(&u32::from(c)) => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// A value as Python's `repr` prints it.
pub(super) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => quoted(s),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<_> = map.iter().map(|(k, v)| format!("{}: {}", quoted(k), repr(v))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A value as Python's `%s` prints it: a string bare.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        other => repr(other),
    }
}
