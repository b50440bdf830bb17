//! Operations of few: what consoles' tokens are good for, images that aggregates' hosts keep, shares, snapshots with the hypervisor's
//! help, volumes in the place of others.

use crate::world::{Cloud, IMAGE, expect, id_of, image::CACHED_ON, new_server};
use http::testkit::Api;
use serde_json::{Value, json};

const VOLUME: &str = "77777777-7777-4777-8777-777777777777";
const OTHER: &str = "88888888-8888-4888-8888-888888888888";

async fn call(api: &Api, minor: u16, request: &str, body: impl Into<Option<Value>>, status: u16) -> Value {
    let (method, path) = request.split_once(' ').unwrap();
    let api = api.with("openstack-api-version", &format!("compute 2.{minor}"));
    let answer = api.call(&format!("{method} /compute/v2.1/{path}"), body).await;
    assert_eq!(answer.status, status, "2.{minor} {request}: {}", answer.text());
    answer.json()
}

async fn server(cloud: &Cloud, member: &Api) -> String {
    let id = id_of(&expect(&member.call("POST /compute/v2.1/servers", new_server()).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    id
}

#[tokio::test]
async fn tokens_of_consoles_can_be_looked_up() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let id = server(&cloud, &member).await;
    let console = json!({"remote_console": {"protocol": "vnc", "type": "novnc"}});
    let made = call(&member, 6, &format!("POST servers/{id}/remote-consoles"), console, 200).await;
    let url = made["remote_console"]["url"].as_str().unwrap();
    let look = format!("GET os-console-auth-tokens/{}", url.rsplit('=').next().unwrap());
    let host = cloud.server(&id).host.clone().unwrap();
    let told = json!({"console": {"instance_uuid": id, "host": host, "port": 5000, "internal_access_path": null}});
    for minor in [31, 99] {
        assert_eq!(call(&admin, minor, &look, None, 200).await, told);
    }
    call(&admin, 30, &look, None, 400).await;
    call(&member, 31, &look, None, 403).await;
    call(&admin, 31, &format!("{look}x"), None, 404).await;
    call(&admin, 31, &format!("{look}?x=y"), None, 200).await;
    call(&admin, 99, &format!("{look}?x=y"), None, 400).await;
    let gone = call(&member, 1, &format!("DELETE servers/{id}"), None, 204).await;
    assert_eq!(gone, Value::Null);
    cloud.gone(&id).await;
    call(&admin, 31, &look, None, 404).await;
}

#[tokio::test]
async fn hosts_of_an_aggregate_keep_images_ready() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    call(&admin, 1, "POST os-aggregates", json!({"aggregate": {"name": "a"}}), 200).await;
    for host in ["h1", "h2"] {
        call(&admin, 1, "POST os-aggregates/1/action", json!({"add_host": {"host": host}}), 200).await;
    }
    let cache = |ids: &[&str]| json!({"cache": ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()});
    const ASK: &str = "POST os-aggregates/1/images";
    call(&admin, 80, ASK, cache(&[IMAGE]), 404).await;
    call(&member, 81, ASK, cache(&[IMAGE]), 403).await;
    for (ids, status) in [(vec![], 400), (vec![IMAGE, IMAGE], 400), (vec!["x"], 400), (vec![OTHER], 400)] {
        call(&admin, 81, ASK, cache(&ids), status).await;
    }
    assert_eq!(cloud.images.get(IMAGE).unwrap().properties.get(CACHED_ON), None);
    call(&admin, 81, "POST os-aggregates/2/images", cache(&[IMAGE]), 404).await;
    call(&admin, 81, ASK, cache(&[IMAGE]), 202).await;
    assert_eq!(cloud.images.get(IMAGE).unwrap().properties[CACHED_ON], "h1,h2");
}

#[tokio::test]
async fn no_server_has_shares() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (member, other) = (api.token("member"), api.token("other"));
    let id = server(&cloud, &member).await;
    let (all, one) = (format!("servers/{id}/shares"), format!("servers/{id}/shares/{OTHER}"));
    let share = json!({"share": {"share_id": OTHER, "tag": "t"}});
    assert_eq!(call(&member, 97, &format!("GET {all}"), None, 200).await, json!({"shares": []}));
    call(&member, 96, &format!("GET {all}"), None, 404).await;
    call(&other, 97, &format!("GET {all}"), None, 404).await;
    call(&member, 97, &format!("GET {one}"), None, 404).await;
    call(&member, 97, &format!("POST {all}"), json!({"share": {"share_id": "x"}}), 400).await;
    call(&member, 97, &format!("POST {all}"), share.clone(), 409).await;
    call(&member, 97, &format!("DELETE {one}"), None, 409).await;
    call(&member, 97, &format!("POST servers/{id}/action"), json!({"os-stop": null}), 202).await;
    cloud.reach(&id, "SHUTOFF").await;
    let told = call(&member, 97, &format!("POST {all}"), share.clone(), 404).await;
    assert_eq!(told["itemNotFound"]["message"], format!("Share {OTHER} could not be found."));
    call(&member, 97, &format!("DELETE {one}"), None, 404).await;
    call(&api.token("reader"), 97, &format!("POST {all}"), share, 403).await;
}

#[tokio::test]
async fn an_attachment_changes_in_what_is_its_own() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let id = server(&cloud, &member).await;
    for volume in [VOLUME, OTHER] {
        cloud.volumes.put(volume).await;
    }
    let path = format!("servers/{id}/os-volume_attachments");
    let attach = json!({"volumeAttachment": {"volumeId": VOLUME, "delete_on_termination": "True"}});
    call(&member, 79, &format!("POST {path}"), attach, 200).await;
    cloud.reach(&id, "ACTIVE").await;
    let goes_along = || cloud.server(&id).devices.iter().find(|d| d.volume().is_some()).unwrap().delete_on_termination;
    assert!(goes_along());
    let put = format!("PUT {path}/{VOLUME}");
    let wanted = |more: Value| {
        let mut body = json!({"volumeId": VOLUME});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"volumeAttachment": body})
    };
    for (more, status) in [
        (json!({}), 202),
        (json!({"delete_on_termination": false}), 202),
        (json!({"id": VOLUME, "serverId": id, "device": "/dev/vdb"}), 202),
        (json!({"id": OTHER}), 400),
        (json!({"serverId": OTHER}), 400),
        (json!({"device": "/dev/vdx"}), 400),
        (json!({"device": null}), 400),
        (json!({"tag": "t"}), 400),
        (json!({"delete_on_termination": "maybe"}), 400),
    ] {
        call(&member, 85, &put, wanted(more), status).await;
    }
    assert!(!goes_along());
    call(&member, 85, &format!("PUT {path}/{OTHER}"), json!({"volumeAttachment": {"volumeId": OTHER}}), 404).await;
    // Another volume in its place is for services that move volumes, and none is being moved.
    let exchange = json!({"volumeAttachment": {"volumeId": OTHER}});
    for (who, minor, status) in [(&member, 84, 403), (&member, 85, 403), (&admin, 85, 403)] {
        call(who, minor, &put, exchange.clone(), status).await;
    }
    call(&member, 84, &put, wanted(json!({})), 403).await;
    call(&member, 85, &put, wanted(json!({"device": "vdb"})), 400).await;
}

/// Nova's questions before an exchange of volumes, in its order; what passes them all finds that none is to be had.
#[tokio::test]
async fn volumes_are_exchanged_by_the_volume_service_alone() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (member, service) = (api.token("member"), api.token("mover"));
    let id = server(&cloud, &member).await;
    for volume in [VOLUME, OTHER] {
        cloud.volumes.put(volume).await;
    }
    let path = format!("servers/{id}/os-volume_attachments");
    call(&member, 1, &format!("POST {path}"), json!({"volumeAttachment": {"volumeId": VOLUME}}), 200).await;
    cloud.reach(&id, "ACTIVE").await;
    let asked = async |old: &str, new: &str, minor: u16, (status, fault, words): (u16, &str, &str)| {
        let body = json!({"volumeAttachment": {"volumeId": new}});
        let told = call(&service, minor, &format!("PUT {path}/{old}"), body, status).await;
        let said = told[fault]["message"].as_str().unwrap_or_default();
        assert!(said.contains(words), "2.{minor} {old} {new}: {told}");
    };
    let moving = async |volume: &'static str, how: Option<&str>| {
        let how = how.map(str::to_owned);
        cloud.volumes.change(volume, move |v| v.migration.clone_from(&how)).await;
    };
    const NONE: &str = "99999999-9999-4999-8999-999999999999";
    let (gone, held, bad) = ((404, "itemNotFound", NONE), (409, "conflictingRequest"), (400, "badRequest"));
    let only_cinder = (held.0, held.1, "is not migrating; this API should only be called by Cinder");
    asked(NONE, OTHER, 1, gone).await;
    for minor in [1, 85] {
        asked(VOLUME, OTHER, minor, only_cinder).await;
    }
    // Before 2.85 whatever is put is an exchange.
    asked(VOLUME, VOLUME, 84, only_cinder).await;
    for volume in [VOLUME, OTHER] {
        moving(volume, Some("migrating")).await;
    }
    asked(VOLUME, NONE, 1, (bad.0, bad.1, NONE)).await;
    asked(OTHER, VOLUME, 1, (bad.0, bad.1, "attached to a different instance")).await;
    asked(VOLUME, VOLUME, 84, (bad.0, bad.1, "New volume must be detached in order to swap.")).await;
    cloud.volumes.change(VOLUME, |v| v.size_gib = 2).await;
    asked(VOLUME, OTHER, 85, (bad.0, bad.1, "New volume must be the same size or larger.")).await;
    cloud.volumes.change(VOLUME, |v| v.size_gib = 1).await;
    asked(VOLUME, OTHER, 85, (bad.0, bad.1, "keeps its id")).await;
    let act = format!("POST servers/{id}/action");
    call(&member, 1, &act, json!({"lock": null}), 202).await;
    asked(VOLUME, OTHER, 1, (held.0, held.1, "is locked")).await;
    call(&member, 1, &act, json!({"unlock": null}), 202).await;
    call(&member, 1, &act, json!({"os-stop": null}), 202).await;
    cloud.reach(&id, "SHUTOFF").await;
    asked(VOLUME, OTHER, 1, (held.0, held.1, "Cannot 'swap_volume' instance")).await;
    moving(VOLUME, None).await;
    asked(VOLUME, OTHER, 1, only_cinder).await;
    let server = cloud.server(&id);
    assert_eq!(
        server.devices.iter().filter_map(|d| d.volume()).map(|v| v.volume.as_str()).collect::<Vec<_>>(),
        [VOLUME]
    );
}

#[tokio::test]
async fn nobody_needs_help_with_snapshots() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (service, member) = (api.token("service"), api.token("member"));
    let id = server(&cloud, &member).await;
    cloud.volumes.put(VOLUME).await;
    let attach = json!({"volumeAttachment": {"volumeId": VOLUME}});
    call(&member, 1, &format!("POST servers/{id}/os-volume_attachments"), attach, 200).await;
    cloud.reach(&id, "ACTIVE").await;
    let snapshot = |volume: &str| {
        let info = json!({"snapshot_id": "s", "type": "qcow2", "new_file": "f"});
        json!({"snapshot": {"volume_id": volume, "create_info": info}})
    };
    const ALL: &str = "os-assisted-volume-snapshots";
    let delete = |volume: &str| format!("DELETE {ALL}/s?delete_info=%7B%22volume_id%22:%22{volume}%22%7D");
    call(&member, 1, &format!("POST {ALL}"), snapshot(VOLUME), 403).await;
    call(&member, 1, &delete(VOLUME), None, 403).await;
    call(&service, 1, &format!("POST {ALL}"), json!({"snapshot": {"volume_id": VOLUME}}), 400).await;
    let taken = call(&service, 1, &format!("POST {ALL}"), snapshot(VOLUME), 200).await;
    assert_eq!(taken, json!({"snapshot": {"id": null, "volumeId": VOLUME}}));
    call(&service, 1, &delete(VOLUME), None, 204).await;
    for request in [(format!("POST {ALL}"), Some(snapshot(OTHER))), (delete(OTHER), None)] {
        let told = call(&service, 1, &request.0, request.1, 400).await;
        assert_eq!(told["badRequest"]["message"], format!("No volume Block Device Mapping with id {OTHER}."));
    }
    call(&service, 75, &format!("{}&more=1", delete(VOLUME)), None, 400).await;
    call(&service, 1, &format!("DELETE {ALL}/s"), None, 400).await;
}
