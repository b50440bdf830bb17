//! Hosts in maintenance: left by their servers, whoever is at work on it, and come back to.

use crate::world::{Cloud, expect, id_of, new_server};
use compute::{
    Afterwards,
    model::{ComputeHost, Server},
};
use flow::{Reconciler, Starter};
use http::testkit::Api;
use policy::Permit;
use serde_json::json;
use std::sync::Arc;

fn permit() -> Permit {
    Permit::internal("a test")
}

/// Looks again whenever something has changed, as a process does.
async fn work(drain: &Arc<dyn Reconciler>, cloud: &Cloud, what: &str, holds: impl Fn(&Cloud) -> bool) {
    let mut watch = cloud.store.watch();
    let waiting = async {
        while !holds(cloud) {
            drain.reconcile().await.unwrap();
            tokio::select! {
                _ = watch.next() => {}
                () = tokio::time::sleep(std::time::Duration::from_millis(50)) => {}
            }
        }
    };
    let done = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}: {:#?}", cloud.servers()));
}

fn on(cloud: &Cloud, host: &str) -> usize {
    cloud.servers().iter().filter(|s| s.host.as_deref() == Some(host)).count()
}

fn rests(cloud: &Cloud) -> bool {
    cloud.servers().iter().all(|s| s.task.is_none() && s.resize.is_none())
}

async fn server_on(cloud: &Cloud, api: &Api, host: &str) -> String {
    let mut body = new_server();
    body["server"]["availability_zone"] = format!("nova:{host}").into();
    let id = id_of(&expect(&api.token("admin").call("POST /compute/v2.1/servers", body).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    id
}

fn drain_of(cloud: &Cloud) -> Arc<dyn Reconciler> {
    let all = cloud.compute(&Starter::new("process".into())).reconcilers();
    all.into_iter().find(|r| r.name() == "compute.drain").unwrap()
}

#[tokio::test]
async fn servers_go_and_come_back() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.53");
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(server_on(&cloud, &api, "h1").await);
    }
    let action = |id: &str| format!("POST /compute/v2.1/servers/{id}/action");
    expect(&admin.call(&action(&ids[0]), json!({"os-stop": null})).await, 202);
    cloud.reach(&ids[0], "SHUTOFF").await;
    let compute = cloud.compute(&Starter::new("process".into()));
    let begun = compute.begin_maintenance(permit(), "h1", Some("new disk".into())).await.unwrap();
    assert_eq!((begun.servers, begun.left.len(), begun.gone), (5, 5, 0));
    let services = expect(&admin.call("GET /compute/v2.1/os-services?host=h1", None).await, 200);
    assert_eq!(services["services"][0]["disabled_reason"], "new disk");
    let drain = drain_of(&cloud);
    work(&drain, &cloud, "h1 to be left", |c| on(c, "h1") == 0 && rests(c)).await;
    cloud.assert_clean("drained");
    let view = compute.host_views(&permit()).into_iter().find(|h| h.name == *"h1").unwrap();
    assert_eq!((view.servers, view.left, view.gone), (0, vec![], 5));
    assert_eq!(cloud.server(&ids[0]).status(), "SHUTOFF");
    assert!(ids[1..].iter().all(|id| cloud.server(id).status() == "ACTIVE"));
    expect(&admin.call(&format!("DELETE /compute/v2.1/servers/{}", ids[4]), None).await, 204);
    cloud.gone(&ids[4]).await;
    compute.end_maintenance(permit(), "h1", Afterwards::ComeBack).await.unwrap();
    let over = |c: &Cloud| c.store.snapshot().get::<ComputeHost>("h1").is_some_and(|h| h.maintenance.is_none());
    work(&drain, &cloud, "all to be back", |c| on(c, "h1") == 4 && rests(c) && over(c)).await;
    cloud.assert_clean("returned");
    assert_eq!(cloud.server(&ids[0]).status(), "SHUTOFF");
    assert!(compute.end_maintenance(permit(), "h1", Afterwards::ComeBack).await.is_err());
    assert!(compute.begin_maintenance(permit(), "h9", None).await.is_err());
}

#[tokio::test]
async fn what_cannot_go_is_told_and_holds_up_nobody() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.53");
    let (stuck, free) = (server_on(&cloud, &api, "h1").await, server_on(&cloud, &api, "h1").await);
    let suspend = format!("POST /compute/v2.1/servers/{stuck}/action");
    expect(&admin.call(&suspend, json!({"suspend": null})).await, 202);
    cloud.reach(&stuck, "SUSPENDED").await;
    let compute = cloud.compute(&Starter::new("process".into()));
    compute.begin_maintenance(permit(), "h1", None).await.unwrap();
    let drain = drain_of(&cloud);
    work(&drain, &cloud, "one to be left", |c| on(c, "h1") == 1 && rests(c)).await;
    assert_eq!(cloud.server(&free).host.as_deref(), Some("h2"));
    let view = compute.host_views(&permit()).into_iter().find(|h| h.name == *"h1").unwrap();
    assert_eq!(view.left[0].server, *stuck.as_str());
    assert!(view.left[0].why.as_deref().unwrap().contains("suspended"), "{view:?}");
    // Who enables the host by Nova's API ends it.
    let enable = json!({"host": "h1", "binary": "nova-compute"});
    let old = api.token("admin").call("PUT /compute/v2.1/os-services/enable", enable).await;
    expect(&old, 200);
    let host = cloud.store.snapshot().get::<ComputeHost>("h1").unwrap();
    assert_eq!((host.disabled, host.maintenance.clone()), (false, None));
    assert!(cloud.store.snapshot().all::<Server>().all(|s| s.task.is_none()));
}

/// A server that cannot land is tried later, and the rest goes on.
#[tokio::test]
async fn with_nowhere_to_go_servers_stay_as_they_are() {
    let cloud = Cloud::with_hosts(&["h1"]).await;
    let (api, _engine) = cloud.process();
    let id = server_on(&cloud, &api, "h1").await;
    let compute = cloud.compute(&Starter::new("process".into()));
    compute.begin_maintenance(permit(), "h1", None).await.unwrap();
    let drain = drain_of(&cloud);
    let tried = |c: &Cloud| c.store.snapshot().count::<compute::model::Migration>() == 1 && rests(c);
    work(&drain, &cloud, "it to have been tried", tried).await;
    drain.reconcile().await.unwrap();
    assert_eq!(cloud.store.snapshot().count::<compute::model::Migration>(), 1, "not again at once");
    assert_eq!(cloud.server(&id).status(), "ACTIVE");
    let view = compute.host_views(&permit()).remove(0);
    let why = view.left[0].why.clone().unwrap();
    assert!(why.starts_with("its last move failed (No valid host was found"), "{why}");
    cloud.assert_clean("not drained");
}
