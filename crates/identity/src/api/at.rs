//! Where a request came in: what links are made of.

use super::PREFIX;
use crate::ops::query::Query;
use http::{
    ApiError, BaseUrl, Params, Uri,
    axum::{extract::FromRequestParts, http::request::Parts},
};
use kernel::Result;

/// The address under which the client reached us, and what it asked for there.
pub(super) struct At {
    base: BaseUrl,
    path_and_query: String,
    pub(super) params: Params,
}

impl At {
    /// `path` below `/identity/v3`, with its slash.
    pub(super) fn url(&self, path: &str) -> String {
        self.base.join(&format!("{PREFIX}/v3{path}"))
    }

    /// This very request's address.
    pub(super) fn this(&self) -> String {
        self.base.join(&format!("{PREFIX}{}", self.path_and_query))
    }

    /// The same list after `marker`.
    pub(super) fn next(&self, marker: &str) -> String {
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        http::next_link(&self.base, &format!("{PREFIX}{path}"), &self.params, marker)
    }

    pub(super) fn query(&self, filters: &[&str], list_limit: Option<usize>) -> Result<Query> {
        Query::parse(&self.params.0, filters, list_limit)
    }

    /// Keystone's flags: there, whatever the value, unless that is `0`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.params.get(name).is_some_and(|value| value != "0")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, ApiError> {
        let Ok(base) = BaseUrl::from_request_parts(parts, state).await;
        let params = Params::from_request_parts(parts, state).await?;
        let path_and_query = Uri::path_and_query(&parts.uri).map(ToString::to_string).unwrap_or_default();
        Ok(Self { base, path_and_query, params })
    }
}
