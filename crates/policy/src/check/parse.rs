//! Text to tree. Tokens are cut as oslo.policy cuts them, because parentheses are both grouping and part of `%(x)s`: a
//! word's leading `(` and trailing `)` group, the others belong to the check.

use super::{Attribute, Check, Field, Left, RuleRef, Template};
use regex::Regex;

/// Nesting of parentheses and `not` beyond which a check is refused, so that no recursion over the tree can run away.
const MAX_DEPTH: usize = 64;

/// Why a check could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {what}", .at + 1)]
pub struct SyntaxError {
    /// Characters of the check before the trouble.
    pub at: usize,
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    Not,
    Check(&'a str),
}

/// Parses a check in the text form. The empty text allows everything, as in oslo.policy.
pub fn parse(text: &str) -> Result<Check, SyntaxError> {
    if text.is_empty() {
        return Ok(Check::True);
    }
    let tokens = tokenize(text);
    let mut parser = Parser { text, tokens: &tokens, at: 0, depth: 0 };
    let check = parser.or()?;
    match parser.peek() {
        // One more than the tree's depth is what parsing its printed form will need.
        None if check.depth() >= MAX_DEPTH => Err(SyntaxError { at: 0, what: "nested too deeply".into() }),
        None => Ok(check),
        Some(Token::Close) => Err(parser.error("')' closes nothing")),
        Some(_) => Err(parser.error("'and' or 'or' is missing before this")),
    }
}

/// The old form: any of the inner lists, each of which wants all of its checks. Empty inner lists are skipped; an empty
/// outer list allows everything.
pub fn parse_list(any: &[Vec<String>]) -> Result<Check, SyntaxError> {
    if any.is_empty() {
        return Ok(Check::True);
    }
    let mut or = Vec::new();
    for all in any.iter().filter(|all| !all.is_empty()) {
        let and = all.iter().map(|text| single(text)).collect::<Result<Vec<_>, _>>();
        or.push(one_or(and.map_err(|(at, what)| SyntaxError { at, what })?, Check::And));
    }
    Ok(if or.is_empty() { Check::False } else { one_or(or, Check::Or) })
}

fn one_or(mut parts: Vec<Check>, join: fn(Vec<Check>) -> Check) -> Check {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

/// Each token with the byte where it begins.
fn tokenize(text: &str) -> Vec<(usize, Token<'_>)> {
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        let mut at = word.as_ptr() as usize - text.as_ptr() as usize;
        let inner = word.trim_start_matches('(');
        for _ in 0..word.len() - inner.len() {
            tokens.push((at, Token::Open));
            at += 1;
        }
        let core = inner.trim_end_matches(')');
        match core.to_ascii_lowercase().as_str() {
            "" => {}
            "and" => tokens.push((at, Token::And)),
            "or" => tokens.push((at, Token::Or)),
            "not" => tokens.push((at, Token::Not)),
            _ => tokens.push((at, Token::Check(core))),
        }
        at += core.len();
        for _ in 0..inner.len() - core.len() {
            tokens.push((at, Token::Close));
            at += 1;
        }
    }
    tokens
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [(usize, Token<'a>)],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).map(|(_, token)| *token)
    }

    fn take(&mut self, wanted: Token<'_>) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn error(&self, what: &str) -> SyntaxError {
        let byte = self.tokens.get(self.at).map_or(self.text.len(), |(byte, _)| *byte);
        self.error_at(byte, what.to_owned())
    }

    fn error_at(&self, byte: usize, what: String) -> SyntaxError {
        SyntaxError { at: self.text[..byte].chars().count(), what }
    }

    fn or(&mut self) -> Result<Check, SyntaxError> {
        let mut parts = vec![self.and()?];
        while self.take(Token::Or) {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Check::Or))
    }

    fn and(&mut self) -> Result<Check, SyntaxError> {
        let mut parts = vec![self.not()?];
        while self.take(Token::And) {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Check::And))
    }

    fn not(&mut self) -> Result<Check, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let check = if self.take(Token::Not) {
            Check::Not(Box::new(self.not()?))
        } else if self.take(Token::Open) {
            let inner = self.or()?;
            if !self.take(Token::Close) {
                return Err(self.error("')' is missing"));
            }
            inner
        } else {
            self.leaf()?
        };
        self.depth -= 1;
        Ok(check)
    }

    fn leaf(&mut self) -> Result<Check, SyntaxError> {
        let Some((byte, Token::Check(text))) = self.tokens.get(self.at).copied() else {
            return Err(self.error("a check is missing"));
        };
        if text.len() >= 2 && text.starts_with(['\'', '"']) && text.as_bytes()[0] == text.as_bytes()[text.len() - 1] {
            return Err(self.error("a quoted text alone is no check; quote the left side only"));
        }
        let check = single(text).map_err(|(offset, what)| self.error_at(byte + offset, what))?;
        self.at += 1;
        Ok(check)
    }
}

/// One check without operators; an error carries the byte offset in it.
fn single(text: &str) -> Result<Check, (usize, String)> {
    match text {
        "!" => return Ok(Check::False),
        "@" => return Ok(Check::True),
        _ => {}
    }
    let Some((kind, right)) = text.split_once(':') else {
        return Err((0, format!("'{text}' is no check: a ':' is missing")));
    };
    let right_at = kind.len() + 1;
    let template = || Template::parse(right).map_err(|(at, what)| (right_at + at, what));
    match kind {
        "rule" => Ok(Check::Rule(RuleRef { name: right.into(), at: None })),
        "role" => Ok(Check::Role(template()?)),
        "field" => field(right).map(Check::Field).map_err(|what| (right_at, what)),
        "http" | "https" => Err((0, "checks that ask another server are not supported".into())),
        _ => Ok(Check::Generic { left: left(kind).map_err(|what| (0, what))?, right: template()? }),
    }
}

fn field(text: &str) -> Result<Field, String> {
    let (qualified, value) = text.split_once('=').ok_or("a field check reads field:RESOURCE:NAME=VALUE")?;
    let (resource, name) = qualified.split_once(':').ok_or("a field check reads field:RESOURCE:NAME=VALUE")?;
    let pattern = match value.strip_prefix('~') {
        // Matches at the beginning, as Python's re.match does.
        Some(pattern) => {
            Some(Regex::new(&format!("^(?:{pattern})")).map_err(|_| format!("'{pattern}' is no regular expression"))?)
        }
        None => None,
    };
    Ok(Field {
        resource: resource.into(),
        name: name.into(),
        value: value.into(),
        qualified: qualified.into(),
        pattern,
    })
}

fn left(kind: &str) -> Result<Left, String> {
    let literal = |text: &str| Ok(Left::Literal { written: kind.into(), text: text.into() });
    if matches!(kind, "True" | "False" | "None") {
        return literal(kind);
    }
    if let Some(quote) = kind.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let inner = kind[1..].strip_suffix(quote).filter(|inner| !inner.contains([quote, '\\']));
        return inner.map_or_else(|| Err(format!("{kind} is not a quoted text")), literal);
    }
    if kind.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
        return number(kind).map_or_else(|| Err(format!("'{kind}' is not a number")), |text| literal(&text));
    }
    Attribute::named(kind).map(Left::Attribute).ok_or_else(|| {
        let nearest = crate::overrides::nearest(kind, Attribute::ALL.iter().map(|a| a.path()));
        format!("credentials have no attribute '{kind}'{}", crate::overrides::hint(nearest))
    })
}

/// What Python's `str()` makes of an integer or of a decimal that it does not write with an exponent.
fn number(written: &str) -> Option<String> {
    let digits = written.strip_prefix(['-', '+']).unwrap_or(written);
    let sign = if written.starts_with('-') { "-" } else { "" };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if all_digits(digits) {
        let plain = digits == "0" || !digits.starts_with('0');
        return plain.then(|| if digits == "0" { "0".into() } else { format!("{sign}{digits}") });
    }
    let (whole, fraction) = digits.split_once('.')?;
    let value: f64 = (all_digits(whole) && all_digits(fraction)).then(|| digits.parse().ok())??;
    (value == 0.0 || (1e-4..1e16).contains(&value)).then(|| format!("{sign}{value:?}"))
}
