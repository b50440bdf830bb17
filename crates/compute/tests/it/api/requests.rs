//! What requests may say, by version: tables of bodies and queries, each let through or refused.

use crate::world::{Cloud, IMAGE, NETWORK, expect, id_of, new_server};
use http::testkit::Api;
use serde_json::{Value, json};

fn at(api: &Api, minor: u16) -> Api {
    api.with("openstack-api-version", &format!("compute 2.{minor}"))
}

/// A server with something changed.
fn with(key: &str, value: Value) -> Value {
    let mut body = new_server();
    body["server"][key] = value;
    body
}

fn without(key: &str) -> Value {
    let mut body = new_server();
    body["server"].as_object_mut().unwrap().remove(key);
    body
}

#[tokio::test]
async fn creating_takes_what_its_version_knows() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let check = async |minor: u16, body: Value, status: u16| {
        let answer = at(&member, minor).call("POST /compute/v2.1/servers", body.clone()).await;
        assert_eq!(answer.status, status, "2.{minor} {body}: {}", answer.text());
        if status == 202 {
            let id = id_of(&answer.json());
            expect(&member.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
            cloud.gone(&id).await;
        }
    };
    let file = json!([{"path": "/etc/x", "contents": "aGk="}]);
    let tagged = json!([{"uuid": NETWORK, "tag": "t"}]);
    for (key, value, minor, status) in [
        ("name", json!(""), 1, 400),
        ("name", json!(" blank "), 1, 400),
        ("name", json!("x".repeat(256)), 1, 400),
        ("name", json!("ünïcode"), 1, 202),
        ("name", json!(3), 1, 400),
        ("imageRef", json!("not-a-uuid"), 1, 400),
        ("imageRef", json!(""), 1, 400),
        ("imageRef", json!("99999999-9999-4999-8999-999999999999"), 1, 400),
        ("flavorRef", json!("none"), 1, 400),
        ("flavorRef", json!(42), 1, 202),
        ("colour", json!("red"), 1, 400),
        ("metadata", json!({"a": "b"}), 1, 202),
        ("metadata", json!({"a": 1}), 1, 400),
        ("metadata", json!({"": "b"}), 1, 400),
        ("metadata", json!({"a": "x".repeat(256)}), 1, 400),
        ("accessIPv4", json!("192.0.2.1"), 1, 202),
        ("accessIPv4", json!("::1"), 1, 400),
        ("accessIPv6", json!("::1"), 1, 202),
        ("user_data", json!("aGk="), 1, 202),
        ("user_data", json!("not base 64!"), 1, 400),
        ("min_count", json!(0), 1, 400),
        ("min_count", json!("1"), 1, 202),
        ("max_count", json!(-1), 1, 400),
        ("key_name", json!("unknown"), 1, 400),
        ("security_groups", json!([{"name": "unknown"}]), 1, 400),
        ("security_groups", json!([{"name": "default"}]), 1, 202),
        ("config_drive", json!("maybe"), 1, 400),
        ("config_drive", json!("True"), 1, 202),
        ("availability_zone", json!("nowhere"), 1, 400),
        ("availability_zone", json!("nova"), 1, 202),
        ("OS-DCF:diskConfig", json!("SOMETIMES"), 1, 400),
        ("personality", file.clone(), 1, 202),
        ("personality", json!([{"path": "/x", "contents": "%"}]), 1, 400),
        ("personality", file, 57, 400),
        ("description", json!("d"), 18, 400),
        ("description", json!("d"), 19, 202),
        ("networks", json!("none"), 36, 400),
        ("networks", json!("none"), 37, 202),
        ("networks", json!("auto"), 37, 202),
        ("networks", json!([{"uuid": "x"}]), 37, 400),
        ("networks", json!([{"uuid": "99999999-9999-4999-8999-999999999999"}]), 37, 400),
        ("networks", tagged.clone(), 31, 400),
        ("networks", tagged.clone(), 32, 202),
        ("networks", tagged.clone(), 37, 400),
        ("networks", tagged, 42, 202),
        ("tags", json!(["a"]), 51, 400),
        ("tags", json!(["a"]), 52, 202),
        ("tags", json!(["a,b"]), 52, 400),
        ("trusted_image_certificates", json!(["c"]), 62, 400),
        ("trusted_image_certificates", json!(["c"]), 63, 202),
        ("host", json!("h1"), 73, 400),
        ("host", json!("h1"), 74, 403),
        ("hostname", json!("web"), 89, 400),
        ("hostname", json!("web"), 90, 202),
        ("hostname", json!("web.example"), 93, 400),
        ("hostname", json!("web.example"), 94, 202),
    ] {
        check(minor, with(key, value), status).await;
    }
    check(1, without("networks"), 202).await;
    check(37, without("networks"), 400).await;
    check(1, without("imageRef"), 400).await;
    check(1, without("flavorRef"), 400).await;
    check(1, json!({}), 400).await;
    check(1, json!([]), 400).await;
    let mut more_than_max = with("min_count", json!(3));
    more_than_max["server"]["max_count"] = json!(2);
    check(1, more_than_max, 400).await;
}

#[tokio::test]
async fn mappings_are_checked() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = at(&api.token("member"), 67);
    for (mapping, text) in [
        (json!([{"source_type": "volume", "destination_type": "volume", "uuid": IMAGE}]), "failed to get volume"),
        (json!([{"source_type": "blank", "destination_type": "volume"}]), "non-zero size"),
        (
            json!([{"source_type": "blank", "destination_type": "local", "volume_size": 5}]),
            "larger than the instance type",
        ),
        (
            json!([{"source_type": "blank", "destination_type": "volume", "volume_size": 1, "boot_index": 3}]),
            "Boot sequence",
        ),
        (json!([{"source_type": "wrong"}]), "is not one of"),
        (json!([{"source_type": "blank", "volume_size": 1, "extra": 1}]), "Additional properties"),
    ] {
        let answer = member.call("POST /compute/v2.1/servers", with("block_device_mapping_v2", mapping.clone())).await;
        let message = expect(&answer, 400)["badRequest"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(text), "{mapping}: {message}");
    }
    assert!(cloud.servers().is_empty());
}

#[tokio::test]
async fn actions_are_known_or_not() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = id_of(&expect(&member.call("POST /compute/v2.1/servers", new_server()).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    let path = format!("POST /compute/v2.1/servers/{id}/action");
    for (body, minor, status) in [
        (json!({"fly": null}), 1, 400),
        (json!({}), 1, 400),
        (json!([]), 1, 400),
        (json!({"os-start": null, "os-stop": null}), 1, 400),
        (json!({"resize": {"flavorRef": null}}), 1, 400),
        (json!({"migrate": null}), 1, 403),
        (json!({"evacuate": {}}), 13, 400),
        (json!({"evacuate": {}}), 14, 403),
        (json!({"evacuate": {"force": true}}), 68, 400),
        (json!({"unshelve": {}}), 77, 400),
        (json!({"unshelve": {"availability_zone": null}}), 77, 400),
        (json!({"unshelve": {"availability_zone": null}}), 91, 409),
        (json!({"reboot": {}}), 1, 400),
        (json!({"reboot": {"type": "MEDIUM"}}), 1, 400),
        (json!({"lock": {"locked_reason": "x"}}), 73, 202),
        (json!({"lock": {"other": "x"}}), 73, 400),
        (json!({"unlock": null}), 73, 202),
        (json!({"createImage": {}}), 1, 400),
        (json!({"createImage": {"name": ""}}), 1, 400),
        (json!({"os-getConsoleOutput": {"length": "x"}}), 1, 400),
        (json!({"os-getConsoleOutput": {"length": 10}}), 1, 200),
        (json!({"os-getConsoleOutput": {}}), 1, 200),
        (json!({"os-getVNCConsole": {"type": "novnc"}}), 5, 200),
        (json!({"os-getVNCConsole": {"type": "novnc"}}), 6, 404),
        (json!({"os-getVNCConsole": {"type": "xvpvnc"}}), 1, 400),
        (json!({"os-resetState": {"state": "flying"}}), 1, 400),
        (json!({"os-resetState": {"state": "error"}}), 1, 403),
    ] {
        let answer = at(&member, minor).call(&path, body.clone()).await;
        assert_eq!(answer.status, status, "2.{minor} {body}: {}", answer.text());
    }
}

#[tokio::test]
async fn queries_are_strict_from_2_75_on() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    for (path, minor, status) in [
        ("servers?colour=red", 74, 200),
        ("servers?colour=red", 75, 400),
        ("servers?limit=-1", 1, 400),
        ("servers?limit=x", 1, 400),
        ("servers?limit=0", 1, 200),
        ("servers?marker=none", 1, 400),
        ("servers?sort_key=colour", 1, 400),
        ("servers?sort_key=memory_mb", 74, 200),
        ("servers?sort_key=memory_mb", 75, 400),
        ("servers?sort_key=host", 1, 403),
        ("servers?sort_key=display_name&sort_dir=up", 1, 400),
        ("servers?sort_dir=asc&sort_dir=desc", 1, 400),
        ("servers?status=FLYING", 37, 200),
        ("servers?status=FLYING", 38, 400),
        ("servers?status=DELETED", 1, 403),
        ("servers?changes-since=yesterday", 1, 400),
        ("servers?changes-since=2030-01-01T00:00:00Z&changes-before=2029-01-01T00:00:00Z", 66, 400),
        ("servers?all_tenants=1", 1, 403),
        ("servers?all_tenants=perhaps", 1, 400),
        ("servers?ip=[", 1, 400),
        ("flavors?minRam=x", 1, 400),
        ("flavors?sort_dir=up", 1, 400),
        ("flavors?colour=red", 75, 400),
        ("flavors/42?colour=red", 102, 400),
        ("os-keypairs?colour=red", 74, 200),
        ("os-keypairs?colour=red", 75, 400),
        ("os-keypairs?marker=none", 35, 400),
        ("os-simple-tenant-usage/p1?start=2020-01-01T00:00:00&end=2019-01-01T00:00:00", 1, 400),
        ("os-simple-tenant-usage/p1?start=soon", 1, 400),
        ("os-quota-sets/nobody", 1, 403),
    ] {
        let answer = at(&member, minor).call(&format!("GET /compute/v2.1/{path}"), None).await;
        assert_eq!(answer.status, status, "2.{minor} {path}: {}", answer.text());
    }
    for (path, minor, status) in [
        ("servers?sort_key=host", 1, 200),
        ("servers?all_tenants=1", 1, 200),
        ("servers?status=DELETED", 1, 200),
        ("flavors?is_public=perhaps", 1, 400),
        ("flavors?is_public=None", 1, 200),
        ("os-quota-sets/nobody", 1, 400),
        ("os-hypervisors?hypervisor_hostname_pattern=none", 53, 404),
        ("os-hypervisors?hypervisor_hostname_pattern=h&limit=1", 53, 400),
        ("os-hypervisors/1", 53, 400),
        ("os-hypervisors/9", 1, 404),
        ("os-hypervisors/statistics", 88, 404),
        ("os-aggregates/x", 1, 400),
        ("os-aggregates/9", 1, 404),
    ] {
        let answer = at(&admin, minor).call(&format!("GET /compute/v2.1/{path}"), None).await;
        assert_eq!(answer.status, status, "2.{minor} {path}: {}", answer.text());
    }
}
