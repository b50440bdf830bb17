//! Every flow under torture, and what flows do when pools do not.

mod backup;
mod create;
mod group;
mod handover;
mod migrate;
mod move_in_use;
mod pools;
mod snapshot;
mod volume;

use crate::world::Cloud;
use flow::{EngineBuilder, FlowRecord, Starter, testkit::Disturbance};
use kernel::FlowId;
use serde_json::Value;
use store::WatchItem;

/// Calls the API in the name of a process and returns the flow that this has started, also if it has ended by then.
async fn ask(cloud: &Cloud, starter: &Starter, request: &str, body: impl Into<Option<Value>>) -> FlowId {
    ask_as("member", cloud, starter, request, body).await
}

async fn ask_as(who: &str, cloud: &Cloud, starter: &Starter, request: &str, body: impl Into<Option<Value>>) -> FlowId {
    let mut watch = cloud.store.watch();
    let answer = cloud.api(starter).token(who).call(request, body).await;
    assert!(answer.status < 300, "{request}: {}", answer.text());
    while let Some(item) = watch.try_next() {
        let WatchItem::Batch(batch) = item else { panic!("the watch was reset") };
        if let Some(started) = batch.of::<FlowRecord>().next() {
            return started.key.as_str().into();
        }
    }
    panic!("{request} has started no flow");
}

fn register(cloud: &Cloud, engine: EngineBuilder) -> EngineBuilder {
    ::volume::flows(engine, &cloud.service(&Starter::new("registered".into())))
}

fn failed(disturbance: Disturbance) -> bool {
    matches!(disturbance, Disturbance::Failed(_))
}
