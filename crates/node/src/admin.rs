//! `tstack explain ID`: everything the store knows of one object, with its flow and its history.

use crate::services::Services;
use flow::FlowRecord;
use kernel::{Error, Result};
use serde_json::{Value, json};
use store::Order;

/// Records of any kind with this id.
pub async fn explain(services: &Services, id: &str) -> Result<Value> {
    let snapshot = services.store.snapshot();
    let objects: Vec<Value> =
        snapshot.find(id).into_iter().map(|(kind, value)| json!({"kind": kind, "value": value})).collect();
    if objects.is_empty() {
        return Err(Error::not_found(format!("nothing in this region has the id {id}")));
    }
    let ours = |f: &std::sync::Arc<FlowRecord>| f.id == *id || f.object.ends_with(&format!("/{id}"));
    let flows: Vec<Value> = snapshot.all::<FlowRecord>().filter(ours).map(|f| json!(*f)).collect();
    let mut history = Vec::new();
    for stream in [format!("actions/{id}"), format!("audit/{id}")] {
        for entry in services.store.history(&stream, None, 50, Order::OldestFirst).await? {
            history.push(json!({"stream": stream, "at": entry.at.iso_micros_z(), "record": entry.record}));
        }
    }
    Ok(json!({"id": id, "objects": objects, "flows": flows, "history": history}))
}
