use crate::world::{Cloud, NOWHERE, P1, SERVER, create, expect, refused};
use http::testkit::Api;
use ports::{AttachRequest, ImageInfo, Volumes};
use serde_json::{Value, json};

async fn attach(api: &Api, volume: &str, more: Value) -> Value {
    let mut body = json!({"attachment": {"volume_uuid": volume, "instance_uuid": SERVER}});
    body["attachment"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    expect(&api.call("POST /volume/v3/attachments", body).await, 200)["attachment"].take()
}

#[tokio::test]
async fn an_attachment_is_reserved_connected_completed_and_removed() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let status = || cloud.volume(&volume).status.as_str();
    let made = attach(&member, &volume, json!({"mode": "ro"})).await;
    assert_eq!((status(), &made["status"], &made["connection_info"]), ("reserved", &json!("reserved"), &json!({})));
    let id = made["id"].as_str().unwrap();
    let at = |method: &str, tail: &str| format!("{method} /volume/v3/attachments/{id}{tail}");

    let connector = json!({"attachment": {"connector": {"host": "h1", "ip": "10.0.0.1"}}});
    let connected = expect(&member.call(&at("PUT", ""), connector.clone()).await, 200)["attachment"].take();
    assert_eq!((status(), &connected["status"]), ("attaching", &json!("attaching")));
    let info = &connected["connection_info"];
    assert_eq!((&info["driver_volume_type"], &info["access_mode"]), (&json!("fake"), &json!("ro")));
    let again = expect(&member.call(&at("PUT", ""), connector).await, 200)["attachment"].take();
    assert_eq!(again, connected, "connecting twice is connecting once");

    let early = member.with("openstack-api-version", "volume 3.43");
    expect(&early.call(&at("POST", "/action"), json!({"os-complete": {}})).await, 404);
    expect(&member.call(&at("POST", "/action"), json!({"os-complete": {}})).await, 204);
    assert_eq!(status(), "in-use");
    let shown = expect(&member.call(&format!("GET /volume/v3/volumes/{volume}"), None).await, 200);
    assert_eq!(shown["volume"]["attachments"][0]["server_id"], SERVER);
    let delete = format!("DELETE /volume/v3/volumes/{volume}");
    refused(&member.call(&delete, None).await, 400, "badRequest", "Volume status must be");

    let left = expect(&member.call(&at("DELETE", ""), None).await, 200);
    assert_eq!((status(), left), ("available", json!({"attachments": []})));
    assert!(!cloud.pools.held()[&volume].exported);
    cloud.assert_clean("removed");
}

/// CVE-2023-2088: nobody pulls a disk from under a server that compute answers for.
#[tokio::test]
async fn what_compute_has_attached_compute_detaches() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let service = cloud.service(&flow::Starter::new("compute".into()));
    let request = AttachRequest {
        attachment: "44444444-4444-4444-8444-444444444444".into(),
        volume: volume.as_str().into(),
        server: SERVER.into(),
        read_only: false,
    };
    let attach = cloud.store.transact("test", move |tx| {
        service.reserve(tx, &request, &P1.into())?;
        service.complete(tx, &request.attachment, "/dev/vdb")
    });
    attach.await.unwrap();
    let at = "DELETE /volume/v3/attachments/44444444-4444-4444-8444-444444444444";
    for who in ["member", "admin"] {
        refused(&api.token(who).call(at, None).await, 409, "conflictingRequest", "Compute API");
    }
    let (member, act) = (api.token("member"), |id: &str| format!("POST /volume/v3/volumes/{id}/action"));
    for pull in [json!({"os-detach": {}}), json!({"os-terminate_connection": {"connector": {}}})] {
        refused(&member.call(&act(&volume), pull).await, 409, "conflictingRequest", SERVER);
    }
    assert_eq!(cloud.volume(&volume).status.as_str(), "in-use");
    let other = create(&member, json!({"size": 1})).await;
    cloud.reach(&other, "available").await;
    let named = |id: &str| json!({"os-detach": {"attachment_id": id}});
    let mistaken = member.call(&act(&other), named("44444444-4444-4444-8444-444444444444")).await;
    refused(&mistaken, 400, "badRequest", "Mismatched volume and attachment");
    refused(&member.call(&act(&other), named(NOWHERE)).await, 404, "itemNotFound", NOWHERE);
}

/// A server on it is rebuilt: it stays the server's, and only one that nobody else has is written over.
#[tokio::test]
async fn what_a_server_has_is_written_over_and_stays_its_own() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (_api, _engine) = cloud.process();
    let service = cloud.service(&flow::Starter::new("process".into()));
    let request = AttachRequest {
        attachment: "44444444-4444-4444-8444-444444444444".into(),
        volume: volume.as_str().into(),
        server: SERVER.into(),
        read_only: false,
    };
    let image = ImageInfo { id: "i2".into(), status: "active".into(), size: 1 << 20, ..ImageInfo::default() };
    cloud.images.put_with(image).await;
    let (attachment, again) = (request.attachment.clone(), service.clone());
    let write_over = async |image: &'static str| {
        let (attachment, service) = (attachment.clone(), again.clone());
        let write =
            move |tx: &mut store::Tx| service.reimage(tx, &attachment, &image.into(), &kernel::ids::RequestId::new());
        cloud.store.transact("test", write).await
    };
    assert!(write_over("i2").await.unwrap_err().is(kernel::Kind::NotFound), "nobody has it yet");
    let attach = cloud.store.transact("test", move |tx| {
        service.reserve(tx, &request, &P1.into())?;
        service.complete(tx, &request.attachment, "/dev/vda")
    });
    attach.await.unwrap();
    assert!(write_over("i3").await.unwrap_err().is(kernel::Kind::NotFound), "there is no such image");
    write_over("i2").await.unwrap();
    assert_eq!(write_over("i2").await.unwrap_err().kind(), kernel::Kind::BadRequest, "it is being written over");
    let written = cloud.reach(&volume, "in-use").await;
    assert_eq!((written.bootable, written.image_metadata["image_id"].as_str()), (true, "i2"));
    assert_eq!(cloud.volume(&volume).status.as_str(), "in-use");
}

#[tokio::test]
async fn a_volume_is_attached_once() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let first = attach(&member, &volume, json!({})).await;
    let body = json!({"attachment": {"volume_uuid": volume, "instance_uuid": NOWHERE}});
    refused(&member.call("POST /volume/v3/attachments", body).await, 400, "badRequest", "must be available");
    let first = first["id"].as_str().unwrap();
    expect(&member.call(&format!("DELETE /volume/v3/attachments/{first}"), None).await, 200);
    assert_eq!(cloud.volume(&volume).status.as_str(), "available");
}

/// The record stays, to be connected again or removed: what the pool did is not known.
#[tokio::test]
async fn a_pool_that_does_not_answer_leaves_a_reservation() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let made = attach(&member, &volume, json!({})).await;
    let at = |method: &str| format!("{method} /volume/v3/attachments/{}", made["id"].as_str().unwrap());
    cloud.pools.away(true);
    let connector = json!({"attachment": {"connector": {"host": "h1"}}});
    refused(&member.call(&at("PUT"), connector.clone()).await, 503, "serviceUnavailable", "not connected");
    assert_eq!(cloud.volume(&volume).status.as_str(), "reserved");
    cloud.pools.away(false);
    expect(&member.call(&at("PUT"), connector).await, 200);
    expect(&member.call(&at("DELETE"), None).await, 200);
    cloud.assert_clean("removed");
}

#[tokio::test]
async fn another_projects_attachment_does_not_exist() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (member, other) = (api.token("member"), api.token("other"));
    let body = json!({"attachment": {"volume_uuid": volume, "instance_uuid": SERVER}});
    refused(&other.call("POST /volume/v3/attachments", body).await, 404, "itemNotFound", &volume);
    let made = attach(&member, &volume, json!({})).await;
    let id = made["id"].as_str().unwrap();
    for (method, tail, body) in [
        ("GET", "", None),
        ("PUT", "", Some(json!({"attachment": {"connector": {"host": "h1"}}}))),
        ("POST", "/action", Some(json!({"os-complete": {}}))),
        ("DELETE", "", None),
    ] {
        let answer = other.call(&format!("{method} /volume/v3/attachments/{id}{tail}"), body).await;
        refused(&answer, 404, "itemNotFound", id);
    }
    assert_eq!(expect(&other.call("GET /volume/v3/attachments", None).await, 200), json!({"attachments": []}));
    let mine = expect(&member.call(&format!("GET /volume/v3/attachments?volume_id={volume}"), None).await, 200);
    assert_eq!(mine["attachments"][0]["id"], id);
    let early = member.with("openstack-api-version", "volume 3.26");
    expect(&early.call("GET /volume/v3/attachments", None).await, 404);
}

/// QoS specs for the back end reach the pool of a volume as it is exported, and whenever they change. A pool that cannot says why.
#[tokio::test]
async fn pools_hold_volumes_to_limits() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let specs = json!({"qos_specs": {"name": "slow", "consumer": "both", "read_iops_sec": "100"}});
    let specs = expect(&admin.call("POST /volume/v3/qos-specs", specs).await, 200);
    let specs = format!("/volume/v3/qos-specs/{}", specs["qos_specs"]["id"].as_str().unwrap());
    let kind = cloud.volume(&volume).volume_type.clone();
    expect(&admin.call(&format!("GET {specs}/associate?vol_type_id={kind}"), None).await, 202);
    let service = cloud.service(&flow::Starter::new("service".into()));
    let reconcile = async || {
        let all = volume::reconcilers(&service);
        all.iter().find(|r| r.name() == "volume.pool_limits").unwrap().reconcile().await.unwrap();
    };
    let limits = || cloud.pools.held()[&volume].limits.clone();
    let told = async || service.pool_limits(&cloud.store.snapshot(), &SERVER.into()).await.unwrap();
    reconcile().await;
    assert_eq!(limits(), Value::Null, "nobody uses it");
    let id = attach(&member, &volume, json!({})).await["id"].as_str().unwrap().to_owned();
    let connector = json!({"attachment": {"connector": {"host": "h1"}}});
    let connect = format!("PUT /volume/v3/attachments/{id}");
    expect(&member.call(&connect, connector.clone()).await, 200);
    assert_eq!(limits(), json!({"read_iops_sec": 100}));
    let change = async |specs_now: Value| {
        expect(&admin.call(&format!("PUT {specs}"), json!({"qos_specs": specs_now})).await, 200);
        reconcile().await;
    };
    change(json!({"read_iops_sec": "50"})).await;
    assert_eq!(limits(), json!({"read_iops_sec": 50}));
    let said = told().await;
    assert_eq!((said[0].asked.read_iops_sec, said[0].in_force, &said[0].why), (Some(50), Some(said[0].asked), &None));
    change(json!({"consumer": "front-end"})).await;
    assert_eq!((limits(), told().await), (json!({}), vec![]));
    cloud.pools.refuse("volume.limit", kernel::Error::not_implemented("it holds nobody to limits"));
    change(json!({"consumer": "back-end"})).await;
    assert_eq!(told().await[0].why.as_deref(), Some("it holds nobody to limits"));
    cloud.pools.heal();
    expect(&member.call(&format!("DELETE /volume/v3/attachments/{id}"), None).await, 200);
    assert_eq!(cloud.store.snapshot().count::<volume::Held>(), 0, "the next export is told anew");
    cloud.assert_clean("removed");
}
