//! `tstack explain ID`: everything the store knows of one object, with its flow and its history.

use crate::services::Services;
use compute::model::{Migration, action};
use flow::FlowRecord;
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Object, Order, Store};

/// Newest events of the identity service that are looked through.
const EVENTS: usize = 5000;
/// Records of a server's actions.
const ACTIONS: usize = 1000;

/// Records of any kind with this id, a server's moves and why they went as they did, and what happened to it: also to what is gone by now.
pub async fn explain(services: &Services, id: &str) -> Result<Value> {
    let snapshot = services.store.snapshot();
    let mut objects: Vec<Value> =
        snapshot.find(id).into_iter().map(|(kind, value)| json!({"kind": kind, "value": value})).collect();
    let moves = snapshot.by(Migration::BY_SERVER, id);
    objects.extend(moves.map(|m: Arc<Migration>| json!({"kind": Migration::KIND, "value": *m})));
    // The thing itself before what others keep about it.
    objects.sort_by_key(|object| object["value"]["id"] != id);
    let history = history(&services.store, id).await?;
    if objects.is_empty() && history.is_empty() {
        return Err(Error::not_found(format!("nothing in this region has, or had, the id {id}")));
    }
    let ours = |f: &Arc<FlowRecord>| f.id == *id || f.object.ends_with(&format!("/{id}"));
    let flows: Vec<Value> = snapshot.all::<FlowRecord>().filter(ours).map(|f| json!(*f)).collect();
    Ok(json!({"id": id, "objects": objects, "flows": flows, "history": history}))
}

/// A server's actions, and the events whose target it is; oldest first.
async fn history(store: &Store, id: &str) -> Result<Vec<Value>> {
    let actions = store.history(&action::stream(&id.into()), None, ACTIONS, Order::NewestFirst).await?;
    let events = store.history(identity::ops::audit::STREAM, None, EVENTS, Order::NewestFirst).await?;
    let about = events.into_iter().filter(|event| event.record["target"]["id"] == id);
    let mut all: Vec<_> = actions.into_iter().chain(about).collect();
    // Records of one moment stay in the order in which they were written.
    all.reverse();
    all.sort_by_key(|entry| entry.at);
    Ok(all.into_iter().map(|entry| json!({"at": entry.at.iso_micros_z(), "record": entry.record})).collect())
}
