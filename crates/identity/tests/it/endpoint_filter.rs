//! Endpoint groups and what is given to projects: the catalog of a token shows it.

use crate::cloud::{BASE, Calls, Cloud, PASSWORD, on_project_id};
use http::testkit::Api;
use serde_json::{Value, json};

async fn endpoint(admin: &Api, service: &str, interface: &str) -> String {
    let new = json!({"interface": interface, "service_id": service, "url": format!("http://{interface}")});
    admin.create("endpoint", new).await
}

fn urls(token: &Value) -> Vec<String> {
    let services = token["token"]["catalog"].as_array().unwrap().iter();
    let all = services.flat_map(|s| s["endpoints"].as_array().unwrap());
    let mut urls: Vec<_> = all.map(|e| e["url"].as_str().unwrap().to_owned()).collect();
    urls.sort();
    urls
}

#[tokio::test]
async fn a_project_sees_what_was_given_to_it() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let (ann, project) = (admin.user("ann").await, admin.create("project", json!({"name": "p"})).await);
    admin.grant(&format!("projects/{project}/users/{ann}"), "member").await;
    let service = admin.create("service", json!({"type": "dns"})).await;
    let (public, private) = (endpoint(&admin, &service, "public").await, endpoint(&admin, &service, "internal").await);
    let catalog = || async { urls(&cloud.login("ann", PASSWORD, on_project_id(&project)).await.json()) };
    assert!(catalog().await.len() > 10, "nothing was given, all is seen");

    let given = format!("/OS-EP-FILTER/projects/{project}/endpoints");
    admin.expect(404, &format!("GET {given}/{public}"), None).await;
    admin.expect(204, &format!("PUT {given}/{public}"), None).await;
    admin.expect(409, &format!("PUT {given}/{public}"), None).await;
    admin.expect(404, &format!("PUT {given}/none"), None).await;
    admin.expect(404, &format!("PUT /OS-EP-FILTER/projects/none/endpoints/{public}"), None).await;
    admin.expect(204, &format!("HEAD {given}/{public}"), None).await;
    assert_eq!(catalog().await, ["http://public"]);
    let of = admin.expect(200, &format!("GET /OS-EP-FILTER/endpoints/{public}/projects"), None).await;
    assert_eq!(of["projects"][0]["id"], json!(project));

    let new = json!({"endpoint_group": {"name": "inner", "filters": {"interface": "internal", "service_id": service}}});
    let group = admin.expect(201, "POST /OS-EP-FILTER/endpoint_groups", new).await["endpoint_group"].take();
    let id = group["id"].as_str().unwrap().to_owned();
    let one = format!("/OS-EP-FILTER/endpoint_groups/{id}");
    assert_eq!(
        group,
        json!({"id": id, "name": "inner", "description": null, "links": {"self": format!("{BASE}{one}")},
            "filters": {"interface": "internal", "service_id": service}})
    );
    let inside = admin.expect(200, &format!("GET {one}/endpoints"), None).await;
    assert_eq!(inside["endpoints"][0]["id"], json!(private));
    admin.expect(204, &format!("PUT {one}/projects/{project}"), None).await;
    admin.expect(409, &format!("PUT {one}/projects/{project}"), None).await;
    assert_eq!(catalog().await, ["http://internal", "http://public"]);
    let seen = admin.expect(200, &format!("GET {given}"), None).await;
    assert_eq!(seen["endpoints"].as_array().unwrap().len(), 2);
    let shown = admin.expect(200, &format!("GET {one}/projects/{project}"), None).await;
    assert_eq!(shown["project_endpoint_group"]["project_id"], json!(project));
    let groups = admin.expect(200, &format!("GET /OS-EP-FILTER/projects/{project}/endpoint_groups"), None).await;
    assert_eq!(groups["endpoint_groups"][0]["id"], json!(id));

    let change =
        json!({"endpoint_group": {"filters": {"interface": "admin", "service_id": service}, "description": "d"}});
    assert_eq!(admin.expect(200, &format!("PATCH {one}"), change).await["endpoint_group"]["description"], "d");
    assert_eq!(catalog().await, ["http://public"]);
    admin.expect(204, &format!("DELETE {given}/{public}"), None).await;
    admin.expect(404, &format!("DELETE {given}/{public}"), None).await;
    assert_eq!(catalog().await, Vec::<String>::new(), "a group without endpoints is given: nothing is seen");
    admin.expect(204, &format!("DELETE {one}"), None).await;
    admin.expect(404, &format!("GET {one}"), None).await;
    assert!(catalog().await.len() > 10);
}

#[tokio::test]
async fn what_hangs_on_the_catalog_goes_with_it() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let project = admin.create("project", json!({"name": "p"})).await;
    let service = admin.create("service", json!({"type": "dns"})).await;
    let endpoint = endpoint(&admin, &service, "public").await;
    admin.expect(204, &format!("PUT /OS-EP-FILTER/projects/{project}/endpoints/{endpoint}"), None).await;
    let policy = admin.expect(201, "POST /policies", json!({"policy": {"blob": "b", "type": "t"}})).await;
    let policy = policy["policy"]["id"].as_str().unwrap().to_owned();
    admin.expect(204, &format!("PUT /policies/{policy}/OS-ENDPOINT-POLICY/endpoints/{endpoint}"), None).await;
    admin.expect(204, &format!("DELETE /services/{service}"), None).await;
    let left = admin.expect(200, &format!("GET /OS-EP-FILTER/projects/{project}/endpoints"), None).await;
    assert_eq!(left["endpoints"], json!([]));
    let left = cloud.identity.store().snapshot();
    assert_eq!(left.count::<identity::model::ProjectEndpoint>(), 0);
    assert_eq!(left.count::<identity::model::PolicyAssociation>(), 0);
}

#[tokio::test]
async fn groups_that_make_no_sense_are_refused() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    for filters in [json!({}), json!({"interface": "secret"}), json!({"color": "red"}), json!(null), json!([])] {
        let new = json!({"endpoint_group": {"name": "g", "filters": filters}});
        admin.expect(400, "POST /OS-EP-FILTER/endpoint_groups", new).await;
    }
    admin
        .expect(
            400,
            "POST /OS-EP-FILTER/endpoint_groups",
            json!({"endpoint_group": {"filters": {"interface": "public"}}}),
        )
        .await;
}
