//! [`ports::Neighbours`] over this process's own routers.

use async_trait::async_trait;
use http::{Errand, Loopback, Method};
use kernel::Result;
use ports::neighbours::{Ask, Neighbours, Verb};
use serde_json::Value;
use std::sync::Arc;

pub struct OwnApis(pub Arc<Loopback>);

#[async_trait]
impl Neighbours for OwnApis {
    async fn ask(&self, ask: Ask<'_>) -> Result<Value> {
        let method = match ask.verb {
            Verb::Get => &Method::GET,
            Verb::Post => &Method::POST,
            Verb::Put => &Method::PUT,
            Verb::Patch => &Method::PATCH,
            Verb::Delete => &Method::DELETE,
        };
        self.0.send(Errand { token: ask.token, method, path: ask.path, body: ask.body }).await
    }
}
