//! Guests that are given another flavor, or other limits, while they run.

use super::{
    moving::{act, settled},
    with_server,
};
use crate::world::{Cloud, expect, network::Port};
use compute::{
    Config, Restarts,
    driver::VmSpec,
    flows::reconcile_limits::FlavorLimits,
    model::{Flavor, Migration, Server, reshape::Manner, vm::VmIntent},
};
use flow::{Reconciler, Starter};
use serde_json::{Value, json};

fn spec(cloud: &Cloud, id: &str) -> VmSpec {
    cloud.store.snapshot().get::<VmIntent>(id).unwrap().spec.clone()
}

fn ram(cloud: &Cloud, id: &str) -> u64 {
    cloud.server(id).flavor.ram_mib
}

fn resize(flavor: &str) -> Value {
    json!({"resize": {"flavorRef": flavor}})
}

/// A flavor like m1.nano.
async fn flavor(cloud: &Cloud, id: &str, change: impl Fn(&mut Flavor) + Send + 'static) {
    let id = id.to_owned();
    let made = cloud.store.transact("test", move |tx| {
        let nano = tx.get::<Flavor>("42").unwrap();
        let mut new = Flavor { id: id.as_str().into(), name: id.clone(), ..Flavor::clone(&nano) };
        change(&mut new);
        tx.put(new);
        Ok(())
    });
    made.await.unwrap();
}

/// How it was answered: the way that it goes, and why; then the server has come to a status.
pub(super) async fn asked(cloud: &Cloud, id: &str, body: Value, status: &str) -> (u16, String, String) {
    let (api, _engine) = cloud.process();
    let answer = api.token("member").call(&format!("POST /compute/v2.1/servers/{id}/action"), body).await;
    let header = |name: &str| answer.header(name);
    let why = if answer.status < 300 { header("x-tstack-resize-why") } else { answer.text() };
    cloud.reach(id, status).await;
    (answer.status, header("x-tstack-resize"), why)
}

#[tokio::test]
async fn a_guest_runs_on_through_a_resize_its_revert_and_its_confirmation() {
    let (cloud, id) = with_server().await;
    let (before, starts) = (spec(&cloud, &id), || cloud.hosts.guest(&id).unwrap().starts);
    let told = asked(&cloud, &id, resize("84"), "VERIFY_RESIZE").await;
    assert_eq!(told, (202, "in-place".into(), "memory is lent by virtio-mem, from 128 to 192 MiB".into()));
    let larger = VmSpec { memory_mib: 192, ..before.clone() };
    assert_eq!((spec(&cloud, &id), ram(&cloud, &id)), (larger.clone(), 192));
    act(&cloud, &id, json!({"revertResize": null}), "ACTIVE").await;
    assert_eq!((spec(&cloud, &id), ram(&cloud, &id)), (before, 128));
    act(&cloud, &id, resize("84"), "VERIFY_RESIZE").await;
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!((spec(&cloud, &id), ram(&cloud, &id)), (larger, 192));
    assert_eq!((cloud.hosts.guest(&id).unwrap().shape, starts()), ((1, 192), 0));
    // Smaller again: what was lent comes back.
    act(&cloud, &id, resize("42"), "VERIFY_RESIZE").await;
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!((cloud.hosts.guest(&id).unwrap().shape, starts()), ((1, 128), 0));
    let manners: Vec<_> =
        cloud.store.snapshot().all::<Migration>().map(|m| m.plan.as_ref().and_then(|p| p.manner)).collect();
    assert_eq!(manners, vec![Some(Manner::InPlace); 3]);
    cloud.assert_clean("after all");
}

#[tokio::test]
async fn a_guest_that_keeps_its_shape_keeps_its_flavor() {
    let (cloud, id) = with_server().await;
    let before = spec(&cloud, &id);
    let host = cloud.server(&id).host.clone().unwrap();
    cloud.hosts.mood(&host, |m| m.rigid = Some("the guest does not give back 64 MiB of its memory".into()));
    act(&cloud, &id, resize("84"), "ACTIVE").await;
    let server = cloud.server(&id);
    assert_eq!((server.flavor.ram_mib, server.resize.is_none()), (128, true));
    assert!(server.fault.as_ref().unwrap().message.contains("does not give back"), "{:?}", server.fault);
    assert_eq!(spec(&cloud, &id), before);
    cloud.hosts.mood(&host, |m| m.rigid = None);
    settled(&cloud, "refused").await;
    cloud.assert_clean("refused");
    // Back by a restart, if it does not give back what it was lent.
    act(&cloud, &id, resize("84"), "VERIFY_RESIZE").await;
    cloud.hosts.mood(&host, |m| m.rigid = Some("no".into()));
    act(&cloud, &id, json!({"revertResize": null}), "ACTIVE").await;
    let guest = cloud.hosts.guest(&id).unwrap();
    assert_eq!((guest.shape, guest.starts), ((1, 128), 1));
    cloud.assert_clean("reverted");
}

#[tokio::test]
async fn a_restart_is_asked_for() {
    let (mut cloud, id) = with_server().await;
    flavor(&cloud, "many", |f| f.vcpus = 9).await;
    let (status, _, text) = asked(&cloud, &id, resize("many"), "ACTIVE").await;
    assert_eq!(status, 409);
    assert!(text.contains("started with room for 4 vCPUs") && text.contains("ask for a restart"), "{text}");
    let body = |way: &str| json!({"resize": {"flavorRef": "many", "tstack:way": way}});
    assert_eq!(asked(&cloud, &id, body("live"), "ACTIVE").await.0, 409);
    assert_eq!(asked(&cloud, &id, body("warm"), "ACTIVE").await.0, 400);
    let told = asked(&cloud, &id, body("cold"), "VERIFY_RESIZE").await;
    assert_eq!(told, (202, "restart".into(), "a restart was asked for".into()));
    assert_eq!(spec(&cloud, &id).room.unwrap().most_vcpus, 36, "other hardware, with room of its own");
    act(&cloud, &id, json!({"revertResize": null}), "ACTIVE").await;
    cloud.config = Config { resize_restarts: Restarts::Any, ..Config::default() };
    assert_eq!(asked(&cloud, &id, resize("many"), "VERIFY_RESIZE").await.1, "restart");
    cloud.assert_clean("restarted");
}

/// Limits of a flavor reach the guests that have it; nothing else of it does.
#[tokio::test]
async fn limits_follow_the_flavor() {
    let (cloud, id) = with_server().await;
    let before = spec(&cloud, &id);
    let follow = async || FlavorLimits(cloud.compute(&Starter::new("limits".into()))).reconcile().await.unwrap();
    let limits = [
        ("quota:cpu_quota", "20000"),
        ("quota:disk_read_iops_sec", "100"),
        ("quota:vif_outbound_average", "500"),
        ("hw:watchdog_action", "reset"),
    ];
    let egress = || {
        let port = cloud.store.snapshot().all::<Port>().find(|p| p.server.as_deref() == Some(&*id)).unwrap();
        port.limits.egress.map(|rate| rate.kbps)
    };
    flavor(&cloud, "42", move |f| {
        f.extra_specs.extend(limits.map(|(k, v)| (k.to_owned(), v.to_owned())));
        f.ram_mib = 4096;
    })
    .await;
    follow().await;
    let limited = spec(&cloud, &id);
    assert_eq!((limited.cpu_quota_milli, limited.disks[0].io.read_iops_sec), (Some(200), Some(100)));
    assert_eq!((limited.memory_mib, egress()), (before.memory_mib, Some(4000)));
    let own = cloud.server(&id).flavor.extra_specs.clone();
    assert!(own.contains_key("quota:cpu_quota") && !own.contains_key("hw:watchdog_action"), "{own:?}");
    settled(&cloud, "limited").await;
    let generation = cloud.store.snapshot().get::<VmIntent>(&id).unwrap().generation;
    follow().await;
    assert_eq!(cloud.store.snapshot().get::<VmIntent>(&id).unwrap().generation, generation, "nothing to do");
    flavor(&cloud, "42", |f| f.extra_specs.retain(|key, _| !key.starts_with("quota:"))).await;
    follow().await;
    assert_eq!((spec(&cloud, &id), egress()), (before, None));
    assert_eq!(cloud.store.snapshot().get::<Server>(&id).unwrap().flavor.ram_mib, 128);
    cloud.assert_clean("limited");
    let (api, _engine) = cloud.process();
    expect(&api.token("member").call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
}
