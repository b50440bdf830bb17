use crate::support::{BLUE, RED, World, id};
use serde_json::json;

#[tokio::test]
async fn limits_and_use() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let own = red.expect(200, &format!("GET quotas/{RED}"), None).await;
    assert_eq!(own["quota"]["network"], 100);
    red.expect(200, &format!("GET quotas/{RED}/default"), None).await;
    red.refused(403, "PolicyNotAuthorized", &format!("GET quotas/{BLUE}"), None).await;
    red.refused(403, "PolicyNotAuthorized", &format!("PUT quotas/{RED}"), json!({"quota": {"network": 5}})).await;
    assert_eq!(red.expect(200, "GET quotas/project", None).await["project"]["project_id"], RED);
    let set = admin.expect(200, &format!("PUT quotas/{RED}"), json!({"quota": {"network": 2, "port": -1}})).await;
    assert_eq!(
        (set["quota"]["network"].as_i64(), set["quota"]["port"].as_i64(), set["quota"]["router"].as_i64()),
        (Some(2), Some(-1), Some(10))
    );
    let listed = admin.expect(200, "GET quotas", None).await;
    assert_eq!(
        (listed["quotas"].as_array().unwrap().len(), listed["quotas"][0]["project_id"].as_str()),
        (1, Some(RED))
    );
    for name in ["a", "b"] {
        red.make("network", json!({ "name": name })).await;
    }
    let text = red.refused(409, "OverQuota", "POST networks", json!({"network": {}})).await;
    assert_eq!(text, "Quota exceeded for resources: ['network'].");
    let details = red.expect(200, &format!("GET quotas/{RED}/details.json"), None).await;
    assert_eq!(details["quota"]["network"], json!({"limit": 2, "used": 2, "reserved": 0}));
    let below = json!({"quota": {"network": 1}});
    admin.refused(400, "HTTPBadRequest", &format!("PUT quotas/{RED}"), below).await;
    admin.expect(200, &format!("PUT quotas/{RED}"), json!({"quota": {"network": 1, "force": true}})).await;
    red.delete("network", &id(&red.list("networks?name=a").await[0])).await;
    red.refused(409, "OverQuota", "POST networks", json!({"network": {}})).await;
    admin.expect(204, &format!("DELETE quotas/{RED}"), None).await;
    red.make("network", json!({})).await;
    for (body, text) in [
        (json!({"quota": {"cheese": 1}}), "Unrecognized attribute(s) 'cheese'"),
        (json!({"quota": {"network": -2}}), "'-2' is not in the range"),
        (json!({"quota": {"network": "many"}}), "'many' is not an integer"),
        (json!({}), "Resource body required"),
    ] {
        let answer = admin.expect(400, &format!("PUT quotas/{RED}"), body).await;
        assert!(answer["NeutronError"]["message"].as_str().unwrap().contains(text), "{answer}");
    }
    world.audit_store().await;
}

#[tokio::test]
async fn each_resource_counts() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let public = world.public().await;
    let group = id(&red.make("security_group", json!({"name": "g"})).await);
    let zero = json!({"quota": {"subnet": 0, "port": 0, "router": 0, "floatingip": 0, "security_group": 0, "security_group_rule": 0, "subnetpool": 0, "rbac_policy": 0, "force": true}});
    admin.expect(200, &format!("PUT quotas/{RED}"), zero).await;
    for (request, body) in [
        ("POST subnets", json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.1.0.0/24"}})),
        ("POST ports", json!({"port": {"network_id": network}})),
        ("POST routers", json!({"router": {}})),
        ("POST floatingips", json!({"floatingip": {"floating_network_id": public}})),
        ("POST security-groups", json!({"security_group": {"name": "h"}})),
        (
            "POST security-group-rules",
            json!({"security_group_rule": {"security_group_id": group, "direction": "ingress"}}),
        ),
        ("POST subnetpools", json!({"subnetpool": {"name": "p", "prefixes": ["10.0.0.0/8"]}})),
        (
            "POST rbac-policies",
            json!({"rbac_policy": {"object_type": "network", "object_id": network, "action": "access_as_shared", "target_tenant": BLUE}}),
        ),
    ] {
        red.refused(409, "OverQuota", request, body).await;
    }
    world.audit_store().await;
}
