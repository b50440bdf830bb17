use super::{ask, assert_ended, failed, register, with_server};
use crate::world::{Cloud, NETWORK, expect, network::Port};
use ::compute::{driver::IoLimits, metadata, model::vm::VmIntent};
use async_trait::async_trait;
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, PortId, VolumeId};
use serde_json::json;
use store::Store;

const VOLUME: &str = "55555555-5555-4555-8555-555555555555";
const PORT: &str = "66666666-6666-4666-8666-666666666666";

/// One of four worlds: which device, and whether it comes or goes.
macro_rules! world {
    ($name:ident, $prepare:expr, $request:expr, $body:expr, $check:expr) => {
        struct $name(Cloud, String);

        #[async_trait]
        impl World for $name {
            async fn new() -> Self {
                let (cloud, id) = with_server().await;
                prepare(&cloud).await;
                let prepare: fn(&Cloud, &str) -> Option<(String, serde_json::Value)> = $prepare;
                if let Some((request, body)) = prepare(&cloud, &id) {
                    let (api, engine) = cloud.process();
                    expect(&api.token("member").call(&request, body).await, 200);
                    cloud.reach(&id, "ACTIVE").await;
                    drop(engine);
                }
                Self(cloud, id)
            }
            fn store(&self) -> Store {
                self.0.store.clone()
            }
            fn register(&self, engine: EngineBuilder) -> EngineBuilder {
                register(&self.0, engine)
            }
            async fn start(&self, starter: &Starter) -> FlowId {
                let request: fn(&str) -> String = $request;
                ask(&self.0, starter, &request(&self.1), $body).await
            }
            async fn check(&self, disturbance: Disturbance) {
                assert_ended(&self.0, &self.1, disturbance);
                let check: fn(&Cloud, &str, bool) -> Option<()> = $check;
                let what = format!("{disturbance:?}");
                self.0.until(&what, |_| check(&self.0, &self.1, failed(disturbance))).await;
            }
        }
    };
}

async fn prepare(cloud: &Cloud) {
    cloud.volumes.put(VOLUME).await;
    cloud
        .store
        .transact("test", |tx| {
            tx.put(Port::free(PORT));
            Ok(())
        })
        .await
        .unwrap();
}

fn has_volume(cloud: &Cloud, id: &str, wanted: bool) -> Option<()> {
    let is = |v: &VolumeId| *v == VOLUME;
    let in_server = cloud.server(id).devices.iter().any(|d| d.volume().is_some_and(|v| is(&v.volume)));
    let in_guest = cloud.hosts.guest(id)?.volumes.iter().any(is);
    let status = if wanted { "in-use" } else { "available" };
    let settled =
        cloud.volumes.status(VOLUME).as_deref() == Some(status) && cloud.volumes.exports().len() == usize::from(wanted);
    (in_server == wanted && in_guest == wanted && settled).then_some(())
}

fn has_port(cloud: &Cloud, id: &str, wanted: bool) -> Option<()> {
    let is = |p: &PortId| *p == PORT;
    let in_server = cloud.server(id).nics.iter().any(|n| is(&n.plan.port));
    let in_guest = cloud.hosts.guest(id)?.ports.iter().any(is);
    let port = cloud.store.snapshot().get::<Port>(PORT)?;
    (in_server == wanted && in_guest == wanted && port.server.is_some() == wanted && port.plugged == wanted)
        .then_some(())
}

fn attachments(id: &str) -> String {
    format!("POST /compute/v2.1/servers/{id}/os-volume_attachments")
}

fn interfaces(id: &str) -> String {
    format!("POST /compute/v2.1/servers/{id}/os-interface")
}

fn volume_body() -> serde_json::Value {
    json!({"volumeAttachment": {"volumeId": VOLUME}})
}

fn port_body() -> serde_json::Value {
    json!({"interfaceAttachment": {"port_id": PORT}})
}

world!(AttachingVolume, |_, _| None, attachments, volume_body(), |c, id, failed| has_volume(c, id, !failed));
world!(
    DetachingVolume,
    |_, id| Some((attachments(id), volume_body())),
    |id| format!("DELETE /compute/v2.1/servers/{id}/os-volume_attachments/{VOLUME}"),
    None,
    |c, id, failed| has_volume(c, id, failed)
);
world!(AttachingInterface, |_, _| None, interfaces, port_body(), |c, id, failed| has_port(c, id, !failed));
world!(
    DetachingInterface,
    |_, id| Some((interfaces(id), port_body())),
    |id| format!("DELETE /compute/v2.1/servers/{id}/os-interface/{PORT}"),
    None,
    |c, id, failed| has_port(c, id, failed)
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attaching_a_volume_survives_everything() {
    torture::<AttachingVolume>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn detaching_a_volume_survives_everything() {
    torture::<DetachingVolume>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attaching_an_interface_survives_everything() {
    torture::<AttachingInterface>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn detaching_an_interface_survives_everything() {
    torture::<DetachingInterface>().await;
}

#[tokio::test]
async fn a_guest_that_holds_on_to_a_disk_keeps_it() {
    let (cloud, id) = with_server().await;
    prepare(&cloud).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let attached = expect(&member.call(&attachments(&id), volume_body()).await, 200);
    assert_eq!(attached["volumeAttachment"]["device"], "/dev/vdb");
    cloud.reach(&id, "ACTIVE").await;
    let host = cloud.server(&id).host.clone().unwrap();
    cloud.hosts.mood(&host, |m| m.sticky = true);
    let detach = format!("DELETE /compute/v2.1/servers/{id}/os-volume_attachments/{VOLUME}");
    expect(&member.call(&detach, None).await, 202);
    cloud.reach(&id, "ACTIVE").await;
    cloud.until("it to be whole again", |_| has_volume(&cloud, &id, true)).await;
    let refused = member.call(&format!("DELETE /compute/v2.1/servers/{id}/os-volume_attachments/{PORT}"), None).await;
    expect(&refused, 404);
    cloud.hosts.mood(&host, |m| m.sticky = false);
    expect(&member.call(&detach, None).await, 202);
    cloud.until("it to be detached", |_| has_volume(&cloud, &id, false)).await;
    cloud.reach(&id, "ACTIVE").await;
    cloud.assert_clean("detached");
}

#[tokio::test]
async fn a_deleted_server_takes_its_devices_along() {
    let (cloud, id) = with_server().await;
    prepare(&cloud).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    expect(&member.call(&attachments(&id), volume_body()).await, 200);
    expect(&member.call(&interfaces(&id), port_body()).await, 200);
    let more = json!({"interfaceAttachment": {"net_id": NETWORK}});
    expect(&member.call(&interfaces(&id), more).await, 200);
    expect(&member.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
    cloud.assert_clean("deleted with devices coming");
    assert_eq!(cloud.volumes.status(VOLUME).as_deref(), Some("available"));
    assert_eq!(cloud.store.snapshot().count::<Port>(), 1, "the port that was brought is still there");
}

/// What the volume service allows reaches the guest that has the volume, and so does every change of it.
#[tokio::test]
async fn limits_of_volumes_reach_guests_that_run() {
    let (cloud, id) = with_server().await;
    prepare(&cloud).await;
    let limit = |iops: Option<u64>| {
        cloud.volumes.limits.lock().insert(VOLUME.into(), IoLimits { total_iops_sec: iops, ..IoLimits::default() });
    };
    limit(Some(100));
    let (api, _engine) = cloud.process();
    expect(&api.token("member").call(&attachments(&id), volume_body()).await, 200);
    cloud.reach(&id, "ACTIVE").await;
    let reconcilers = cloud.compute(&Starter::new("reconciling".into())).reconcilers();
    let reconciler = reconcilers.iter().find(|r| r.name() == "compute.volume_limits").unwrap();
    for (iops, changes) in [(Some(100), 0), (Some(500), 1), (Some(500), 0), (None, 1)] {
        limit(iops);
        let before = cloud.store.snapshot().get::<VmIntent>(&id).unwrap().generation;
        reconciler.reconcile().await.unwrap();
        let intent = cloud.store.snapshot().get::<VmIntent>(&id).unwrap();
        assert_eq!(intent.volumes[0].io, IoLimits { total_iops_sec: iops, ..IoLimits::default() });
        assert_eq!(intent.generation, before + changes, "an intent that is right stays as it is");
    }
}

/// What a guest reads of itself, as its host answers.
fn told(cloud: &Cloud, id: &str, name: &str) -> String {
    let intent = cloud.store.snapshot().get::<VmIntent>(id).unwrap();
    let answer = metadata::answer("GET", &format!("/latest/meta-data/{name}"), &intent, Default::default);
    String::from_utf8(answer.body).unwrap()
}

/// Floating IPs and volumes come and go while the guest runs; it is told.
#[tokio::test]
async fn metadata_follows_addresses_and_volumes() {
    let (cloud, id) = with_server().await;
    prepare(&cloud).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let reconcilers = cloud.compute(&Starter::new("reconciling".into())).reconcilers();
    let reconciler = reconcilers.iter().find(|r| r.name() == "compute.floating_ips").unwrap();
    let of_server = cloud.server(&id).nics[0].plan.port.clone();
    let lead = async |port: &PortId, to: &[&str]| {
        let (port, to) = (port.clone(), to.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>());
        let mut watch = cloud.store.watch();
        let write =
            cloud.store.transact("test", move |tx| Ok(tx.update::<Port>(&port, |p| p.floating = to.clone()).is_some()));
        assert!(write.await.unwrap());
        let store::WatchItem::Batch(batch) = watch.next().await else { panic!("the watch was reset") };
        assert!(reconciler.wants(&batch));
        reconciler.reconcile().await.unwrap();
    };
    assert_eq!(told(&cloud, &id, "public-ipv4"), "");
    lead(&of_server, &["172.24.4.9", "172.24.4.8"]).await;
    assert_eq!(told(&cloud, &id, "public-ipv4"), "172.24.4.9");
    let generation = || cloud.store.snapshot().get::<VmIntent>(&id).unwrap().generation;
    let before = generation();
    reconciler.reconcile().await.unwrap();
    assert_eq!(generation(), before, "an intent that is right stays as it is");
    // A port that comes with one is told of at once.
    lead(&PORT.into(), &["172.24.4.7"]).await;
    lead(&of_server, &[]).await;
    assert_eq!(told(&cloud, &id, "public-ipv4"), "");
    expect(&member.call(&interfaces(&id), port_body()).await, 200);
    cloud.reach(&id, "ACTIVE").await;
    assert_eq!(told(&cloud, &id, "public-ipv4"), "172.24.4.7");

    assert_eq!(told(&cloud, &id, "block-device-mapping"), "ami\nroot");
    expect(&member.call(&attachments(&id), volume_body()).await, 200);
    cloud.reach(&id, "ACTIVE").await;
    assert_eq!(told(&cloud, &id, "block-device-mapping/ebs0"), "/dev/vdb");
    let detach = format!("DELETE /compute/v2.1/servers/{id}/os-volume_attachments/{VOLUME}");
    expect(&member.call(&detach, None).await, 202);
    cloud.until("it to be detached", |_| has_volume(&cloud, &id, false)).await;
    assert_eq!(told(&cloud, &id, "block-device-mapping"), "ami\nroot");
}
