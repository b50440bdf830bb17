//! Registered limits, and limits under both of Keystone's models.

use crate::cloud::{BASE, Calls, Cloud, config, on_domain};
use http::testkit::Api;
use identity::LimitModel;
use serde_json::{Value, json};

async fn register(admin: &Api, service: &str, name: &str) -> String {
    let new = json!([{"service_id": service, "resource_name": name, "default_limit": 10, "region_id": "RegionOne"}]);
    let made = admin.expect(201, "POST /registered_limits", json!({"registered_limits": new})).await;
    made["registered_limits"][0]["id"].as_str().unwrap().to_owned()
}

fn limit(service: &str, value: i64, holder: Value) -> Value {
    let mut limit =
        json!({"service_id": service, "resource_name": "cores", "resource_limit": value, "region_id": "RegionOne"});
    limit.as_object_mut().unwrap().extend(holder.as_object().unwrap().clone());
    limit
}

#[tokio::test]
async fn a_limit_rests_on_a_registered_one() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let service = admin.create("service", json!({"type": "dns"})).await;
    let project = admin.create("project", json!({"name": "p"})).await;
    let new = |limits: Value| json!({"limits": limits});
    let of_project = json!({"project_id": project});
    admin.expect(403, "POST /limits", new(json!([limit(&service, 5, of_project.clone())]))).await;
    let registered = register(&admin, &service, "cores").await;
    let one = format!("/registered_limits/{registered}");
    let again =
        json!([{"service_id": service, "resource_name": "cores", "default_limit": 1, "region_id": "RegionOne"}]);
    admin.expect(409, "POST /registered_limits", json!({"registered_limits": again})).await;
    let made = admin.expect(201, "POST /limits", new(json!([limit(&service, 5, of_project.clone())]))).await;
    let id = made["limits"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({"limits": [{"id": id, "service_id": service, "region_id": "RegionOne", "project_id": project, "domain_id": null,
            "resource_name": "cores", "resource_limit": 5, "description": null,
            "links": {"self": format!("{BASE}/limits/{id}")}}]})
    );
    admin.expect(409, "POST /limits", new(json!([limit(&service, 6, of_project.clone())]))).await;
    admin.expect(403, &format!("PATCH {one}"), json!({"registered_limit": {"default_limit": 3}})).await;
    admin.expect(403, &format!("DELETE {one}"), None).await;
    admin.expect(409, &format!("DELETE /services/{service}"), None).await;
    admin.expect(201, "PUT /regions/far", json!({"region": {}})).await;
    let far = json!([{"service_id": service, "resource_name": "far", "default_limit": 1, "region_id": "far"}]);
    admin.expect(201, "POST /registered_limits", json!({"registered_limits": far})).await;
    admin.expect(204, "DELETE /regions/far", None).await;
    let changed = admin
        .expect(200, &format!("PATCH /limits/{id}"), json!({"limit": {"resource_limit": -1, "description": "d"}}))
        .await;
    assert_eq!((&changed["limit"]["resource_limit"], &changed["limit"]["description"]), (&json!(-1), &json!("d")));
    let listed = admin
        .expect(200, &format!("GET /limits?service_id={service}&resource_name=cores&project_id={project}"), None)
        .await;
    assert_eq!(listed["limits"].as_array().unwrap().len(), 1);
    admin.expect(204, &format!("DELETE /projects/{project}"), None).await;
    admin.expect(404, &format!("GET /limits/{id}"), None).await;
    let changed =
        admin.expect(200, &format!("PATCH {one}"), json!({"registered_limit": {"resource_name": "ram"}})).await;
    assert_eq!(changed["registered_limit"]["resource_name"], "ram");
    register(&admin, &service, "cores").await;
    admin.expect(409, &format!("PATCH {one}"), json!({"registered_limit": {"resource_name": "cores"}})).await;
    admin.expect(204, &format!("DELETE {one}"), None).await;
    admin.expect(404, &format!("GET {one}"), None).await;
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_whole() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let service = admin.create("service", json!({"type": "dns"})).await;
    register(&admin, &service, "cores").await;
    let project = admin.create("project", json!({"name": "p"})).await;
    let good = limit(&service, 5, json!({"project_id": project}));
    let bad = [
        limit(&service, 5, json!({})),
        limit(&service, 5, json!({"project_id": project, "domain_id": "default"})),
        limit(&service, -2, json!({"project_id": project})),
        limit(&service, 1 << 31, json!({"project_id": project})),
        limit(&service, 5, json!({"project_id": "none"})),
        limit(&service, 5, json!({"domain_id": project})),
    ];
    for bad in bad {
        admin.expect(400, "POST /limits", json!({"limits": [good, bad]})).await;
    }
    admin.expect(400, "POST /limits", json!({"limits": []})).await;
    assert_eq!(admin.expect(200, "GET /limits", None).await["limits"], json!([]), "the good ones are not made either");
    let unknown = json!([{"service_id": "none", "resource_name": "x", "default_limit": 1}]);
    admin.expect(400, "POST /registered_limits", json!({"registered_limits": unknown})).await;
}

#[tokio::test]
async fn a_domains_manager_sees_its_own() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let service = admin.create("service", json!({"type": "dns"})).await;
    register(&admin, &service, "cores").await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let inside = admin.create("project", json!({"name": "i", "domain_id": domain})).await;
    let outside = admin.create("project", json!({"name": "o"})).await;
    let all = [json!({"domain_id": domain}), json!({"project_id": inside}), json!({"project_id": outside})];
    let all: Vec<_> = all.into_iter().map(|holder| limit(&service, 5, holder)).collect();
    admin.expect(201, "POST /limits", json!({"limits": all})).await;
    let ann = admin.user("ann").await;
    admin.grant(&format!("domains/{domain}/users/{ann}"), "reader").await;
    let reader = cloud.as_user("ann", on_domain(&domain)).await;
    assert_eq!(reader.expect(200, "GET /limits", None).await["limits"].as_array().unwrap().len(), 2);
    assert_eq!(admin.expect(200, "GET /limits", None).await["limits"].as_array().unwrap().len(), 3);
    let model = reader.expect(200, "GET /limits/model", None).await;
    assert_eq!(model["model"]["name"], "flat");
}

#[tokio::test]
async fn two_levels_hold_together() {
    let cloud = Cloud::with(identity::IdentityConfig { limit_model: LimitModel::StrictTwoLevel, ..config() }).await;
    let admin = cloud.admin().await;
    assert_eq!(admin.expect(200, "GET /limits/model", None).await["model"]["name"], "strict_two_level");
    let service = admin.create("service", json!({"type": "dns"})).await;
    register(&admin, &service, "cores").await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let project = admin.create("project", json!({"name": "p", "domain_id": domain})).await;
    let below = json!({"project": {"name": "b", "domain_id": domain, "parent_id": project}});
    admin.expect(403, "POST /projects", below).await;
    let of_project = |value| limit(&service, value, json!({"project_id": project}));
    let of_domain = |value| limit(&service, value, json!({"domain_id": domain}));
    let new = |limits: Value| json!({"limits": limits});
    admin.expect(403, "POST /limits", new(json!([of_project(11)]))).await;
    admin.expect(403, "POST /limits", new(json!([of_project(-1)]))).await;
    admin.expect(403, "POST /limits", new(json!([of_domain(20), of_project(21)]))).await;
    let made = admin.expect(201, "POST /limits", new(json!([of_project(15), of_domain(20)]))).await;
    let id = |at: usize| made["limits"][at]["id"].as_str().unwrap().to_owned();
    let set =
        |at: usize, value: i64| (format!("PATCH /limits/{}", id(at)), json!({"limit": {"resource_limit": value}}));
    for ((request, body), expect) in [
        (set(0, 21), 403),
        (set(1, 14), 403),
        (set(1, 15), 200),
        (set(0, 3), 200),
        (set(1, -1), 200),
        (set(0, 99), 200),
    ] {
        admin.expect(expect, &request, body).await;
    }
}
