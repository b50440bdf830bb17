//! Every flow under torture, and what flows do when hosts, networks and volumes do not.

mod create;
mod delete;
mod devices;
mod drain;
mod grow;
mod hardware;
mod image;
mod live;
mod moving;
mod power;
mod shape;
mod vtpm;

use crate::world::{Cloud, expect, flows_of, id_of, new_server};
use flow::{EngineBuilder, FlowRecord, Starter, testkit::Disturbance};
use kernel::FlowId;
use serde_json::Value;
use store::WatchItem;

/// Calls the API in the name of a process and returns the flow that this has started, also if it has ended by then.
async fn ask(cloud: &Cloud, starter: &Starter, request: &str, body: impl Into<Option<Value>>) -> FlowId {
    ask_by(cloud, starter, "member", "compute 2.44", request, body).await
}

async fn ask_by(
    cloud: &Cloud,
    starter: &Starter,
    who: &str,
    version: &str,
    request: &str,
    body: impl Into<Option<Value>>,
) -> FlowId {
    let mut watch = cloud.store.watch();
    let api = cloud.api(starter).token(who).with("openstack-api-version", version);
    let answer = api.call(request, body).await;
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
    cloud.compute(&Starter::new("registered".into())).flows(engine)
}

/// A cloud with an active server.
async fn with_server() -> (Cloud, String) {
    let cloud = Cloud::new().await;
    let (api, engine) = cloud.process();
    let created = expect(&api.token("member").call("POST /compute/v2.1/servers", new_server()).await, 202);
    let id = id_of(&created);
    cloud.reach(&id, "ACTIVE").await;
    drop(engine);
    (cloud, id)
}

fn failed(disturbance: Disturbance) -> bool {
    matches!(disturbance, Disturbance::Failed(_))
}

#[track_caller]
fn assert_ended(cloud: &Cloud, server: &str, disturbance: Disturbance) {
    assert_eq!(flows_of(&cloud.store.snapshot(), server), 0, "{disturbance:?}");
    cloud.assert_clean(&format!("{disturbance:?}"));
}
