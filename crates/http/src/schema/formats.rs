//! Formats beyond JSON schema's own, and two keywords that Nova bends.
//!
//! Nova's `minimum` and `maximum` apply to numbers written as strings too (`"ram": "64"`), so they are replaced here.

use super::reason::repr;
use jsonschema::{Keyword, ValidationError, ValidationOptions, error::ValidationErrorKind};
use kernel::Timestamp;
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn with_formats(options: ValidationOptions<'_>) -> ValidationOptions<'_> {
    options
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_format("uuid", is_uuid_like)
        .with_format("date-time", |s| s.contains('T') && Timestamp::parse(s).is_some())
        .with_format("cidr", is_cidr)
        .with_format("ipv4", |s| s.parse::<Ipv4Addr>().is_ok())
        .with_format("ipv6", |s| s.parse::<Ipv6Addr>().is_ok())
        .with_format("mac_addr", is_mac)
        .with_format("uri", is_uri)
        .with_format("base64", is_base64)
        .with_format("regex", |s| !s.is_empty() && regex::Regex::new(s).is_ok())
        .with_format("name", |s| is_name(s, &[], Blanks::Inside))
        .with_format("name_with_leading_trailing_spaces", |s| is_name(s, &[], Blanks::Around))
        .with_format("az_name", |s| is_name(s, &[':'], Blanks::Inside))
        .with_format("az_name_with_leading_trailing_spaces", |s| is_name(s, &[':'], Blanks::Around))
        .with_format("name_non_mandatory_remove_white_spaces", |s| s.trim().chars().count() <= 255)
        .with_format("description_non_mandatory_remove_white_spaces", |s| s.trim().chars().count() <= 255)
        .with_format("mysql_text", |s| s.len() <= 65_535)
        .with_keyword("minimum", |around, limit, _| Bound::keyword(around, limit, Side::Least))
        .with_keyword("maximum", |around, limit, _| Bound::keyword(around, limit, Side::Most))
}

/// Formats whose refusal is a sentence of its own, without the field's name (Nova's `InvalidName`).
pub(super) fn own_words(error: &ValidationError<'_>) -> Option<String> {
    let ValidationErrorKind::Format { format } = error.kind() else { return None };
    let must_be = match format.as_str() {
        "name" => "printable characters. Can not start or end with whitespace.",
        "name_with_leading_trailing_spaces" => "printable characters with at least one non space character",
        "az_name" => "printable characters except :.Can not start or end with whitespace.",
        "az_name_with_leading_trailing_spaces" => {
            "printable characters except :, with at least one non space character"
        }
        _ => return None,
    };
    Some(format!("An invalid 'name' value was provided. The name must be: {must_be}"))
}

#[derive(Clone, Copy)]
enum Side {
    Least,
    Most,
}

struct Bound {
    limit: Value,
    number: f64,
    side: Side,
    /// Draft 4's flag beside the bound; later drafts have keywords of their own.
    exclusive: bool,
}

impl Bound {
    fn keyword<'a>(
        around: &Map<String, Value>,
        limit: &'a Value,
        side: Side,
    ) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
        let number = limit.as_f64().ok_or_else(|| ValidationError::schema("a bound must be a number"))?;
        let flag = match side {
            Side::Least => "exclusiveMinimum",
            Side::Most => "exclusiveMaximum",
        };
        let exclusive = around.get(flag) == Some(&Value::Bool(true));
        Ok(Box::new(Self { limit: limit.clone(), number, side, exclusive }))
    }

    fn holds(&self, value: &Value) -> bool {
        let number = match value {
            Value::Number(n) => n.as_f64(),
            Value::String(s) => s.trim().parse().ok(),
            _ => None,
        };
        match (number, self.side) {
            (None, _) => true,
            (Some(n), Side::Least) => n > self.number || (n == self.number && !self.exclusive),
            (Some(n), Side::Most) => n < self.number || (n == self.number && !self.exclusive),
        }
    }
}

impl<'i> Keyword<'i> for Bound {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.holds(value) {
            return Ok(());
        }
        // Nova compares, and prints, the number inside the string.
        let given = match value {
            Value::String(s) => s.trim().to_owned(),
            other => repr(other),
        };
        let words = match (self.side, self.exclusive) {
            (Side::Least, false) => "less than the minimum",
            (Side::Least, true) => "less than or equal to the minimum",
            (Side::Most, false) => "greater than the maximum",
            (Side::Most, true) => "greater than or equal to the maximum",
        };
        Err(ValidationError::custom(format!("{given} is {words} of {}", repr(&self.limit))))
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.holds(value)
    }
}

/// oslo's `is_uuid_like`: dashes, braces and `urn:uuid:` may be there or not.
pub(super) fn is_uuid_like(text: &str) -> bool {
    let plain: String = text.replace("urn:", "").replace("uuid:", "").trim_matches(['{', '}']).replace('-', "");
    plain.len() == 32 && plain.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    // A netmask may stand for the length, as netaddr reads it.
    match length.parse::<u8>() {
        Ok(n) => n <= most && length.bytes().all(|b| b.is_ascii_digit()),
        Err(_) => length.parse::<IpAddr>().is_ok_and(|mask| mask.is_ipv4() == address.is_ipv4() && is_mask(mask)),
    }
}

fn is_mask(mask: IpAddr) -> bool {
    match mask {
        IpAddr::V4(m) => m.to_bits().leading_ones() + m.to_bits().trailing_zeros() >= 32,
        IpAddr::V6(m) => m.to_bits().leading_ones() + m.to_bits().trailing_zeros() >= 128,
    }
}

fn is_mac(text: &str) -> bool {
    let groups: Vec<_> = text.split(':').collect();
    groups.len() == 6 && groups.iter().all(|g| g.len() == 2 && g.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let printable = rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    scheme_ok && !host.is_empty() && printable
}

/// What Python's decoder takes: the alphabet, padding to whole groups, line ends ignored.
fn is_base64(text: &str) -> bool {
    let mut symbols = 0_usize;
    let mut padding = 0_usize;
    for b in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        match b {
            b'=' => padding += 1,
            b'+' | b'/' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' if padding == 0 => symbols += 1,
            _ => return false,
        }
    }
    padding <= 2 && (symbols + padding).is_multiple_of(4)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Blanks {
    Inside,
    Around,
}

fn is_name(text: &str, barred: &[char], blanks: Blanks) -> bool {
    let printable = text.chars().all(|c| !c.is_control() && (c == ' ' || !c.is_whitespace() || is_blank(c)));
    let some = text.chars().any(|c| !is_blank(c));
    let edges = blanks == Blanks::Around || !(text.starts_with(is_blank) || text.ends_with(is_blank));
    printable && some && edges && !text.contains(barred)
}

/// A space of any width (Unicode's Zs).
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}
