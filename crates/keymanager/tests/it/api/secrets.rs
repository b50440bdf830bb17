//! Secrets: stored in one step or two, read as what is accepted, listed, expired, and never in the log in clear.

use crate::world::{World, expect, id, refused};
use serde_json::{Value, json};
use std::time::Duration;

const SECRETS: &str = "/key-manager/v1/secrets";

#[tokio::test]
async fn a_payload_in_one_step() {
    let w = World::new().await;
    let body = json!({
        "name": " disk ", "algorithm": "aes", "bit_length": 256, "mode": "cbc", "secret_type": "symmetric",
        "payload": "AAECAwQFBgc=", "payload_content_type": "application/octet-stream",
        "payload_content_encoding": "base64", "expiration": "2026-02-01T00:00:00",
    });
    let made = w.as_("mia").call(&format!("POST {SECRETS}"), body).await;
    let at = expect(&made, 201)["secret_ref"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), at);
    let shown = expect(&w.as_("mia").call(&format!("GET {SECRETS}/{}", id(&json!(at))), None).await, 200);
    assert_eq!(
        shown,
        json!({
            "secret_ref": at, "name": "disk", "status": "ACTIVE", "secret_type": "symmetric", "algorithm": "aes",
            "bit_length": 256, "mode": "cbc", "expiration": "2026-02-01T00:00:00", "creator_id": "mia",
            "created": "2026-01-01T00:00:00", "updated": "2026-01-01T00:00:00",
            "content_types": {"default": "application/octet-stream"},
        })
    );
    let newer = w.as_("mia").with("openstack-api-version", "key-manager 1.1");
    let shown = expect(&newer.call(&format!("GET {SECRETS}/{}", id(&json!(at))), None).await, 200);
    assert_eq!(shown["consumers"], json!([]));
    let read = w.as_("mia").call(&format!("GET {SECRETS}/{}/payload", id(&json!(at))), None).await;
    assert_eq!((read.status, &*read.body), (200, &[0u8, 1, 2, 3, 4, 5, 6, 7][..]));
    assert_eq!(read.header("content-type"), "application/octet-stream");
}

#[tokio::test]
async fn a_payload_in_two_steps_is_given_once() {
    let w = World::new().await;
    let secret = w.store_secret("mia", json!({"name": "later"})).await;
    let mia = w.as_("mia");
    refused(&mia.call(&format!("GET {SECRETS}/{secret}/payload"), None).await, 404, "no payload");
    let put = format!("PUT {SECRETS}/{secret}");
    refused(&mia.with("content-type", "application/json").send(&put, "x").await, 415, "content type");
    refused(&mia.with("content-type", "text/plain").send(&put, "").await, 400, "No data supplied");
    refused(&mia.with("content-type", "text/plain").send(&put, "x".repeat(20_001)).await, 413, "too large");
    let octets = mia.with("content-type", "application/octet-stream").with("content-encoding", "base64");
    refused(&octets.send(&put, "AAE").await, 400, "decoding");
    assert_eq!(octets.send(&put, "/wAB\n").await.status, 204);
    refused(&octets.send(&put, "/wAB").await, 409, "already has data");
    let read = mia.with("accept", "application/octet-stream").call(&format!("GET {SECRETS}/{secret}"), None).await;
    assert_eq!(&*read.body, [0xff, 0, 1], "the old way to read it");
    let text = mia.with("accept", "text/plain").call(&format!("GET {SECRETS}/{secret}/payload"), None).await;
    refused(&text, 406, "Wrong payload content-type");
    let json = mia.with("accept", "application/json").call(&format!("GET {SECRETS}/{secret}/payload"), None).await;
    refused(&json, 406, "Wrong payload content-type");
}

#[tokio::test]
async fn what_is_kept_is_sealed() {
    let w = World::new().await;
    let secret = w.passphrase("mia", "correct horse").await;
    let sealed = w.secrets()[0].sealed.clone().unwrap();
    assert!(sealed.starts_with("0:") && !sealed.contains("correct"), "{sealed}");
    assert!(!format!("{:?}", w.secrets()).contains("sealed"));
    let read = w.as_("mia").with("accept", "*/*").call(&format!("GET {SECRETS}/{secret}/payload"), None).await;
    assert_eq!(
        (read.text().as_str(), read.header("content-type").as_str()),
        ("correct horse", "text/plain; charset=utf-8")
    );
}

#[tokio::test]
async fn bodies_that_do_not_fit() {
    let w = World::new().await;
    let post = format!("POST {SECRETS}");
    let octets = "application/octet-stream";
    for (body, part) in [
        (json!({"bit_length": 0}), "Invalid property: 'bit_length'"),
        (json!({"secret_type": "shape"}), "Invalid property: 'secret_type'"),
        (json!({"payload": "x"}), "'payload_content_type' must also be supplied"),
        (json!({"payload_content_type": "text/plain"}), "payload must be provided"),
        (json!({"payload": "x", "payload_content_type": "image/png"}), "payload_content_type is not one of"),
        (json!({"payload": "x", "payload_content_type": octets}), "payload_content_encoding is not one of"),
        (
            json!({"payload": "AAE", "payload_content_type": octets, "payload_content_encoding": "base64"}),
            "Invalid payload for payload_content_encoding",
        ),
        (json!({"payload": "  ", "payload_content_type": "text/plain"}), "must be non empty"),
        (json!({"expiration": "2025-01-01"}), "is before current time"),
        (json!({"expiration": "soon"}), "Invalid date"),
        (json!([]), "Invalid property: 'None'"),
    ] {
        refused(&w.as_("mia").call(&post, body.clone()).await, 400, part);
    }
    let long = json!({"payload": "x".repeat(20_001), "payload_content_type": "text/plain"});
    refused(&w.as_("mia").call(&post, long).await, 413, "too large");
    refused(&w.as_("mia").with("content-type", "text/plain").send(&post, "{}").await, 415, "content type");
    assert_eq!(w.nobody().call(&post, json!({})).await.status, 401);
    assert!(w.secrets().is_empty());
}

async fn names(w: &World, query: &str) -> Vec<String> {
    let listed = expect(&w.as_("mia").call(&format!("GET {SECRETS}?{query}"), None).await, 200);
    listed["secrets"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_by_filter_and_page() {
    let w = World::new().await;
    for (name, bits) in [("a", 128), ("b", 256), ("c", 256)] {
        w.store_secret("mia", json!({"name": name, "algorithm": "aes", "bit_length": bits, "mode": "cbc"})).await;
        w.clock.advance(Duration::from_secs(60));
    }
    w.store_secret("oli", json!({"name": "other"})).await;
    for (query, expect) in [
        ("", vec!["a", "b", "c"]),
        ("name=b", vec!["b"]),
        ("bits=256&sort=name:desc", vec!["c", "b"]),
        ("bits=many", vec!["a", "b", "c"]),
        ("alg=des", vec![]),
        ("mode=cbc&secret_type=opaque", vec!["a", "b", "c"]),
        ("created=gt:2026-01-01T00:00:30,lt:2026-01-01T00:01:30", vec!["b"]),
        ("limit=1&offset=1", vec!["b"]),
        ("acl_only=true", vec![]),
    ] {
        assert_eq!(names(&w, query).await, expect, "{query}");
    }
    let page = expect(&w.as_("mia").call(&format!("GET {SECRETS}?limit=1&offset=1&alg=aes"), None).await, 200);
    assert_eq!(page["total"], 3);
    assert_eq!(page["next"], "http://cloud.test:5000/key-manager/v1/secrets?limit=1&offset=2&alg=aes");
    assert_eq!(page["previous"], "http://cloud.test:5000/key-manager/v1/secrets?limit=1&offset=0&alg=aes");
    for bad in ["sort=size", "created=yesterday"] {
        refused(&w.as_("mia").call(&format!("GET {SECRETS}?{bad}"), None).await, 400, "query string");
    }
}

#[tokio::test]
async fn past_its_expiration_it_is_gone() {
    let w = World::new().await;
    let secret = w.store_secret("mia", json!({"name": "short", "expiration": "2026-01-01T00:01:00Z"})).await;
    expect(&w.as_("mia").call(&format!("GET {SECRETS}/{secret}"), None).await, 200);
    w.clock.advance(Duration::from_secs(60));
    refused(&w.as_("mia").call(&format!("GET {SECRETS}/{secret}"), None).await, 404, "Secret not found");
    assert!(names(&w, "").await.is_empty());
    for reconciler in keymanager::reconcilers(&w.service) {
        reconciler.reconcile().await.unwrap();
    }
    assert!(w.secrets().is_empty(), "and its record with it");
}

#[tokio::test]
async fn metadata() {
    let w = World::new().await;
    let secret = w.passphrase("mia", "x").await;
    let (mia, at) = (w.as_("mia"), format!("{SECRETS}/{secret}/metadata"));
    let made = expect(&mia.call(&format!("PUT {at}"), json!({"metadata": {"Where": "Linz", "b": "2"}})).await, 201);
    assert_eq!(made["metadata_ref"], format!("http://cloud.test:5000{at}"));
    let all = expect(&mia.call(&format!("GET {at}"), None).await, 200);
    assert_eq!(all, json!({"metadata": {"where": "Linz", "b": "2"}}));
    refused(&mia.call(&format!("POST {at}"), json!({"key": "b", "value": "3"})).await, 409, "already in");
    let added = mia.call(&format!("POST {at}"), json!({"key": "c", "value": "3"})).await;
    assert_eq!((added.status, added.header("location")), (201, format!("http://cloud.test:5000{at}/c")));
    let put = |key: &str, body: Value| (format!("PUT {at}/{key}"), body);
    let (to, body) = put("c", json!({"key": "c", "value": "4"}));
    assert_eq!(expect(&mia.call(&to, body).await, 200), json!({"key": "c", "value": "4"}));
    let (to, body) = put("c", json!({"key": "d", "value": "4"}));
    refused(&mia.call(&to, body).await, 409, "does not match");
    let (to, body) = put("d", json!({"key": "d", "value": "4"}));
    refused(&mia.call(&to, body).await, 404, "metadata not found");
    assert_eq!(mia.call(&format!("DELETE {at}/c"), None).await.status, 204);
    refused(&mia.call(&format!("GET {at}/c"), None).await, 404, "metadata not found");
    for (bad, part) in [
        (json!({"metadata": {"a b": "x"}}), "URL safe"),
        (json!({"metadata": {"a": 3}}), "must be Strings"),
        (json!({}), "does not match schema 'SecretMetadata'"),
    ] {
        refused(&mia.call(&format!("PUT {at}"), bad).await, 400, part);
    }
    refused(&w.as_("ray").call(&format!("GET {at}"), None).await, 403, "Secret metadata retrieval attempt not allowed");
}

#[tokio::test]
async fn consumers_keep_a_secret_from_being_deleted() {
    let w = World::new().await;
    let secret = w.passphrase("mia", "x").await;
    let mia = w.as_("mia").with("openstack-api-version", "key-manager 1.2");
    let at = format!("{SECRETS}/{secret}/consumers");
    let consumer = json!({"service": "volume", "resource_type": "volume", "resource_id": "v1"});
    let shown = expect(&mia.call(&format!("POST {at}"), consumer.clone()).await, 200);
    assert_eq!(shown["consumers"], json!([consumer]));
    let again = expect(&mia.call(&format!("POST {at}"), consumer.clone()).await, 200);
    assert_eq!(again["consumers"], json!([consumer]), "noted once");
    let listed = expect(&mia.call(&format!("GET {at}"), None).await, 200);
    assert_eq!((&listed["total"], &listed["consumers"][0]["resource_id"]), (&json!(1), &json!("v1")));
    let delete = format!("DELETE {SECRETS}/{secret}");
    refused(&mia.call(&delete, None).await, 400, "as it has consumers");
    refused(&mia.call(&format!("{delete}?force=perhaps"), None).await, 400, "query string");
    let other = json!({"service": "volume", "resource_type": "volume", "resource_id": "v2"});
    refused(&mia.call(&format!("DELETE {at}"), other).await, 404, "Consumer not found");
    let left = expect(&mia.call(&format!("DELETE {at}"), consumer.clone()).await, 200);
    assert_eq!(left["consumers"], json!([]));
    expect(&mia.call(&format!("POST {at}"), consumer).await, 200);
    assert_eq!(mia.call(&format!("{delete}?force=true"), None).await.status, 204);
    assert!(w.secrets().is_empty());
}
