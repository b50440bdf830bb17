//! What a service's deprecated proxies need: the other services' public APIs, asked as the caller.

use async_trait::async_trait;
use kernel::Result;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// A request with the caller's token; `path` from the root: `/network/v2.0/floatingips`.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub token: &'a str,
    pub verb: Verb,
    pub path: &'a str,
    pub body: Option<&'a Value>,
}

#[async_trait]
pub trait Neighbours: Send + Sync + 'static {
    /// The answer's body; what the neighbour refuses is an error of the same kind in its words.
    async fn ask(&self, ask: Ask<'_>) -> Result<Value>;
}
