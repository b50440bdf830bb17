use crate::ApiError;
use axum::{extract::FromRequestParts, http::request::Parts};
use kernel::{Error, Page};

/// The query string, decoded, in order, repeated keys kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, String)>);

impl Params {
    /// Reads a query string; what is not valid UTF-8 is replaced, as a search for it finds nothing anyway.
    pub fn parse(query: &str) -> Self {
        // The format has no malformed input: the reader cannot fail for pairs of strings.
        Self(serde_urlencoded::from_str(query).unwrap_or_default())
    }

    /// The value of `key`; of several the last, as webob has it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// `all_tenants`, `?all_tenants=1`, `true`, `yes` …: oslo's `bool_from_string`, strictly. `None`: not given.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        let Some(text) = self.get(key) else { return Ok(None) };
        match text.trim().to_ascii_lowercase().as_str() {
            // A key without a value switches on.
            "" | "1" | "t" | "true" | "on" | "y" | "yes" => Ok(Some(true)),
            "0" | "f" | "false" | "off" | "n" | "no" => Ok(Some(false)),
            _ => Err(Error::bad_request(format!(
                "Invalid input for query parameters {key}. Value: {text}. '{text}' is not a boolean"
            ))),
        }
    }

    /// The page asked for, at most `max` long.
    pub fn page(&self, max: usize) -> Result<Page, Error> {
        Page::parse(&self.0, max)
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parts.uri.query().map(Self::parse).unwrap_or_default())
    }
}
