//! What is not well formed, of the wrong type, or of no one: Cinder's fault, never a 500.

use crate::world::{Cloud, NOWHERE, expect, refused, snapshot};
use serde_json::{Value, json};

/// Every route with a body, called with bodies that are none of its own.
#[tokio::test]
async fn no_body_breaks_a_route() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let snapshot = snapshot(&member, &volume).await;
    cloud.reach_snapshot(&snapshot, "available").await;
    drop(engine);
    let made = member.call("POST /volume/v3/attachments", json!({"attachment": {"volume_uuid": volume}})).await;
    let attachment = expect(&made, 200)["attachment"]["id"].as_str().unwrap().to_owned();
    let types = expect(&admin.call("GET /volume/v3/types", None).await, 200);
    let kind = types["volume_types"][0]["id"].as_str().unwrap().to_owned();
    let names = ["volume", "snapshot", "attachment", "metadata", "meta", "volume_type", "extra_specs", "quota_set"];
    let actions = ["os-extend", "os-reset_status", "os-set_bootable", "os-update_readonly_flag", "os-complete"];
    let mut bodies = vec![json!([]), json!("x"), json!(3), json!(null), json!(true)];
    for name in names.into_iter().chain(actions).chain(["os-set_image_metadata", "os-volume_upload_image", "none"]) {
        let inner = [json!([]), json!("x"), json!(-1), json!(null), json!({"size": "x", "name": 3, "metadata": []})];
        bodies.extend(inner.into_iter().map(|inner| json!({name: inner})));
    }
    let routes: Vec<_> = volume::api::router().routes(&volume::api::spec());
    let with_body = routes.iter().filter(|r| matches!(r.method, "POST" | "PUT"));
    let mut paths: Vec<_> = with_body.map(|r| format!("{} {}", r.method, r.path)).collect();
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 15, "{paths:?}");
    for path in &paths {
        let id = match path {
            p if p.contains("snapshots") => &snapshot,
            p if p.contains("attachments") => &attachment,
            p if p.contains("types") => &kind,
            _ => &volume,
        };
        let request = path.replace("{id}", id).replace("{key}", "k");
        for body in &bodies {
            let answer = admin.call(&request, body.clone()).await;
            assert!(answer.status < 500, "{request} {body}: {} {}", answer.status, answer.text());
            if answer.status >= 400 {
                let fault = answer.json();
                let code = fault.as_object().and_then(|f| f.values().next()).map(|f| f["code"].clone());
                assert_eq!(code, Some(json!(answer.status)), "{request} {body}: {fault}");
            }
        }
        let garbage = admin.with("content-type", "application/json").send(&request, "{\"volume\": ").await;
        refused(&garbage, 400, "badRequest", "Malformed request body");
    }
}

#[tokio::test]
async fn what_a_volume_may_not_be() {
    let cloud = Cloud::new().await;
    let member = cloud.api(&flow::Starter::new("idle".into())).token("member");
    let long = "x".repeat(256);
    for (key, value) in [
        ("size", json!(0)),
        ("size", json!(-1)),
        ("size", json!(1.5)),
        ("size", json!("one")),
        ("size", json!({})),
        ("name", json!(3)),
        ("name", json!(long)),
        ("description", json!(long)),
        ("metadata", json!([])),
        ("metadata", json!({"k": 1})),
        ("metadata", json!({"k": long})),
        ("snapshot_id", json!("x")),
        ("source_volid", json!(7)),
        ("availability_zone", json!("")),
    ] {
        let mut body = json!({"volume": {"size": 1}});
        body["volume"][key] = value.clone();
        let answer = member.call("POST /volume/v3/volumes", body).await;
        assert_eq!(answer.status, 400, "{key} = {value}: {}", answer.text());
        assert_eq!(answer.json()["badRequest"]["code"], 400, "{key} = {value}");
    }
    assert_eq!(cloud.volumes().len(), 0);
}

#[tokio::test]
async fn ids_of_nothing_are_not_found() {
    let cloud = Cloud::new().await;
    let api = cloud.api(&flow::Starter::new("idle".into()));
    let member = api.token("member");
    for id in [NOWHERE, "x", "%2e%2e", "a%20b", "%F0%9F%92%A9"] {
        for path in ["volumes/{}", "volumes/{}/metadata", "snapshots/{}", "attachments/{}", "types/{}"] {
            let answer = member.call(&format!("GET /volume/v3/{}", path.replace("{}", id)), None).await;
            refused(&answer, 404, "itemNotFound", "could not be found");
        }
        let body: Value = json!({"attachment": {"connector": {"host": "h1"}}});
        let answer = member.call(&format!("PUT /volume/v3/attachments/{id}"), body).await;
        refused(&answer, 404, "itemNotFound", "could not be found");
    }
    expect(&api.call("GET /volume/v3/volumes", None).await, 401);
    expect(&api.token("forged").call("GET /volume/v3/volumes", None).await, 401);
    let future = member.with("openstack-api-version", "volume 3.999");
    expect(&future.call("GET /volume/v3/volumes", None).await, 406);
}
