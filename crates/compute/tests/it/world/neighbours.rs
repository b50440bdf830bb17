//! Other services' APIs that answer what a test has laid down.

use async_trait::async_trait;
use kernel::{Error, Result};
use parking_lot::Mutex;
use ports::neighbours::{Ask, Neighbours, Verb};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct FakeNeighbours {
    answers: Mutex<BTreeMap<String, Value>>,
    /// What was asked: `GET /path` and the body.
    pub asked: Mutex<Vec<(String, Value)>>,
}

impl FakeNeighbours {
    /// `GET /network/v2.0/networks` is answered so from now on.
    pub fn answer(&self, request: &str, body: Value) {
        self.answers.lock().insert(request.to_owned(), body);
    }
}

#[async_trait]
impl Neighbours for FakeNeighbours {
    async fn ask(&self, ask: Ask<'_>) -> Result<Value> {
        let verb = match ask.verb {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        };
        let request = format!("{verb} {}", ask.path);
        let answer = self.answers.lock().get(&request).cloned();
        self.asked.lock().push((request, ask.body.cloned().unwrap_or_default()));
        answer.ok_or_else(|| Error::not_found("nothing there"))
    }
}
