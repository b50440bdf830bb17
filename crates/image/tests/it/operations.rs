//! What is told of stores, limits, locations and tasks.

use crate::world::{Cloud, active, create, expect, refused, upload};
use serde_json::json;

#[tokio::test]
async fn stores_and_methods_are_told() {
    let cloud = Cloud::new().await;
    let (member, admin) = (cloud.api.token("member"), cloud.api.token("admin"));
    let info = |what: &str| format!("GET /image/v2/info/{what}");
    let methods = expect(&member.call(&info("import"), None).await, 200);
    let all = json!(["glance-direct", "web-download", "copy-image", "glance-download"]);
    assert_eq!(methods["import-methods"]["value"], all);
    let stores = expect(&member.call(&info("stores"), None).await, 200);
    assert_eq!(stores, json!({"stores": [{"id": "fast", "default": "true"}, {"id": "bulk"}]}));
    refused(&member.call(&info("stores/detail"), None).await, 403, "stores_info_detail");
    let detail = expect(&admin.call(&info("stores/detail"), None).await, 200);
    assert_eq!(json!([detail["stores"][1]["id"], detail["stores"][1]["type"]]), json!(["bulk", "file"]));
    assert!(detail["stores"][1]["properties"]["data_dir"].as_str().unwrap().ends_with("/bulk"));
    expect(&cloud.api.token("service").call(&info("stores/detail"), None).await, 200);
    let made = member.call("POST /image/v2/images", json!({"name": "i"})).await;
    assert_eq!(made.header("openstack-image-store-ids"), "fast,bulk");
    assert_eq!(made.header("openstack-image-import-methods"), "glance-direct,web-download,copy-image,glance-download");
    // An upload goes to the store that is named.
    let id = create(&member, "raw").await;
    refused(&upload(&member.with("x-image-meta-store", "tape"), &id, "x").await, 400, "selected store tape");
    expect(&upload(&member.with("x-image-meta-store", "bulk"), &id, "x").await, 204);
    assert_eq!(cloud.image(&id).locations[0].store, "bulk");
}

#[tokio::test]
async fn limits_are_kept_and_told() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let usage = async || expect(&member.call("GET /image/v2/info/usage", None).await, 200)["usage"].clone();
    assert_eq!(usage().await["image_count_total"], json!({"usage": 0, "limit": -1}));
    cloud.limits.0.lock().extend([("image_count_total".to_owned(), 2), ("image_size_total".to_owned(), 1)]);
    let id = active(&member, &"x".repeat(1 << 20)).await;
    let second = create(&member, "raw").await;
    let new = json!({"name": "third", "disk_format": "raw", "container_format": "bare"});
    refused(&member.call("POST /image/v2/images", new).await, 413, "image_count_total is over limit of 2");
    assert_eq!(
        usage().await,
        json!({
            "image_count_total": {"usage": 2, "limit": 2}, "image_count_uploading": {"usage": 0, "limit": -1},
            "image_size_total": {"usage": 1, "limit": 1}, "image_stage_total": {"usage": 0, "limit": -1},
        })
    );
    expect(&upload(&member, &second, "x").await, 204); // at the limit, not over it
    expect(&cloud.api.token("other").call("POST /image/v2/images", json!({"name": "theirs"})).await, 201);
    cloud.limits.0.lock().extend([("image_size_total".to_owned(), 0), ("image_count_total".to_owned(), 9)]);
    let third = create(&member, "raw").await;
    refused(&upload(&member, &third, "x").await, 413, "image_size_total is over limit of 0");
    cloud.limits.0.lock().extend([("image_count_uploading".to_owned(), 0)]);
    let stage = member.with("content-type", "application/octet-stream");
    let staged = stage.send(&format!("PUT /image/v2/images/{third}/stage"), "x").await;
    refused(&staged, 413, "image_count_uploading is over limit of 0");
    expect(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 204);
}

#[tokio::test]
async fn locations_are_for_services() {
    let cloud = Cloud::new().await;
    let (member, service) = (cloud.api.token("member"), cloud.api.token("service"));
    let id = active(&member, "hello").await;
    let at = |method: &str, id: &str| format!("{method} /image/v2/images/{id}/locations");
    refused(&member.call(&at("GET", &id), None).await, 403, "fetch_image_location");
    let add = json!({"url": "http://images.example.org/a"});
    refused(&member.call(&at("POST", &id), add.clone()).await, 409, "image status is active");
    let found = expect(&cloud.api.token("admin").call(&at("GET", &id), None).await, 200);
    assert_eq!(found[0]["metadata"], json!({"store": "fast"}));
    assert!(found[0]["url"].as_str().unwrap().starts_with("file:///"), "{found}");
    refused(&service.call(&at("GET", &id), None).await, 404, "Failed to find image");
    let queued = create(&service, "raw").await;
    let mine = create(&member, "raw").await;
    refused(&member.call(&at("POST", &mine), add.clone()).await, 403, "http store must be enabled");
    refused(&member.call(&at("POST", &mine), json!({})).await, 400, "'url' is a required property");
    refused(&service.call(&at("POST", &queued), add).await, 400, "no store serves");
    let wrong = json!({"url": "http://a/b", "validation_data": {"os_hash_algo": "sha512", "os_hash_value": "abc"}});
    refused(&service.call(&at("POST", &queued), wrong).await, 400, "is no sha512");
}

#[tokio::test]
async fn the_tasks_api_is_for_administrators() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.running().await;
    let (member, admin) = (api.token("member"), api.token("admin"));
    refused(&member.call("GET /image/v2/tasks", None).await, 403, "tasks_api_access");
    refused(&member.call("POST /image/v2/tasks", json!({})).await, 403, "tasks_api_access");
    let task = |from: &str| {
        json!({"type": "import", "input": {
            "import_from": from, "import_from_format": "raw", "image_properties": {"name": "t", "container_format": "bare"},
        }})
    };
    for (body, words) in [
        (json!({}), "type is required"),
        (json!({"type": "export", "input": {}}), "Invalid type"),
        (json!({"type": "import", "input": {}}), "'import_from' field"),
        (task("http://10.0.0.1/x"), "does not pass filtering"),
    ] {
        refused(&admin.call("POST /image/v2/tasks", body).await, 400, words);
    }
    // Nobody listens there: the task is taken, and fails.
    let made = admin.call("POST /image/v2/tasks", task("http://127.0.0.1:1/x")).await;
    let id = expect(&made, 201)["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/v2/tasks/{id}"));
    let image = made.json()["image_id"].as_str().unwrap().to_owned();
    cloud.imported(&image).await;
    let ended = expect(&admin.call(&format!("GET /image/v2/tasks/{id}"), None).await, 200);
    assert_eq!(json!([ended["status"], ended["type"], ended["result"]]), json!(["failure", "import", null]));
    assert!(ended["expires_at"].is_string() && ended["message"] != "", "{ended}");
    let list = expect(&admin.call("GET /image/v2/tasks?status=failure&type=import", None).await, 200);
    assert_eq!(list["tasks"].as_array().unwrap().len(), 1);
    assert!(list["tasks"][0].get("input").is_none());
    let none = expect(&admin.call("GET /image/v2/tasks?status=success", None).await, 200);
    assert_eq!(none["tasks"], json!([]));
    refused(&admin.call("GET /image/v2/tasks?status=odd", None).await, 400, "Invalid status value");
    refused(&admin.call(&format!("DELETE /image/v2/tasks/{id}"), None).await, 405, "not supported on Glance Tasks");
    refused(&admin.call("GET /image/v2/tasks/none", None).await, 404, "No task found with ID none");
    assert_eq!(expect(&admin.call("GET /image/v2/schemas/tasks", None).await, 200)["name"], "tasks");
}

/// Each filter by itself, over three images of one project.
#[tokio::test]
async fn filters_say_what_is_listed() {
    let cloud = Cloud::new().await;
    let api = cloud.api.token("member");
    let raw = active(&api, "seven b").await;
    let other = create(&api, "iso").await;
    let change = json!([
        {"op": "replace", "path": "/name", "value": "named"},
        {"op": "replace", "path": "/min_disk", "value": 3},
        {"op": "replace", "path": "/min_ram", "value": 64},
        {"op": "replace", "path": "/protected", "value": true},
        {"op": "replace", "path": "/tags", "value": ["t"]},
        {"op": "add", "path": "/os_distro", "value": "debian"},
    ]);
    let patch = api.with("content-type", "application/openstack-images-v2.1-json-patch");
    expect(&patch.send(&format!("PATCH /image/v2/images/{other}"), change.to_string()).await, 200);
    for (query, expected) in [
        ("", vec![&other, &raw]),
        ("size=7", vec![&raw]),
        ("size=8", vec![]),
        ("virtual_size=7", vec![&raw]),
        ("size_min=7", vec![&raw]),
        ("size_max=6", vec![&other]),
        ("min_disk=3", vec![&other]),
        ("min_ram=64", vec![&other]),
        ("protected=true", vec![&other]),
        ("status=active", vec![&raw]),
        ("status=in:active,queued", vec![&other, &raw]),
        ("disk_format=iso", vec![&other]),
        ("container_format=bare", vec![&other, &raw]),
        ("name=named", vec![&other]),
        ("name=in:named,i", vec![&other, &raw]),
        ("tag=t", vec![&other]),
        ("os_distro=debian", vec![&other]),
        ("os_distro=other", vec![]),
        ("visibility=public", vec![]),
        ("created_at=gt:2020-01-01T00:00:00Z", vec![&other, &raw]),
        ("created_at=lt:2020-01-01T00:00:00Z", vec![]),
        ("sort=size:asc", vec![&other, &raw]),
        ("sort=size:desc", vec![&raw, &other]),
    ] {
        let listed = expect(&api.call(&format!("GET /image/v2/images?{query}"), None).await, 200);
        let ids: Vec<_> = listed["images"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{query}");
    }
    for bad in ["size=many", "size_min=x", "min_disk=-1", "protected=perhaps", "created_at=gt:yesterday", "sort=colour"]
    {
        assert_eq!(api.call(&format!("GET /image/v2/images?{bad}"), None).await.status, 400, "{bad}");
    }
}
