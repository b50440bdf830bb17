//! Conditions on a value, as flavors' extra specs write them.
//!
//! ```text
//!   x            is x                      s== x  s!= x  s>= x  s> x  s<= x  s< x    as text
//!   = x  == x    at least x; equal         != x  >= x  <= x                          as numbers
//!   <in> x       contains x                <or> x <or> y    is one of these
//!   <all-in> x y contains all of these     <range-in> [ a b ]   lies between, ( and ) exclude the end
//! ```

/// Whether `value` is as the condition says. A condition that cannot be read holds for nothing.
pub fn holds(condition: &str, value: &str) -> bool {
    let words: Vec<&str> = condition.split_whitespace().collect();
    match words.as_slice() {
        ["<or>", ..] => alternatives(&words).any(|x| x == value),
        ["<in>", x] => value.contains(x),
        ["<all-in>", all @ ..] => all.iter().all(|x| value.contains(x)),
        ["<range-in>", range @ ..] => within(range, value).unwrap_or(false),
        [operator, x] if operator.starts_with("s") => text(operator, value, x).unwrap_or(condition == value),
        [operator, x] => number(operator, value, x).unwrap_or(condition == value),
        _ => condition == value,
    }
}

fn alternatives<'a>(words: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    words.iter().copied().filter(|word| *word != "<or>")
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
            ("<in> sse", "mmx sse2", true),
            ("<in> avx", "mmx sse2", false),
            ("<all-in> a b", "b a", true),
            ("<all-in> a c", "b a", false),
            ("<or> a <or> b", "b", true),
            ("<or> a <or> b", "c", false),
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
