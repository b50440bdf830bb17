//! Orders, containers, quotas, stores, transport keys, versions.

use crate::world::{World, expect, id, refused};
use keymanager::model::SecretKind;
use serde_json::json;

const V1: &str = "/key-manager/v1";

#[tokio::test]
async fn a_key_is_ordered_and_there_at_once() {
    let w = World::new().await;
    let mia = w.as_("mia");
    let meta = json!({"name": "k", "algorithm": "AES", "bit_length": 256, "mode": "CBC"});
    let made = mia.call(&format!("POST {V1}/orders"), json!({"type": "key", "meta": meta})).await;
    let order = id(&expect(&made, 202)["order_ref"]);
    let shown = expect(&mia.call(&format!("GET {V1}/orders/{order}"), None).await, 200);
    assert_eq!((&shown["status"], &shown["meta"], &shown["type"]), (&json!("ACTIVE"), &meta, &json!("key")));
    let secret = id(&shown["secret_ref"]);
    let payload = mia.call(&format!("GET {V1}/secrets/{secret}/payload"), None).await;
    assert_eq!(payload.body.len(), 32);
    assert!(payload.body.iter().any(|b| *b != 0));
    assert_eq!(w.secrets()[0].kind, SecretKind::Symmetric);
    for bad in [
        json!({"type": "key", "meta": {"bit_length": 256}}),
        json!({"type": "key", "meta": {"algorithm": "aes"}}),
        json!({"type": "key", "meta": {"algorithm": "aes", "bit_length": 255}}),
        json!({"type": "key", "meta": {"algorithm": "aes", "bit_length": 256, "payload": "x"}}),
        json!({"type": "certificate", "meta": {}}),
        json!({"type": "key"}),
    ] {
        assert_eq!(mia.call(&format!("POST {V1}/orders"), bad.clone()).await.status, 400, "{bad}");
    }
    let pair = json!({"type": "asymmetric", "meta": {"algorithm": "rsa", "bit_length": 2048}});
    let order2 = id(&expect(&mia.call(&format!("POST {V1}/orders"), pair).await, 202)["order_ref"]);
    let shown = expect(&mia.call(&format!("GET {V1}/orders/{order2}"), None).await, 200);
    assert_eq!((&shown["status"], &shown["error_status_code"]), (&json!("ERROR"), &json!("400")));
    refused(&w.as_("oli").call(&format!("GET {V1}/orders/{order}"), None).await, 404, "Order not found");
    refused(&w.as_("ray").call(&format!("GET {V1}/orders/{order}"), None).await, 403, "not allowed");
    refused(&mia.call(&format!("PUT {V1}/orders"), json!({})).await, 405, "not supported");
    assert_eq!(expect(&mia.call(&format!("GET {V1}/orders"), None).await, 200)["total"], 2);
    assert_eq!(mia.call(&format!("DELETE {V1}/orders/{order}"), None).await.status, 204);
    assert_eq!(w.secrets().len(), 1, "the key stays");
}

#[tokio::test]
async fn containers_hold_secrets_of_their_project() {
    let w = World::new().await;
    let mia = w.as_("mia");
    let (key, cert) = (w.passphrase("mia", "k").await, w.passphrase("mia", "c").await);
    let at = |secret: &str| format!("http://cloud.test:5000{V1}/secrets/{secret}");
    let member = |name: &str, secret: &str| json!({"name": name, "secret_ref": at(secret)});
    let post = format!("POST {V1}/containers");
    let body = json!({"type": "certificate", "name": "c", "secret_refs": [member("certificate", &cert), member("private_key", &key)]});
    let made = id(&expect(&mia.call(&post, body).await, 201)["container_ref"]);
    let shown = expect(&mia.call(&format!("GET {V1}/containers/{made}"), None).await, 200);
    assert_eq!(shown["secret_refs"], json!([member("certificate", &cert), member("private_key", &key)]));
    refused(&mia.call(&format!("POST {V1}/containers/{made}/secrets"), member("x", &key)).await, 400, "'generic'");
    for (body, status, part) in [
        (json!({"type": "rsa", "secret_refs": [member("public_key", &key)]}), 400, "minimum required"),
        (
            json!({"type": "generic", "secret_refs": [member("a", &key), member("a", &cert)]}),
            400,
            "Duplicate reference",
        ),
        (
            json!({"type": "generic", "secret_refs": [member("a", &key), member("b", &key)]}),
            400,
            "Duplicate secret ids",
        ),
        (json!({"type": "generic", "secret_refs": [{"secret_ref": "http://elsewhere/x"}]}), 400, "not supported"),
        (json!({"type": "generic", "secret_refs": [member("a", "11111111-1111-4111-8111-111111111111")]}), 404, "'a'"),
        (json!({"type": "box"}), 400, "Invalid property: 'type'"),
    ] {
        refused(&mia.call(&post, body).await, status, part);
    }
    let theirs = json!({"type": "generic", "secret_refs": [member("a", &key)]});
    refused(&w.as_("oli").call(&post, theirs).await, 404, "doesn't exist");
    let generic = id(&expect(&mia.call(&post, json!({"type": "generic"})).await, 201)["container_ref"]);
    let secrets = format!("{V1}/containers/{generic}/secrets");
    expect(&mia.call(&format!("POST {secrets}"), member("a", &key)).await, 201);
    refused(&mia.call(&format!("POST {secrets}"), member("a", &key)).await, 409, "already stored");
    assert_eq!(mia.call(&format!("DELETE {secrets}"), member("a", &key)).await.status, 204);
    refused(&mia.call(&format!("DELETE {secrets}"), member("a", &key)).await, 404, "not in the container");
    let consumers = format!("{V1}/containers/{generic}/consumers");
    let lb = json!({"name": "lb", "URL": "http://lb/1"});
    assert_eq!(expect(&mia.call(&format!("POST {consumers}"), lb.clone()).await, 200)["consumers"], json!([lb]));
    assert_eq!(expect(&mia.call(&format!("GET {consumers}"), None).await, 200)["total"], 1);
    assert_eq!(expect(&mia.call(&format!("DELETE {consumers}"), lb.clone()).await, 200)["consumers"], json!([]));
    refused(&mia.call(&format!("DELETE {consumers}"), lb).await, 404, "Consumer not found");
    refused(&w.as_("oli").call(&format!("GET {V1}/containers/{generic}"), None).await, 403, "not allowed");
    assert_eq!(mia.call(&format!("DELETE {V1}/containers/{generic}"), None).await.status, 204);
    refused(&mia.call(&format!("GET {V1}/containers/{generic}"), None).await, 404, "container not found");
}

#[tokio::test]
async fn quotas_stop_at_their_limit() {
    let w = World::new().await;
    let admin = w.as_("admin");
    let own = expect(&w.as_("ray").call(&format!("GET {V1}/quotas"), None).await, 200);
    assert_eq!(own["quotas"], json!({"secrets": -1, "orders": -1, "containers": -1, "consumers": -1, "cas": -1}));
    let at = format!("{V1}/project-quotas/p1");
    refused(&admin.call(&format!("GET {at}"), None).await, 404, "Project quotas not found");
    assert_eq!(admin.call(&format!("PUT {at}"), json!({"project_quotas": {"secrets": 1}})).await.status, 204);
    let set = expect(&admin.call(&format!("GET {at}"), None).await, 200);
    assert_eq!((&set["project_quotas"]["secrets"], &set["project_quotas"]["orders"]), (&json!(1), &json!(null)));
    let listed = expect(&admin.call(&format!("GET {V1}/project-quotas"), None).await, 200);
    assert_eq!((&listed["total"], &listed["project_quotas"][0]["project_id"]), (&json!(1), &json!("p1")));
    let first = w.passphrase("mia", "x").await;
    let again = w.as_("mia").call(&format!("POST {V1}/secrets"), json!({})).await;
    refused(&again, 403, "Secret creation issue seen - Creation not allowed because a quota has been reached.");
    let key = json!({"type": "key", "meta": {"algorithm": "aes", "bit_length": 128}});
    refused(&w.as_("mia").call(&format!("POST {V1}/orders"), key).await, 403, "quota has been reached");
    assert_eq!(w.as_("mia").call(&format!("DELETE {V1}/secrets/{first}"), None).await.status, 204);
    w.passphrase("mia", "x").await;
    refused(&w.as_("mia").call(&format!("GET {at}"), None).await, 403, "not allowed");
    assert_eq!(admin.call(&format!("DELETE {at}"), None).await.status, 204);
    refused(&admin.call(&format!("DELETE {at}"), None).await, 404, "Project quotas not found");
    refused(&admin.call(&format!("PUT {at}"), json!({"project_quotas": {"keys": 1}})).await, 400, "'Project Quota'");
}

#[tokio::test]
async fn one_store_that_a_project_may_prefer() {
    let w = World::new().await;
    let (admin, ray) = (w.as_("admin"), w.as_("ray"));
    let all = expect(&ray.call(&format!("GET {V1}/secret-stores"), None).await, 200);
    let store = id(&all["secret_stores"][0]["secret_store_ref"]);
    let shown = expect(&ray.call(&format!("GET {V1}/secret-stores/{store}"), None).await, 200);
    assert_eq!(shown, all["secret_stores"][0]);
    assert_eq!(expect(&ray.call(&format!("GET {V1}/secret-stores/global-default"), None).await, 200), shown);
    let preferred = format!("GET {V1}/secret-stores/preferred");
    refused(&ray.call(&preferred, None).await, 404, "No preferred secret store");
    refused(&ray.call(&format!("POST {V1}/secret-stores/{store}/preferred"), None).await, 403, "not allowed");
    assert_eq!(admin.call(&format!("POST {V1}/secret-stores/{store}/preferred"), None).await.status, 204);
    assert_eq!(expect(&ray.call(&preferred, None).await, 200), shown);
    assert_eq!(admin.call(&format!("DELETE {V1}/secret-stores/{store}/preferred"), None).await.status, 204);
    refused(&ray.call(&preferred, None).await, 404, "No preferred secret store");
}

#[tokio::test]
async fn transport_keys_are_an_administrators() {
    let w = World::new().await;
    let (admin, ray) = (w.as_("admin"), w.as_("ray"));
    let post = format!("POST {V1}/transport_keys");
    let body = json!({"plugin_name": "p", "transport_key": "k"});
    refused(&ray.call(&post, body.clone()).await, 403, "not allowed");
    let key = id(&expect(&admin.call(&post, body).await, 201)["transport_key_ref"]);
    let listed = expect(&ray.call(&format!("GET {V1}/transport_keys?plugin_name=p"), None).await, 200);
    assert_eq!(listed["transport_keys"], json!([format!("http://cloud.test:5000{V1}/transport_keys/{key}")]));
    let shown = expect(&ray.call(&format!("GET {V1}/transport_keys/{key}"), None).await, 200);
    assert_eq!(shown["plugin_name"], "p");
    refused(&admin.call(&post, json!({"transport_key": "k"})).await, 400, "plugin_name");
    assert_eq!(admin.call(&format!("DELETE {V1}/transport_keys/{key}"), None).await.status, 204);
    refused(&ray.call(&format!("GET {V1}/transport_keys/{key}"), None).await, 404, "Transport Key not found");
}

#[tokio::test]
async fn versions_need_no_token() {
    let w = World::new().await;
    let old = expect(&w.nobody().call("GET /key-manager/", None).await, 300);
    assert_eq!(old["versions"]["values"][0]["status"], "stable");
    let new = w.nobody().with("openstack-api-version", "key-manager 1.1");
    let listed = expect(&new.call("GET /key-manager/", None).await, 300);
    assert_eq!(
        (&listed["versions"][0]["min_version"], &listed["versions"][0]["max_version"]),
        (&json!("1.0"), &json!("1.2"))
    );
    assert_eq!(expect(&w.nobody().call("GET /key-manager/v1", None).await, 200)["version"]["id"], "v1");
    refused(
        &w.as_("mia").with("openstack-api-version", "key-manager 1.9").call("GET /key-manager/v1/secrets", None).await,
        406,
        "",
    );
}
