//! Metadata definitions: who sees and changes them, what is in them, how they go.

use crate::world::{Cloud, expect, refused};
use http::testkit::Api;
use serde_json::{Value, json};

const NS: &str = "/image/v2/metadefs/namespaces";

async fn namespace(admin: &Api, name: &str, more: Value) -> Value {
    let mut body = json!({"namespace": name});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    expect(&admin.call(&format!("POST {NS}"), body).await, 201)
}

#[tokio::test]
async fn a_namespace_carries_all_that_it_defines() {
    let cloud = Cloud::new().await;
    let admin = cloud.api.token("admin");
    let made = namespace(
        &admin,
        "OS::Compute::Test",
        json!({
            "visibility": "public", "display_name": "Test", "protected": true,
            "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "hw:"}],
            "properties": {"size": {"title": "Size", "type": "integer", "minimum": 1}},
            "objects": [{"name": "cpu", "required": ["cores"], "properties": {"cores": {"title": "Cores", "type": "integer"}}}],
            "tags": [{"name": "fast"}],
        }),
    )
    .await;
    assert_eq!(made["self"], "/v2/metadefs/namespaces/OS::Compute::Test");
    assert_eq!(made["owner"], "admin");
    let at = |tail: &str| format!("GET {NS}/OS::Compute::Test{tail}");
    let plain = expect(&admin.call(&at(""), None).await, 200);
    assert_eq!(plain["properties"]["size"], json!({"title": "Size", "type": "integer", "minimum": 1}));
    assert_eq!(plain["objects"][0]["required"], json!(["cores"]));
    assert_eq!(plain["tags"], json!([{"name": "fast"}]));
    assert_eq!(plain["resource_type_associations"][0]["prefix"], "hw:");
    // On a type of resource, its properties have the prefix.
    let prefixed = expect(&admin.call(&at("?resource_type=OS::Nova::Flavor"), None).await, 200);
    assert_eq!(prefixed["properties"].as_object().unwrap().keys().collect::<Vec<_>>(), ["hw:size"]);
    assert_eq!(prefixed["objects"][0]["required"], json!(["hw:cores"]));
    let one = at("/properties/hw:size?resource_type=OS::Nova::Flavor");
    assert_eq!(expect(&admin.call(&one, None).await, 200)["name"], "size");
    refused(&admin.call(&at("/properties/size?resource_type=OS::Nova::Flavor"), None).await, 404, "'hw:'");
    // What is protected stays, with all that is in it.
    for tail in ["", "/objects", "/properties", "/tags", "/objects/cpu", "/properties/size", "/tags/fast"] {
        let answer = admin.call(&format!("DELETE {NS}/OS::Compute::Test{tail}"), None).await;
        refused(&answer, 403, "is protected and cannot be deleted.");
    }
    let free = json!({"namespace": "OS::Compute::Test", "protected": false, "visibility": "public"});
    let free = expect(&admin.call(&format!("PUT {NS}/OS::Compute::Test"), free).await, 200);
    assert_eq!((free.get("display_name"), &free["protected"]), (None, &json!(false)), "{free}");
    for tail in ["/objects", "/properties", "/tags"] {
        expect(&admin.call(&format!("DELETE {NS}/OS::Compute::Test{tail}"), None).await, 204);
    }
    let bare = expect(&admin.call(&at(""), None).await, 200);
    assert!(bare.get("objects").is_none() && bare.get("properties").is_none() && bare.get("tags").is_none(), "{bare}");
    expect(&admin.call(&format!("DELETE {NS}/OS::Compute::Test"), None).await, 204);
    refused(&admin.call(&at(""), None).await, 404, "Namespace OS::Compute::Test not found");
}

#[tokio::test]
async fn only_administrators_define_and_private_ones_are_hidden() {
    let cloud = Cloud::new().await;
    let (admin, member, other) = (cloud.api.token("admin"), cloud.api.token("member"), cloud.api.token("other"));
    namespace(&admin, "open", json!({"visibility": "public"})).await;
    namespace(&admin, "ours", json!({"owner": "p1"})).await;
    namespace(&admin, "theirs", json!({"owner": "p2"})).await;
    let listed = async |api: &Api, query: &str| -> Vec<String> {
        let list = expect(&api.call(&format!("GET {NS}{query}"), None).await, 200);
        let names = list["namespaces"].as_array().unwrap().iter();
        names.map(|n| n["namespace"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&admin, "?sort_key=namespace&sort_dir=asc").await, ["open", "ours", "theirs"]);
    assert_eq!(listed(&member, "?sort_key=namespace&sort_dir=asc").await, ["open", "ours"]);
    assert_eq!(listed(&member, "?visibility=private").await, ["ours"]);
    assert_eq!(listed(&other, "?sort_key=namespace&sort_dir=desc&limit=1").await, ["theirs"]);
    assert_eq!(listed(&other, "?sort_key=namespace&sort_dir=desc&marker=theirs").await, ["open"]);
    refused(&member.call(&format!("GET {NS}?visibility=shared"), None).await, 400, "Invalid visibility value");
    refused(&member.call(&format!("GET {NS}?marker=nothing"), None).await, 404, "marker");
    refused(&member.call(&format!("POST {NS}"), json!({"namespace": "mine"})).await, 403, "add_metadef_namespace");
    let tag = |ns: &str| format!("POST {NS}/{ns}/tags/t");
    refused(&member.call(&tag("ours"), None).await, 403, "add_metadef_tag");
    refused(&member.call(&tag("theirs"), None).await, 404, "Namespace theirs not found");
    refused(&member.call(&format!("PUT {NS}/open"), json!({"namespace": "open"})).await, 403, "modify_metadef");
    refused(&member.call(&format!("DELETE {NS}/theirs"), None).await, 404, "not found");
    for sort in ["objects", "properties", "tags", "resource_types"] {
        expect(&member.call(&format!("GET {NS}/ours/{sort}"), None).await, 200);
        refused(&member.call(&format!("GET {NS}/theirs/{sort}"), None).await, 404, "Namespace theirs not found");
    }
}

#[tokio::test]
async fn parts_are_added_renamed_and_removed() {
    let cloud = Cloud::new().await;
    let admin = cloud.api.token("admin");
    namespace(&admin, "n", json!({})).await;
    let property = |name: &str| json!({"name": name, "title": "T", "type": "string"});
    for (sort, one, other, missing) in [
        (
            "objects",
            json!({"name": "a"}),
            json!({"name": "b", "description": "new"}),
            "Could not find metadata object a",
        ),
        ("properties", property("a"), property("b"), "Could not find property a"),
    ] {
        let at = |method: &str, tail: &str| format!("{method} {NS}/n/{sort}{tail}");
        assert_eq!(expect(&admin.call(&at("POST", ""), one.clone()).await, 201)["name"], "a");
        refused(&admin.call(&at("POST", ""), one.clone()).await, 409, "with name=a already exists in namespace=n.");
        assert_eq!(expect(&admin.call(&at("PUT", "/a"), other.clone()).await, 200)["name"], "b");
        refused(&admin.call(&at("GET", "/a"), None).await, 404, missing);
        expect(&admin.call(&at("POST", ""), one).await, 201);
        refused(&admin.call(&at("PUT", "/a"), other).await, 409, "already exists");
        expect(&admin.call(&at("DELETE", "/a"), None).await, 204);
        refused(&admin.call(&at("DELETE", "/a"), None).await, 404, missing);
        let list = expect(&admin.call(&at("GET", ""), None).await, 200);
        assert!(list[sort][0]["name"] == "b" || list[sort]["b"]["title"] == "T", "{list}");
    }
    let at = |method: &str, tail: &str| format!("{method} {NS}/n/tags{tail}");
    let set = json!({"tags": [{"name": "x"}, {"name": "y"}]});
    expect(&admin.call(&at("POST", ""), set.clone()).await, 201);
    let append = admin.with("x-openstack-append", "True");
    expect(&append.call(&at("POST", ""), json!({"tags": [{"name": "z"}]})).await, 201);
    assert_eq!(tags(&admin, "?sort_key=name&sort_dir=asc").await, ["x", "y", "z"]);
    assert_eq!(tags(&admin, "?sort_key=name&sort_dir=asc&marker=x&limit=1").await, ["y"]);
    refused(&append.call(&at("POST", ""), json!({"tags": [{"name": "z"}]})).await, 409, "already exists");
    expect(&admin.call(&at("POST", ""), set).await, 201);
    assert_eq!(tags(&admin, "").await.len(), 2, "the set was replaced");
    expect(&admin.call(&at("POST", "/w"), None).await, 201);
    assert_eq!(expect(&admin.call(&at("PUT", "/w"), json!({"name": "v"})).await, 200)["name"], "v");
    expect(&admin.call(&at("DELETE", "/v"), None).await, 204);
    refused(&admin.call(&at("GET", "/v"), None).await, 404, "Could not find metadata tag v");
}

async fn tags(api: &Api, query: &str) -> Vec<String> {
    let list = expect(&api.call(&format!("GET {NS}/n/tags{query}"), None).await, 200);
    list["tags"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn types_of_resources_stay_when_an_association_goes() {
    let cloud = Cloud::new().await;
    let admin = cloud.api.token("admin");
    namespace(&admin, "n", json!({})).await;
    namespace(&admin, "m", json!({})).await;
    let at = format!("POST {NS}/n/resource_types");
    let made = expect(&admin.call(&at, json!({"name": "Our::Thing", "prefix": "t_"})).await, 201);
    assert_eq!(json!([made["name"], made["prefix"]]), json!(["Our::Thing", "t_"]));
    refused(&admin.call(&at, json!({"name": "Our::Thing"})).await, 409, "resource-type=Our::Thing to namespace=n");
    let narrowed = expect(&admin.call(&format!("GET {NS}?resource_types=Our::Thing,X"), None).await, 200);
    assert_eq!(narrowed["namespaces"].as_array().unwrap().len(), 1);
    assert_eq!(narrowed["namespaces"][0]["resource_type_associations"][0]["name"], "Our::Thing");
    let one = format!("DELETE {NS}/n/resource_types/Our::Thing");
    expect(&admin.call(&one, None).await, 204);
    refused(&admin.call(&one, None).await, 404, "Failed to find resource type Our::Thing to delete");
    let all = expect(&admin.call("GET /image/v2/metadefs/resource_types", None).await, 200);
    let names: Vec<_> = all["resource_types"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect();
    assert!(names.contains(&json!("Our::Thing")) && names.contains(&json!("OS::Glance::Image")), "{names:?}");
}

#[tokio::test]
async fn what_does_not_fit_the_schema_is_refused() {
    let cloud = Cloud::new().await;
    let admin = cloud.api.token("admin");
    namespace(&admin, "n", json!({})).await;
    for (path, body, status, words) in [
        ("", json!({}), 400, "'namespace' is a required property"),
        ("", json!({"namespace": "n"}), 409, "namespace=n already exists"),
        ("", json!({"namespace": "x".repeat(81)}), 400, "schema 'namespace'"),
        ("", json!({"namespace": "x", "visibility": "shared"}), 400, "is not one of ['public', 'private']"),
        ("", json!({"namespace": "x", "self": "/"}), 403, "Attribute 'self' is read-only."),
        ("", json!({"namespace": "x", "colour": "red"}), 400, "Additional properties"),
        ("", json!({"namespace": "x", "tags": [{"name": "a"}, {"name": "a"}]}), 409, "already exists"),
        ("", json!({"namespace": "x", "properties": {"p": {"type": "string"}}}), 400, "'title' is a required property"),
        ("", json!([]), 400, "schema 'namespace'"),
        ("/n/objects", json!({"name": "o", "properties": {"p": {"title": "P", "type": "date"}}}), 400, "'date'"),
        ("/n/objects", json!({"name": "o", "created_at": "now"}), 403, "read-only"),
        ("/n/properties", json!({"title": "P", "type": "string"}), 400, "'name' is a required property"),
        ("/n/properties", json!({"name": "p", "title": "P", "type": "string", "minLength": -1}), 400, "minimum"),
        ("/n/tags", json!({"tags": [{}]}), 400, "'name' is a required property"),
        ("/n/resource_types", json!({"prefix": "x"}), 400, "'name' is a required property"),
    ] {
        refused(&admin.call(&format!("POST {NS}{path}"), body).await, status, words);
    }
    let long = "x".repeat(81);
    refused(&admin.call(&format!("POST {NS}/n/tags/{long}"), None).await, 400, "schema 'tag'");
    let large = "x".repeat(400 * 1024);
    let body = json!({"name": "p", "title": large, "type": "string"});
    refused(&admin.call(&format!("POST {NS}/n/properties"), body).await, 413, "exceed");
    for (document, name) in [("namespaces", "namespaces"), ("resource_type", "resource_type_association")] {
        let path = format!("GET /image/v2/schemas/metadefs/{document}");
        assert_eq!(expect(&admin.call(&path, None).await, 200)["name"], name);
    }
}
