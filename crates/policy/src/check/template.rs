//! The right side of a check: text with `%(path)s` in it, split once.

use crate::Target;
use std::{borrow::Cow, fmt};

/// Text in which `%(path)s` stands for an attribute of the target and `%%` for a percent sign.
#[derive(Clone, Debug)]
pub struct Template {
    written: Box<str>,
    parts: Parts,
}

#[derive(Clone, Debug)]
enum Parts {
    Text(Box<str>),
    /// Nothing but one attribute: by far the most frequent, and rendered without a copy.
    Attr(Box<str>),
    Mixed(Vec<Part>),
}

#[derive(Clone, Debug)]
enum Part {
    Text(Box<str>),
    Attr(Box<str>),
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Template {
    /// On error: what is wrong and at which byte of `text`.
    pub(super) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find('%') {
            let percent = at + found;
            plain.push_str(&text[at..percent]);
            let rest = &text[percent + 1..];
            if rest.starts_with('%') {
                plain.push('%');
                at = percent + 2;
                continue;
            }
            let path = substitution(rest)
                .ok_or_else(|| (percent, "'%' must begin '%(attribute)s' or be doubled".to_owned()))?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into()));
            }
            parts.push(Part::Attr(path.into()));
            at = percent + 1 + path.len() + "()s".len();
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Ok(Self { written: text.into(), parts: Parts::from(parts) })
    }

    /// The text for this target; `None` if it lacks an attribute.
    pub(crate) fn render<'a>(&'a self, target: &'a dyn Target) -> Option<Cow<'a, str>> {
        match &self.parts {
            Parts::Text(text) => Some(Cow::Borrowed(text)),
            Parts::Attr(path) => target.attr(path),
            Parts::Mixed(parts) => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(text),
                        Part::Attr(path) => out.push_str(&target.attr(path)?),
                    }
                }
                Some(Cow::Owned(out))
            }
        }
    }

    /// The first attribute this target lacks.
    pub(crate) fn missing(&self, target: &dyn Target) -> Option<&str> {
        let lacks = |path: &str| target.attr(path).is_none();
        match &self.parts {
            Parts::Text(_) => None,
            Parts::Attr(path) => lacks(path).then_some(path),
            Parts::Mixed(parts) => parts.iter().find_map(|part| match part {
                Part::Attr(path) if lacks(path) => Some(&**path),
                _ => None,
            }),
        }
    }
}

impl From<Vec<Part>> for Parts {
    fn from(mut parts: Vec<Part>) -> Self {
        match (parts.pop(), parts.is_empty()) {
            (None, _) => Self::Text("".into()),
            (Some(Part::Text(text)), true) => Self::Text(text),
            (Some(Part::Attr(path)), true) => Self::Attr(path),
            (Some(last), false) => {
                parts.push(last);
                Self::Mixed(parts)
            }
        }
    }
}

/// The path in `(path)s…`; inner parentheses pair up, as in Python.
fn substitution(rest: &str) -> Option<&str> {
    let inner = rest.strip_prefix('(')?;
    let mut open = 1usize;
    let end = inner.char_indices().find_map(|(i, c)| {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        (open == 0).then_some(i)
    })?;
    inner[end + 1..].starts_with('s').then_some(&inner[..end])
}
