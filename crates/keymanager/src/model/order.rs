//! An order: that somebody had a secret made, and which, or why not. It is carried out in the transaction that takes it.

use kernel::{ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFault {
    pub status: u16,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub project: ProjectId,
    pub creator: UserId,
    /// `key` or `asymmetric`.
    pub kind: String,
    /// As it was given.
    pub meta: Value,
    pub secret: Option<String>,
    pub fault: Option<OrderFault>,
    pub created_at: Timestamp,
}

impl Order {
    pub const BY_PROJECT: Index<Order> = Index::new(0);
}

impl Object for Order {
    const KIND: &'static str = "keymanager.order";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
    }
}
