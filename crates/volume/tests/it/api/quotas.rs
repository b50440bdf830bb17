//! Quotas in all, of each type, and of one volume.

use crate::world::{Cloud, P1, create, expect, refused, snapshot};
use http::testkit::Api;
use serde_json::{Value, json};

async fn quotas(api: &Api, query: &str) -> Value {
    expect(&api.call(&format!("GET /volume/v3/os-quota-sets/{P1}{query}"), None).await, 200)["quota_set"].take()
}

async fn limit(admin: &Api, resource: &str, limit: i64) {
    let body = json!({"quota_set": {resource: limit}});
    expect(&admin.call(&format!("PUT /volume/v3/os-quota-sets/{P1}"), body).await, 200);
}

async fn new_type(admin: &Api, name: &str) {
    expect(&admin.call("POST /volume/v3/types", json!({"volume_type": {"name": name}})).await, 200);
}

#[tokio::test]
async fn a_type_has_quotas_of_its_own() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    new_type(&admin, "gold").await;
    new_type(&admin, "lead").await;
    limit(&admin, "volumes_gold", 1).await;
    limit(&admin, "gigabytes_gold", 5).await;
    let gold = |size: u64| json!({"volume": {"size": size, "volume_type": "gold"}});
    refused(&member.call("POST /volume/v3/volumes", gold(6)).await, 413, "overLimit", "gigabytes_gold");
    let first = create(&member, json!({"size": 2, "volume_type": "gold"})).await;
    cloud.reach(&first, "available").await;
    refused(&member.call("POST /volume/v3/volumes", gold(1)).await, 413, "overLimit", "volumes_gold");
    // Snapshots count among the gigabytes of their volume's type.
    let taken = snapshot(&member, &first).await;
    cloud.reach_snapshot(&taken, "available").await;
    let used = quotas(&admin, "?usage=True").await;
    assert_eq!((&used["gigabytes_gold"]["in_use"], &used["snapshots_gold"]["in_use"]), (&json!(4), &json!(1)));
    let extend = json!({"os-extend": {"new_size": 4}});
    let act = format!("POST /volume/v3/volumes/{first}/action");
    refused(&member.call(&act, extend).await, 413, "overLimit", "gigabytes_gold");
    // Another type takes all of it along, and frees what it had.
    expect(&member.call(&act, json!({"os-retype": {"new_type": "lead"}})).await, 202);
    let used = quotas(&admin, "?usage=True").await;
    for (resource, in_use) in [("volumes_gold", 0), ("gigabytes_gold", 0), ("volumes_lead", 1), ("gigabytes_lead", 4)] {
        assert_eq!(used[resource]["in_use"], in_use, "{resource}");
    }
    cloud.assert_clean("retyped");
    // A new name is the same type.
    let types = expect(&admin.call("GET /volume/v3/types?name=lead", None).await, 200);
    let id = types["volume_types"][0]["id"].as_str().unwrap().to_owned();
    let renamed = json!({"volume_type": {"name": "iron"}});
    expect(&admin.call(&format!("PUT /volume/v3/types/{id}"), renamed).await, 200);
    let used = quotas(&admin, "?usage=True").await;
    assert_eq!((&used["volumes_iron"]["in_use"], used.get("volumes_lead")), (&json!(1), None));
}

#[tokio::test]
async fn limits_are_not_below_what_is_used_and_a_volume_may_have_its_own() {
    let (cloud, id) = Cloud::with_volume(3).await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let put = format!("PUT /volume/v3/os-quota-sets/{P1}");
    let low = json!({"quota_set": {"gigabytes": 2}});
    refused(&admin.call(&put, low).await, 400, "badRequest", "Current usage is 3");
    refused(&admin.call(&put, json!({"quota_set": {"volumes_odd": 2}})).await, 400, "badRequest", "Bad key(s)");
    limit(&admin, "per_volume_gigabytes", 4).await;
    let large = json!({"volume": {"size": 5}});
    refused(&member.call("POST /volume/v3/volumes", large).await, 413, "overLimit", "maximum allowed limit 4G");
    let extend = json!({"os-extend": {"new_size": 5}});
    let act = format!("POST /volume/v3/volumes/{id}/action");
    refused(&member.call(&act, extend).await, 413, "overLimit", "maximum allowed limit 4G");
    cloud.assert_clean("refused");
}
