//! Policies for other services: an endpoint's own, else its region's, else its service's.

use crate::cloud::{BASE, Calls, Cloud};
use http::testkit::Api;
use serde_json::json;

async fn policy(admin: &Api, blob: &str) -> String {
    let made = admin.expect(201, "POST /policies", json!({"policy": {"blob": blob, "type": "text/plain"}})).await;
    made["policy"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_nearest_policy_is_the_endpoints() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    admin.expect(201, "PUT /regions/top", json!({"region": {}})).await;
    admin.expect(201, "PUT /regions/below", json!({"region": {"parent_region_id": "top"}})).await;
    let service = admin.create("service", json!({"type": "dns"})).await;
    let new = json!({"interface": "public", "service_id": service, "url": "http://x", "region_id": "below"});
    let endpoint = admin.create("endpoint", new).await;
    let (far, near, own) = (policy(&admin, "far").await, policy(&admin, "near").await, policy(&admin, "own").await);
    let found = format!("/endpoints/{endpoint}/OS-ENDPOINT-POLICY/policy");
    admin.expect(404, &format!("GET {found}"), None).await;
    let steps = [
        (&far, format!("services/{service}"), "far"),
        (&near, format!("services/{service}/regions/top"), "near"),
        (&own, format!("endpoints/{endpoint}"), "own"),
    ];
    for (id, of, blob) in &steps {
        let path = format!("/policies/{id}/OS-ENDPOINT-POLICY/{of}");
        admin.expect(404, &format!("GET {path}"), None).await;
        admin.expect(404, &format!("DELETE {path}"), None).await;
        admin.expect(204, &format!("PUT {path}"), None).await;
        admin.expect(204, &format!("PUT {path}"), None).await;
        admin.expect(204, &format!("GET {path}"), None).await;
        assert_eq!(admin.expect(200, &format!("GET {found}"), None).await["policy"]["blob"], **blob);
        let of = admin.expect(200, &format!("GET /policies/{id}/OS-ENDPOINT-POLICY/endpoints"), None).await;
        assert_eq!(of["endpoints"][0]["id"], json!(endpoint), "{blob}");
    }
    let replaced = format!("/policies/{far}/OS-ENDPOINT-POLICY/endpoints/{endpoint}");
    admin.expect(204, &format!("PUT {replaced}"), None).await;
    assert_eq!(admin.expect(200, &format!("GET {found}"), None).await["policy"]["blob"], "far");
    admin.expect(404, &format!("GET /policies/{own}/OS-ENDPOINT-POLICY/endpoints/{endpoint}"), None).await;
    admin.expect(204, &format!("DELETE {replaced}"), None).await;
    assert_eq!(admin.expect(200, &format!("GET {found}"), None).await["policy"]["blob"], "near");
    admin.expect(204, &format!("DELETE /policies/{near}"), None).await;
    assert_eq!(admin.expect(200, &format!("GET {found}"), None).await["policy"]["blob"], "far");
    for missing in ["services/none", "endpoints/none", &format!("services/{service}/regions/none")] {
        admin.expect(404, &format!("PUT /policies/{far}/OS-ENDPOINT-POLICY/{missing}"), None).await;
    }
    admin.expect(404, &format!("PUT /policies/none/OS-ENDPOINT-POLICY/services/{service}"), None).await;
}

#[tokio::test]
async fn policies_are_kept_as_they_are() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let id = policy(&admin, "{}").await;
    let one = format!("/policies/{id}");
    let change = json!({"policy": {"blob": "new", "note": "n"}});
    assert_eq!(
        admin.expect(200, &format!("PATCH {one}"), change).await["policy"],
        json!({"id": id, "blob": "new", "type": "text/plain", "note": "n", "links": {"self": format!("{BASE}{one}")}})
    );
    admin.expect(400, &format!("PATCH {one}"), json!({"policy": {"id": "other"}})).await;
    for bad in [
        json!({"blob": "b"}),
        json!({"type": "t"}),
        json!({"blob": 1, "type": "t"}),
        json!({"blob": "b", "type": "t".repeat(256)}),
    ] {
        admin.expect(400, "POST /policies", json!({"policy": bad})).await;
    }
    let listed = admin.expect(200, "GET /policies?type=text/plain", None).await;
    assert_eq!(listed["policies"].as_array().unwrap().len(), 1);
    assert_eq!(admin.expect(200, "GET /policies?type=other", None).await["policies"], json!([]));
    admin.expect(204, &format!("DELETE {one}"), None).await;
    admin.expect(404, &format!("DELETE {one}"), None).await;
}
