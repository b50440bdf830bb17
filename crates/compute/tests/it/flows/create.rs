use super::{ask, assert_ended, failed, register};
use crate::world::{Cloud, IMAGE, NETWORK, expect, id_of, new_server};
use async_trait::async_trait;
use compute::{driver::VmState, model::Server};
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{Error, FlowId};
use serde_json::json;
use store::Store;

pub const VOLUME: &str = "44444444-4444-4444-8444-444444444444";

/// A server with a port, a volume that is there, and one that is made for it.
struct Creating(Cloud);

#[async_trait]
impl World for Creating {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        cloud.volumes.put(VOLUME).await;
        Self(cloud)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let mut body = new_server();
        body["server"]["networks"] = json!([{"uuid": NETWORK}]);
        body["server"]["block_device_mapping_v2"] = json!([
            {"source_type": "volume", "destination_type": "volume", "uuid": VOLUME},
            {"source_type": "blank", "destination_type": "volume", "volume_size": 1, "delete_on_termination": true},
        ]);
        ask(&self.0, starter, "POST /compute/v2.1/servers", body).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let server = self.0.servers().remove(0);
        assert_ended(&self.0, &server.id, disturbance);
        if failed(disturbance) {
            assert_eq!(server.status(), "ERROR", "{disturbance:?}");
            assert_eq!(server.fault.as_ref().unwrap().message, "injected failure", "{disturbance:?}");
            assert!(self.0.volumes.exports().is_empty() && self.0.hosts.guests().is_empty(), "{disturbance:?}");
            assert_eq!(self.0.volumes.status(VOLUME).as_deref(), Some("available"), "{disturbance:?}");
            assert_eq!(server.host, None, "{disturbance:?}");
        } else {
            assert_eq!((server.status(), server.task), ("ACTIVE", None), "{disturbance:?}");
            let guest = self.0.hosts.guest(&server.id).unwrap();
            assert_eq!((guest.state, guest.volumes.len(), guest.ports.len()), (VmState::Running, 2, 1));
            assert_eq!(self.0.volumes.status(VOLUME).as_deref(), Some("in-use"), "{disturbance:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creating_survives_everything() {
    torture::<Creating>().await;
}

#[tokio::test]
async fn a_fake_boot_takes_few_commits() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let before = cloud.store.snapshot().revision();
    let created = expect(&api.token("member").call("POST /compute/v2.1/servers", new_server()).await, 202);
    cloud.reach(&id_of(&created), "ACTIVE").await;
    let commits = cloud.store.snapshot().revision() - before;
    assert!(commits <= 6, "request, place, network, storage, observation, run: {commits}");
}

#[tokio::test]
async fn a_host_that_refuses_is_left_for_another() {
    let cloud = Cloud::new().await;
    cloud.hosts.mood("h1", |m| m.refuses = Some("the host's disk is full".into()));
    let (api, _engine) = cloud.process();
    let created = expect(&api.token("member").call("POST /compute/v2.1/servers", new_server()).await, 202);
    let server = cloud.reach(&id_of(&created), "ACTIVE").await;
    assert_eq!(server.host.as_deref(), Some("h2"));
    assert_eq!(server.fault, None);
    cloud.assert_clean("refused once");
}

#[tokio::test]
async fn when_all_hosts_refuse_the_reason_is_told() {
    let cloud = Cloud::new().await;
    for host in ["h1", "h2"] {
        cloud.hosts.mood(host, |m| m.refuses = Some("the host's disk is full".into()));
    }
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let id = id_of(&expect(&member.call("POST /compute/v2.1/servers", new_server()).await, 202));
    cloud.reach(&id, "ERROR").await;
    cloud.assert_clean("refused by all");
    let shown = expect(&member.call(&format!("GET /compute/v2.1/servers/{id}"), None).await, 200);
    assert_eq!(shown["server"]["fault"]["message"], "the host's disk is full");
    assert_eq!(shown["server"]["fault"].get("details"), None, "hosts are not for users");
    let shown = expect(&admin.call(&format!("GET /compute/v2.1/servers/{id}"), None).await, 200);
    assert!(shown["server"]["fault"]["details"].as_str().unwrap().contains("h1: "), "{shown}");
    expect(&member.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
    cloud.assert_clean("deleted from ERROR");
}

#[tokio::test]
async fn without_hosts_there_is_no_valid_host() {
    let cloud = Cloud::with_hosts(&[]).await;
    let (api, _engine) = cloud.process();
    let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", new_server()).await, 202));
    let server = cloud.reach(&id, "ERROR").await;
    let fault = server.fault.clone().unwrap();
    assert_eq!(fault.message, "No valid host was found. There are not enough hosts available.");
    cloud.assert_clean("no host");
}

#[tokio::test]
async fn a_network_that_is_not_ready_fails_the_server_and_leaves_nothing() {
    let cloud = Cloud::new().await;
    *cloud.ports.broken.lock() = Some(Error::conflict("the network back end refused the port"));
    cloud.volumes.put(VOLUME).await;
    let (api, _engine) = cloud.process();
    let body = json!({"server": {"name": "v", "flavorRef": "42", "networks": [{"uuid": NETWORK}],
        "block_device_mapping_v2": [{"source_type": "volume", "destination_type": "volume", "uuid": VOLUME, "boot_index": 0}]}});
    let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", body).await, 202));
    let server = cloud.reach(&id, "ERROR").await;
    assert_eq!(server.fault.as_ref().unwrap().message, "the network back end refused the port");
    assert!(cloud.volumes.exports().is_empty(), "the volume was exported meanwhile");
    cloud.assert_clean("no network");
}

#[tokio::test]
async fn anti_affinity_keeps_servers_apart() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.64");
    let group = json!({"server_group": {"name": "g", "policy": "anti-affinity"}});
    let group = expect(&member.call("POST /compute/v2.1/os-server-groups", group).await, 200);
    let mut body = new_server();
    (body["server"]["min_count"], body["os:scheduler_hints"]) =
        (3.into(), json!({"group": group["server_group"]["id"]}));
    expect(&member.call("POST /compute/v2.1/servers", body).await, 202);
    let settled = |s: &store::Snapshot| {
        let servers: Vec<_> = s.all::<Server>().collect();
        servers.iter().all(|s| s.task.is_none()).then_some(servers)
    };
    let servers = cloud.until("all to settle", settled).await;
    let mut hosts: Vec<_> = servers.iter().map(|s| s.host.as_deref().unwrap_or("none").to_owned()).collect();
    hosts.sort();
    assert_eq!(hosts, ["h1", "h2", "none"], "the third has no host left");
    cloud.assert_clean("anti-affinity");
}

#[tokio::test]
async fn several_servers_at_once_are_numbered() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let mut body = new_server();
    (body["server"]["min_count"], body["server"]["max_count"]) = (2.into(), 30.into());
    expect(&api.token("member").call("POST /compute/v2.1/servers", body).await, 202);
    let mut names: Vec<_> = cloud.servers().iter().map(|s| s.name.clone()).collect();
    names.sort();
    assert_eq!((names.len(), names[0].as_str()), (10, "one-1"), "as many as the quota allows");
    for server in cloud.servers() {
        cloud.reach(&server.id, "ACTIVE").await;
    }
    let mut more = new_server();
    more["server"]["name"] = "more".into();
    let refused = api.token("member").call("POST /compute/v2.1/servers", more).await;
    assert_eq!(
        expect(&refused, 403)["forbidden"]["message"],
        "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"
    );
    cloud.assert_clean("many");
}

#[tokio::test]
async fn deleting_cancels_what_is_being_built() {
    let cloud = Cloud::new().await;
    for host in ["h1", "h2"] {
        cloud.hosts.mood(host, |m| m.silent = true);
    }
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = id_of(&expect(&member.call("POST /compute/v2.1/servers", new_server()).await, 202));
    let spawning = |s: &store::Snapshot| s.get::<Server>(&id)?.task.filter(|t| t.as_str() == "spawning");
    cloud.until("the host to be asked", spawning).await;
    expect(&member.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    let shown = expect(&member.call(&format!("GET /compute/v2.1/servers/{id}"), None).await, 200);
    assert_eq!(shown["server"]["OS-EXT-STS:task_state"], "deleting");
    for host in ["h1", "h2"] {
        cloud.hosts.mood(host, |m| m.silent = false);
    }
    cloud.gone(&id).await;
    cloud.assert_clean("cancelled");
    let actions = member.with("openstack-api-version", "compute 2.51");
    let actions =
        expect(&actions.call(&format!("GET /compute/v2.1/servers/{id}/os-instance-actions"), None).await, 200);
    let told: Vec<_> =
        actions["instanceActions"].as_array().unwrap().iter().map(|a| (&a["action"], &a["message"])).collect();
    assert_eq!(told, [(&json!("delete"), &json!(null)), (&json!("create"), &json!("Error"))]);
}

#[tokio::test]
async fn an_image_of_volumes_boots_volumes() {
    let cloud = Cloud::new().await;
    cloud.volumes.put(VOLUME).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.45");
    let body = json!({"server": {"name": "v", "flavorRef": "42", "networks": "auto",
        "block_device_mapping_v2": [{"source_type": "volume", "destination_type": "volume", "uuid": VOLUME, "boot_index": 0}]}});
    let id = id_of(&expect(&member.call("POST /compute/v2.1/servers", body).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    let action = json!({"createImage": {"name": "snap"}});
    let image = expect(&member.call(&format!("POST /compute/v2.1/servers/{id}/action"), action).await, 202);
    let image = image["image_id"].as_str().unwrap();
    assert_eq!(cloud.images.get(image).unwrap().status, "active");
    let body = json!({"server": {"name": "again", "flavorRef": "42", "networks": "auto", "imageRef": image}});
    let again = id_of(&expect(&member.call("POST /compute/v2.1/servers", body).await, 202));
    let server = cloud.reach(&again, "ACTIVE").await;
    let root = server.root().and_then(|d| d.volume()).expect("a volume to boot from");
    assert!(matches!(&root.made_of, Some(compute::model::VolumeSource::Snapshot(_))), "{root:?}");
    assert_ne!(server.image_ref(), IMAGE);
    cloud.assert_clean("volumes of an image");
}

#[tokio::test]
async fn a_server_may_have_no_network() {
    let cloud = Cloud::new().await;
    let starter = Starter::new("n".into());
    let body = json!({"server": {"name": "n", "imageRef": IMAGE, "flavorRef": "42", "networks": "none"}});
    let api = cloud.api(&starter).token("member").with("openstack-api-version", "compute 2.37");
    let id = id_of(&expect(&api.call("POST /compute/v2.1/servers", body).await, 202));
    let _engine =
        register(&cloud, EngineBuilder::new(starter.clone())).run(cloud.store.clone(), kernel::SystemClock::shared());
    assert!(cloud.reach(&id, "ACTIVE").await.nics.is_empty());
    ask(&cloud, &starter, &format!("DELETE /compute/v2.1/servers/{id}"), None).await;
    cloud.gone(&id).await;
}
