//! What only a Cinder of several processes has, and what only one that replicates has.

use crate::world::{Cloud, NOWHERE, expect, refused};
use flow::Starter;
use serde_json::json;

#[tokio::test]
async fn there_are_no_clusters_and_nothing_waits_for_a_cleanup() {
    let cloud = Cloud::new().await;
    let api = cloud.api(&Starter::new("p".into()));
    let (admin, member) = (api.token("admin"), api.token("member"));
    for path in ["clusters", "clusters/detail?is_up=true"] {
        let all = expect(&admin.call(&format!("GET /volume/v3/{path}"), None).await, 200);
        assert_eq!(all, json!({"clusters": []}));
    }
    refused(&admin.call("GET /volume/v3/clusters?odd=1", None).await, 400, "badRequest", "odd");
    refused(&admin.call("GET /volume/v3/clusters/c", None).await, 404, "itemNotFound", "Cluster c");
    refused(
        &admin.call("PUT /volume/v3/clusters/enable", json!({"name": "c"})).await,
        404,
        "itemNotFound",
        "Cluster c",
    );
    refused(&member.call("GET /volume/v3/clusters", None).await, 403, "forbidden", "clusters:get_all");
    let clean = "POST /volume/v3/workers/cleanup";
    let done = expect(&admin.call(clean, json!({"binary": "cinder-volume"})).await, 202);
    assert_eq!(done, json!({"cleaning": [], "unavailable": []}));
    refused(&admin.call(clean, json!({"resource_id": NOWHERE})).await, 400, "badRequest", "pending cleanup");
    refused(&admin.call(clean, json!({"binary": "cinder-api"})).await, 400, "badRequest", "binary");
    refused(&member.call(clean, json!({})).await, 403, "forbidden", "workers:cleanup");
    let early = admin.with("openstack-api-version", "volume 3.6");
    assert_eq!(early.call("GET /volume/v3/clusters", None).await.status, 404);
}
