//! Paths before routing: one canonical spelling, and patterns over it.

use axum::http::Method;
use std::borrow::Cow;

/// A path as the routes spell it: without trailing slashes, with `%7E` and its like (escapes of
/// characters that need none, RFC 3986 §6.2.2.2) written out. Other escapes stay: `%2F` in an id is not a separator.
pub(super) fn canonical(path: &str) -> Cow<'_, str> {
    let trimmed = path.trim_end_matches('/');
    match trimmed {
        "" => Cow::Borrowed("/"),
        plain if !plain.contains('%') => Cow::Borrowed(plain),
        escaped => Cow::Owned(unescape_unreserved(escaped)),
    }
}

/// Whether a path below a service's prefix ends with a slash after more than one step.
pub(super) fn ends_nameless(path: &str) -> bool {
    path.ends_with('/') && segments(path).count() > 1
}

fn unescape_unreserved(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let octet = rest.get(1..3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let octet = octet.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match octet {
            Some(b) if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => {
                out.push(char::from(b));
                rest = &rest[3..];
            }
            _ => {
                out.push('%');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// `"POST /v3/auth/tokens"`, `"/v3/users/{id}/password"`, `"/v2.1/{*rest}"`.
#[derive(Debug)]
pub(super) struct Pattern {
    /// `None`: GET and HEAD.
    method: Option<Method>,
    segments: Vec<Option<&'static str>>,
    open: bool,
}

impl Pattern {
    /// Panics on a malformed pattern: they are constants of a service, checked when it is built.
    pub(super) fn new(text: &'static str) -> Self {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(method.parse().expect("a method before the path")), path),
            None => (None, text),
        };
        assert!(path.starts_with('/'), "a path pattern starts with /: {text}");
        let mut segments: Vec<_> = segments(path).map(|s| if s.starts_with('{') { None } else { Some(s) }).collect();
        let open = path.contains("{*");
        if open {
            segments.pop();
        }
        Self { method, segments, open }
    }

    pub(super) fn matches(&self, method: &Method, path: &str) -> bool {
        let method_fits = match &self.method {
            Some(wanted) => wanted == method,
            None => method == Method::GET || method == Method::HEAD,
        };
        if !method_fits {
            return false;
        }
        let mut given = segments(path);
        for wanted in &self.segments {
            match (wanted, given.next()) {
                (Some(wanted), Some(got)) if *wanted == got => {}
                (None, Some(_)) => {}
                _ => return false,
            }
        }
        given.next().is_some() == self.open
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (path, expect) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/v2.1/", "/v2.1"),
            ("/v2%2E1/ser%76ers", "/v2.1/servers"),
            ("/a%2Fb%20c%zz%", "/a%2Fb%20c%zz%"),
            ("/%€", "/%€"),
        ] {
            assert_eq!(canonical(path), expect, "{path}");
        }
    }

    #[test]
    fn names_without_a_letter() {
        for (path, expect) in [
            ("", false),
            ("/", false),
            ("/v2/", false),
            ("/v2/images", false),
            ("/v2/images/", true),
            ("//v2//a//", true),
        ] {
            assert_eq!(ends_nameless(path), expect, "{path}");
        }
    }

    #[test]
    fn patterns() {
        let check = |pattern: &'static str, method: Method, path: &str, expect: bool| {
            assert_eq!(Pattern::new(pattern).matches(&method, path), expect, "{pattern}: {method} {path}");
        };
        check("/", Method::GET, "/", true);
        check("/", Method::HEAD, "/", true);
        check("/", Method::POST, "/", false);
        check("/", Method::GET, "/v3", false);
        check("POST /v3/auth/tokens", Method::POST, "/v3/auth/tokens", true);
        check("POST /v3/auth/tokens", Method::GET, "/v3/auth/tokens", false);
        check("POST /v3/users/{id}/password", Method::POST, "/v3/users/u/password", true);
        check("POST /v3/users/{id}/password", Method::POST, "/v3/users/password", false);
        check("/schemas/{*rest}", Method::GET, "/schemas/a/b", true);
        check("/schemas/{*rest}", Method::GET, "/schemas", false);
    }
}
