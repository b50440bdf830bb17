//! Which of several errors is reported: python-jsonschema's `best_match`.
//!
//! The error highest up in the body wins; `anyOf` and `oneOf` are weak, as they say little. The winner is followed into
//! its alternatives, always to the one deepest down, as long as one of them stands out.

use jsonschema::{ValidationError, error::ValidationErrorKind};

/// Greater is more worth reporting.
type Relevance = (isize, bool);

fn relevance(error: &ValidationError<'_>, above: usize) -> Relevance {
    let depth = depth(error).saturating_sub(above);
    let weak = alternatives(error).is_some();
    (-isize::try_from(depth).unwrap_or(isize::MAX), !weak)
}

fn depth(error: &ValidationError<'_>) -> usize {
    error.instance_path().as_str().matches('/').count()
}

fn alternatives<'e>(error: &'e ValidationError<'_>) -> Option<&'e [Vec<ValidationError<'static>>]> {
    match error.kind() {
        ValidationErrorKind::AnyOf { context }
        | ValidationErrorKind::OneOfNotValid { context }
        | ValidationErrorKind::OneOfMultipleValid { context } => Some(context),
        _ => None,
    }
}

pub(super) fn best<'e>(errors: &'e [ValidationError<'_>]) -> Option<&'e ValidationError<'e>> {
    // Of equals the first: max_by_key would take the last.
    let mut best = errors.iter().rev().max_by_key(|e| relevance(e, 0))?;
    while let Some(context) = alternatives(best) {
        let above = depth(best);
        let mut inner: Vec<_> = context.iter().flatten().collect();
        inner.sort_by_key(|e| relevance(e, above));
        match inner.as_slice() {
            [] => break,
            [first, second, ..] if relevance(first, above) == relevance(second, above) => break,
            [first, ..] => best = first,
        }
    }
    Some(best)
}
