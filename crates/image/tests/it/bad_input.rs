//! What is not well formed, of the wrong type, or of nothing: Glance's fault, never a 500.

use crate::world::{Cloud, NOWHERE, active, create, expect, refused, upload};
use serde_json::{Value, json};

const PATCH: &str = "application/openstack-images-v2.1-json-patch";

#[tokio::test]
async fn what_an_image_may_not_be() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    for (key, value, status) in [
        ("id", json!("x"), 400),
        ("id", json!("../../etc/passwd"), 400),
        ("id", json!(7), 400),
        ("name", json!(3), 400),
        ("name", json!("x".repeat(256)), 400),
        ("disk_format", json!("floppy"), 400),
        ("container_format", json!(1), 400),
        ("visibility", json!("hidden"), 400),
        ("visibility", json!("public"), 403),
        ("min_disk", json!(-1), 400),
        ("min_ram", json!("much"), 400),
        ("protected", json!("yes"), 400),
        ("tags", json!("t"), 400),
        ("tags", json!([1]), 400),
        ("owner", json!("p2"), 403),
        ("status", json!("active"), 403),
        ("size", json!(1), 403),
        ("checksum", json!("0"), 403),
        ("os_glance_anything", json!("x"), 403),
        ("my_property", json!(5), 400),
    ] {
        let mut body = json!({"disk_format": "raw", "container_format": "bare"});
        body[key] = value.clone();
        let answer = member.call("POST /image/v2/images", body).await;
        assert_eq!(answer.status, status, "{key} = {value}: {}", answer.text());
    }
    assert_eq!(cloud.store.snapshot().count::<image::Image>(), 0);
}

#[tokio::test]
async fn no_body_breaks_a_route() {
    let cloud = Cloud::new().await;
    let (member, admin) = (cloud.api.token("member"), cloud.api.token("admin"));
    let id = active(&member, "x").await;
    let mut bodies = vec![json!([]), json!("x"), json!(3), json!(null), json!({}), json!([[]]), json!([{}])];
    for name in ["op", "path", "value", "member", "status", "disk_format", "properties"] {
        let inner = [json!([]), json!("x"), json!(-1), json!(null), json!({})];
        bodies.extend(inner.iter().flat_map(|inner| [json!({name: inner}), json!([{name: inner}])]));
    }
    for path in ["/", "", "/x/y", "//", "/~", "/locations/0", "/tags/-1", "/name/deep"] {
        bodies.extend(["add", "replace", "remove", "move"].map(|op| json!([{"op": op, "path": path, "value": {}}])));
    }
    let routes = image::api::router().routes(&image::api::spec());
    let mut paths: Vec<_> = routes.iter().filter(|r| r.method != "GET" && r.method != "DELETE").collect();
    paths.dedup_by_key(|r| (r.method, r.path.clone()));
    assert!(paths.len() > 5);
    for route in paths.iter().filter(|r| !r.path.ends_with("/file")) {
        let request = format!("{} {}", route.method, route.path);
        let request = request.replace("{id}", &id).replace("{member}", "p2").replace("{tag}", "t");
        for body in &bodies {
            for kind in ["application/json", PATCH] {
                let answer = admin.with("content-type", kind).send(&request, body.to_string()).await;
                assert!(answer.status < 500, "{request} {body}: {} {}", answer.status, answer.text());
            }
        }
        if route.method == "PATCH" {
            refused(&admin.with("content-type", PATCH).send(&request, "[{").await, 400, "Malformed JSON");
        }
    }
    refused(
        &member.with("content-type", "application/json").send("POST /image/v2/images", "{").await,
        400,
        "Malformed JSON",
    );
}

#[tokio::test]
async fn ids_of_nothing_are_not_found() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    for id in [NOWHERE, "x", "%2e%2e", "a%20b", "%F0%9F%92%A9"] {
        for tail in ["", "/file", "/members", "/members/p1"] {
            let answer = member.call(&format!("GET /image/v2/images/{id}{tail}"), None).await;
            refused(&answer, 404, "Failed to find image");
        }
        refused(&upload(&member, id, "x").await, 404, "Failed to find image");
        refused(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 404, "Failed to find image");
    }
    let id = create(&member, "raw").await;
    let (json, file) = (member.with("content-type", "application/json"), format!("PUT /image/v2/images/{id}/file"));
    assert_eq!(json.send(&file, "x").await.status, 415);
    let bare: Value = expect(&member.call("POST /image/v2/images", json!({"name": "n"})).await, 201);
    refused(&upload(&member, bare["id"].as_str().unwrap(), "x").await, 400, "must be set");
    expect(&cloud.api.call("GET /image/v2/images", None).await, 401);
    for query in ["limit=-1", "limit=x", "sort=colour:asc", "marker=nothing", "visibility=hidden", "size_min=x"] {
        let answer = member.call(&format!("GET /image/v2/images?{query}"), None).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
}

/// A slash after the collection begins a name, which has no letter.
#[tokio::test]
async fn an_image_without_an_id_is_not_found() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    for method in ["GET", "DELETE", "PATCH"] {
        refused(&member.call(&format!("{method} /image/v2/images/"), None).await, 404, "could not be found");
    }
    for path in ["/image/v2", "/image/v2/"] {
        let versions = expect(&cloud.api.call(&format!("GET {path}"), None).await, 200);
        assert_eq!(
            json!([versions["versions"][0]["id"], versions["versions"][0]["status"]]),
            json!(["v2.17", "CURRENT"])
        );
    }
}
