//! Types, their access, encryption, QoS and defaults; group types; services.

use crate::world::{Cloud, P1, P2, create, expect, refused};
use flow::Starter;
use http::testkit::Api;
use serde_json::{Value, json};

async fn idle() -> (Cloud, Api) {
    let cloud = Cloud::new().await;
    let api = cloud.api(&Starter::new("idle".into()));
    (cloud, api)
}

async fn make(admin: &Api, body: Value) -> String {
    let made = expect(&admin.call("POST /volume/v3/types", json!({"volume_type": body})).await, 200);
    made["volume_type"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_private_type_is_for_whom_it_was_given() {
    let (_cloud, api) = idle().await;
    let (admin, member) = (api.token("admin"), api.token("member"));
    let id = make(&admin, json!({"name": "fast", "os-volume-type-access:is_public": false})).await;
    let shown = format!("GET /volume/v3/types/{id}");
    let act = format!("POST /volume/v3/types/{id}/action");
    refused(&member.call(&shown, None).await, 404, "itemNotFound", &id);
    let add = json!({"addProjectAccess": {"project": P1}});
    refused(&member.call(&act, add.clone()).await, 403, "forbidden", "addProjectAccess");
    expect(&admin.call(&act, add.clone()).await, 202);
    refused(&admin.call(&act, add).await, 409, "conflictingRequest", "already exists");
    let body = expect(&member.call(&shown, None).await, 200);
    assert_eq!(body["volume_type"]["is_public"], false);
    expect(&api.token("other").call(&shown, None).await, 404);
    let access = expect(&admin.call(&format!("GET /volume/v3/types/{id}/os-volume-type-access"), None).await, 200);
    assert_eq!(access, json!({"volume_type_access": [{"volume_type_id": id, "project_id": P1}]}));
    let wrong = admin.call(&act, json!({"removeProjectAccess": {"project": P2}})).await;
    refused(&wrong, 404, "itemNotFound", "access not found");
    expect(&admin.call(&act, json!({"removeProjectAccess": {"project": P1}})).await, 202);
    expect(&member.call(&shown, None).await, 404);
    let change = json!({"volume_type": {"description": "quick"}});
    let changed = expect(&admin.call(&format!("PUT /volume/v3/types/{id}"), change).await, 200);
    let all = json!({"id": id, "name": "fast", "description": "quick", "is_public": false, "extra_specs": {}});
    assert_eq!(changed["volume_type"], all, "and nothing of an extension");
}

/// Others than administrators see what a type offers, not how the cloud is built.
#[tokio::test]
async fn extra_specs_are_shown_by_rank() {
    let (_cloud, api) = idle().await;
    let (admin, reader) = (api.token("admin"), api.token("reader"));
    let specs = json!({"volume_backend_name": "fake", "multiattach": "<is> True"});
    let id = make(&admin, json!({"name": "t", "extra_specs": specs})).await;
    let at = format!("/volume/v3/types/{id}/extra_specs");
    let all = expect(&admin.call(&format!("GET {at}"), None).await, 200);
    assert_eq!(all["extra_specs"], specs);
    let open = expect(&reader.call(&format!("GET {at}"), None).await, 200);
    assert_eq!(open["extra_specs"], json!({"multiattach": "<is> True"}));
    expect(&reader.call(&format!("GET {at}/volume_backend_name"), None).await, 404);
    refused(&reader.call(&format!("POST {at}"), json!({"extra_specs": {"a": "b"}})).await, 403, "forbidden", "");
    let put = admin.call(&format!("PUT {at}/a"), json!({"a": "b"})).await;
    assert_eq!(expect(&put, 200), json!({"a": "b"}));
    for bad in [json!({"a": "b", "c": "d"}), json!({"other": "x"}), json!({"a": 3}), json!({})] {
        refused(&admin.call(&format!("PUT {at}/a"), bad).await, 400, "badRequest", "");
    }
    expect(&admin.call(&format!("DELETE {at}/a"), None).await, 202);
    expect(&admin.call(&format!("GET {at}/a"), None).await, 404);
}

#[tokio::test]
async fn encryption_is_fixed_while_there_are_volumes() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let id = make(&admin, json!({"name": "luks"})).await;
    let at = format!("/volume/v3/types/{id}/encryption");
    assert_eq!(expect(&admin.call(&format!("GET {at}"), None).await, 200), json!({}));
    let wanted = json!({"encryption": {"provider": "luks", "control_location": "front-end", "key_size": 256}});
    let made = expect(&admin.call(&format!("POST {at}"), wanted.clone()).await, 200);
    refused(&admin.call(&format!("POST {at}"), wanted).await, 400, "badRequest", "already exists");
    let key = made["encryption"]["encryption_id"].as_str().unwrap().to_owned();
    let change = json!({"encryption": {"key_size": 512}});
    expect(&admin.call(&format!("PUT {at}/{key}"), change.clone()).await, 200);
    assert_eq!(expect(&admin.call(&format!("GET {at}/key_size"), None).await, 200), json!({"key_size": 512}));
    refused(&member.call(&format!("GET {at}"), None).await, 403, "forbidden", "");
    let (plain, new) = (
        make(&admin, json!({"name": "plain"})).await,
        json!({"encryption": {"provider": "luks", "control_location": "front-end"}}),
    );
    create(&member, json!({"size": 1, "volume_type": "plain"})).await;
    let at = format!("POST /volume/v3/types/{plain}/encryption");
    refused(&admin.call(&at, new).await, 400, "badRequest", "in use");
}

#[tokio::test]
async fn qos_specs_are_for_types() {
    let (_cloud, api) = idle().await;
    let admin = api.token("admin");
    let new = json!({"qos_specs": {"name": "gold", "consumer": "front-end", "total_iops_sec": "500"}});
    let made = expect(&admin.call("POST /volume/v3/qos-specs", new.clone()).await, 200);
    assert_eq!(made["qos_specs"]["specs"], json!({"total_iops_sec": "500"}));
    refused(&admin.call("POST /volume/v3/qos-specs", new).await, 409, "conflictingRequest", "gold");
    let (id, of) = (made["qos_specs"]["id"].as_str().unwrap(), make(&admin, json!({"name": "t"})).await);
    let at = format!("/volume/v3/qos-specs/{id}");
    expect(&admin.call(&format!("GET {at}/associate?vol_type_id={of}"), None).await, 202);
    let found = expect(&admin.call(&format!("GET {at}/associations"), None).await, 200);
    assert_eq!(found["qos_associations"], json!([{"id": of, "name": "t", "association_type": "volume_type"}]));
    let shown = expect(&admin.call(&format!("GET /volume/v3/types/{of}"), None).await, 200);
    assert_eq!(shown["volume_type"]["qos_specs_id"], id);
    refused(&admin.call(&format!("DELETE {at}"), None).await, 400, "badRequest", "in use");
    expect(&admin.call(&format!("PUT {at}"), json!({"qos_specs": {"a": "1", "b": "2"}})).await, 200);
    expect(&admin.call(&format!("PUT {at}/delete_keys"), json!({"keys": ["a"]})).await, 202);
    refused(&admin.call(&format!("PUT {at}/delete_keys"), json!({"keys": ["a"]})).await, 404, "itemNotFound", "a");
    expect(&admin.call(&format!("GET {at}/disassociate_all"), None).await, 202);
    expect(&admin.call(&format!("DELETE {at}"), None).await, 202);
    expect(&admin.call(&format!("GET {at}"), None).await, 404);
    refused(&api.token("member").call("GET /volume/v3/qos-specs", None).await, 403, "forbidden", "qos_specs");
}

#[tokio::test]
async fn a_project_has_a_default_type() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let id = make(&admin, json!({"name": "ours"})).await;
    let at = format!("/volume/v3/default-types/{P1}");
    expect(&admin.with("openstack-api-version", "volume 3.61").call(&format!("GET {at}"), None).await, 404);
    let body = json!({"default_type": {"volume_type": "ours"}});
    let set = expect(&admin.call(&format!("PUT {at}"), body).await, 200);
    assert_eq!(set, json!({"default_type": {"project_id": P1, "volume_type_id": id}}));
    let made = create(&member, json!({"size": 1})).await;
    assert_eq!(cloud.volume(&made).volume_type, id);
    refused(&admin.call(&format!("DELETE /volume/v3/types/{id}"), None).await, 400, "badRequest", "default");
    expect(&admin.call(&format!("DELETE {at}"), None).await, 204);
    expect(&admin.call(&format!("GET {at}"), None).await, 404);
}

#[tokio::test]
async fn group_types_have_specs() {
    let (_cloud, api) = idle().await;
    let (admin, member) = (api.token("admin"), api.token("member"));
    let new = json!({"group_type": {"name": "g", "group_specs": {"a": "1"}}});
    let made = expect(&admin.call("POST /volume/v3/group_types", new).await, 202);
    let id = made["group_type"]["id"].as_str().unwrap();
    let specs = format!("/volume/v3/group_types/{id}/group_specs");
    expect(&admin.call(&format!("POST {specs}"), json!({"group_specs": {"b": "2"}})).await, 202);
    assert_eq!(expect(&admin.call(&format!("PUT {specs}/b"), json!({"b": "3"})).await, 200), json!({"b": "3"}));
    let all = expect(&admin.call(&format!("GET {specs}"), None).await, 200);
    assert_eq!(all, json!({"group_specs": {"a": "1", "b": "3"}}));
    let shown = expect(&member.call(&format!("GET /volume/v3/group_types/{id}"), None).await, 200);
    assert!(shown["group_type"].get("group_specs").is_none(), "{shown}");
    refused(&member.call(&format!("GET {specs}"), None).await, 403, "forbidden", "");
    expect(&member.call("GET /volume/v3/group_types/default", None).await, 200);
    expect(&admin.call(&format!("DELETE /volume/v3/group_types/{id}"), None).await, 202);
    expect(&admin.call(&format!("GET {specs}"), None).await, 404);
}

/// A disabled back end gets no new volumes; its host's service says so.
#[tokio::test]
async fn a_disabled_service_gets_nothing() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let list = expect(&admin.call("GET /volume/v3/os-services?binary=cinder-backup", None).await, 200);
    assert_eq!((&list["services"][0]["host"], &list["services"][0]["state"]), (&json!("h1"), &json!("up")));
    let off = json!({"host": "h1@fake", "binary": "cinder-volume", "disabled_reason": "mending"});
    expect(&admin.call("PUT /volume/v3/os-services/disable-log-reason", off.clone()).await, 200);
    let list = expect(&admin.call("GET /volume/v3/os-services?binary=cinder-volume", None).await, 200);
    assert_eq!(list["services"][0]["disabled_reason"], "mending");
    let id = create(&member, json!({"size": 1})).await;
    cloud.reach(&id, "error").await;
    let told = expect(&member.call("GET /volume/v3/messages", None).await, 200);
    assert_eq!(
        (&told["messages"][0]["resource_uuid"], &told["messages"][0]["event_id"]),
        (&json!(id), &json!("VOLUME_VOLUME_001_003"))
    );
    expect(&admin.call("PUT /volume/v3/os-services/enable", off).await, 200);
    let id = create(&member, json!({"size": 1})).await;
    cloud.reach(&id, "available").await;
    let absent = json!({"host": "h9", "binary": "cinder-volume"});
    refused(&admin.call("PUT /volume/v3/os-services/enable", absent).await, 404, "itemNotFound", "");
    refused(&member.call("GET /volume/v3/os-services", None).await, 403, "forbidden", "");
    let host = expect(&admin.call("GET /volume/v3/os-hosts/h1@fake", None).await, 200);
    assert_eq!(host["host"][0]["resource"]["volume_count"], "1");
    let can = expect(&admin.call("GET /volume/v3/capabilities/h1@fake", None).await, 200);
    assert_eq!(can["vendor_name"], "Open Source");
}
