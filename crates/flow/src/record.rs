//! The journal: one record per live flow.

use crate::{Flow, Starter};
use kernel::{Error, FlowId, HostName, Result, Timestamp, ids::RequestId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use store::{Index, IndexSink, Key, Object, Snapshot, Tx};

/// Which process may write a flow's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub node: HostName,
    /// One per start of the process; its lease tells whether the process lives.
    pub incarnation: String,
    /// Raised by every change of owner.
    pub epoch: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Running,
    Undoing,
    /// Neither on nor back: somebody must look. Undo is still tried from time to time.
    NeedsOperator,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowRecord {
    pub id: FlowId,
    pub kind: String,
    pub version: u32,
    /// The object whose verb this is, `kind/id`: `compute.server/6f…`.
    pub object: String,
    pub owner: Owner,
    pub phase: Phase,
    /// The step to run, or to undo, next.
    pub step: String,
    /// [`Flow::State`]
    pub state: Value,
    /// Why it is being undone, or what the last retry said: for people.
    pub error: Option<String>,
    pub cancelled: bool,
    pub request_id: RequestId,
    pub started: Timestamp,
    pub updated: Timestamp,
}

impl FlowRecord {
    pub const BY_OBJECT: Index<FlowRecord> = Index::new(0);
}

impl Object for FlowRecord {
    const KIND: &'static str = "flow.flow";
    const INDEXES: &'static [&'static str] = &["object"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_OBJECT, &self.object);
    }
}

/// What a new flow begins with.
pub struct Start<'a, F: Flow> {
    /// `kind/id` of the object.
    pub object: String,
    pub state: F::State,
    pub request_id: &'a RequestId,
    pub now: Timestamp,
}

impl Starter {
    /// Writes a flow's record into `tx`; the engine begins as soon as the transaction is durable.
    pub fn start<F: Flow>(&self, tx: &mut Tx, start: Start<'_, F>) -> Result<FlowId> {
        let first =
            F::steps().first().map(|s| s.name).ok_or_else(|| Error::internal(format!("{} has no steps", F::KIND)))?;
        let state = serde_json::to_value(&start.state)
            .map_err(|e| Error::internal(format!("encoding the state of {}", F::KIND)).with_source(e))?;
        let id = FlowId::new();
        tx.put(FlowRecord {
            id: id.clone(),
            kind: F::KIND.into(),
            version: F::VERSION,
            object: start.object,
            owner: self.owner(),
            phase: Phase::Running,
            step: first.into(),
            state,
            error: None,
            cancelled: false,
            request_id: start.request_id.clone(),
            started: start.now,
            updated: start.now,
        });
        Ok(id)
    }
}

/// Asks a flow to stop and undo. The step it is in is told by [`crate::StepCx::cancelled`].
pub fn cancel(tx: &mut Tx, id: &FlowId) -> bool {
    tx.update::<FlowRecord>(id, |record| record.cancelled = true).is_some()
}

/// The flow that owns an object now, if there is one.
pub fn live_flow_of(snapshot: &Snapshot, object: &str) -> Option<Arc<FlowRecord>> {
    snapshot.by(FlowRecord::BY_OBJECT, object).next()
}

pub fn is_live(snapshot: &Snapshot, id: &FlowId) -> bool {
    snapshot.contains::<FlowRecord>(id)
}
