//! Conditions on a value, as the extra specs of flavors and volume types write them.
//!
//! ```text
//!   x            is x                      s== x  s!= x  s>= x  s> x  s<= x  s< x    as text
//!   = x  == x    at least x; equal         != x  >= x  <= x                          as numbers
//!   <in> x       contains x                <or> x <or> y    is one of these
//!   <all-in> x y contains all of these     <range-in> [ a b ]   lies between, ( and ) exclude the end
//!   <is> x       is as true, or as false
//! ```

/// Whether `value` is as the condition says. A condition that cannot be read holds for nothing.
pub fn holds(condition: &str, value: &str) -> bool {
    let (operator, rest) = condition.trim().split_once(char::is_whitespace).unwrap_or((condition, ""));
    let rest = rest.trim();
    match operator {
        _ if rest.is_empty() => condition == value,
        "<is>" => truth(rest) == truth(value),
        "<in>" => value.contains(rest),
        "<or>" => rest.split("<or>").any(|one| one.trim() == value),
        "<all-in>" => rest.split_whitespace().all(|one| value.contains(one)),
        "<range-in>" => within(&rest.split_whitespace().collect::<Vec<_>>(), value).unwrap_or(false),
        _ => text(operator, value, rest).or_else(|| number(operator, value, rest)).unwrap_or(condition == value),
    }
}

fn truth(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on" | "t" | "y")
}

fn text(operator: &str, value: &str, x: &str) -> Option<bool> {
    Some(match operator {
        "s==" => value == x,
        "s!=" => value != x,
        "s>=" => value >= x,
        "s>" => value > x,
        "s<=" => value <= x,
        "s<" => value < x,
        _ => return None,
    })
}

fn number(operator: &str, value: &str, x: &str) -> Option<bool> {
    let compare: fn(f64, f64) -> bool = match operator {
        "=" | ">=" => |a, b| a >= b,
        "==" => |a, b| a == b,
        "!=" => |a, b| a != b,
        "<=" => |a, b| a <= b,
        _ => return None,
    };
    Some(matches!((value.parse(), x.parse()), (Ok(a), Ok(b)) if compare(a, b)))
}

/// `[ 1 5 ]`, `( 1 5 ]` and so on.
fn within(range: &[&str], value: &str) -> Option<bool> {
    let [open, low, high, close] = range else { return None };
    let (low, high, value): (f64, f64, f64) = (low.parse().ok()?, high.parse().ok()?, value.parse().ok()?);
    let above = match *open {
        "[" => value >= low,
        "(" => value > low,
        _ => return None,
    };
    let below = match *close {
        "]" => value <= high,
        ")" => value < high,
        _ => return None,
    };
    Some(above && below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_or_do_not() {
        for (condition, value, expect) in [
            ("ssd", "ssd", true),
            ("ssd", "hdd", false),
            ("two words", "two words", true),
            ("<is> True", "true", true),
            ("<is> True", "False", false),
            ("<is> no", "False", true),
            ("<in> sse", "mmx sse2", true),
            ("<in> avx", "mmx sse2", false),
            ("<all-in> a b", "b a", true),
            ("<all-in> a c", "b a", false),
            ("<or> a <or> b", "b", true),
            ("<or> a <or> b", "c", false),
            ("<or> two words <or> b", "two words", true),
            ("<in> two words", "in two words", true),
            ("s== two words", "two words", true),
            ("s==", "s==", true),
            ("= 4", "5", true),
            ("= 4", "3", false),
            ("== 4", "4.0", true),
            ("!= 4", "4", false),
            (">= 4", "4", true),
            ("<= 4", "5", false),
            (">= x", "5", false),
            ("s== a", "a", true),
            ("s!= a", "a", false),
            ("s> a", "b", true),
            ("s<= a", "b", false),
            ("<range-in> [ 1 5 ]", "5", true),
            ("<range-in> [ 1 5 )", "5", false),
            ("<range-in> ( 1 5 ]", "1", false),
            ("<range-in> 1 5", "2", false),
            ("solid state", "solid state", true),
        ] {
            assert_eq!(holds(condition, value), expect, "{condition} of {value}");
        }
    }
}
