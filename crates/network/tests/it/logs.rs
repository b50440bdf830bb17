use crate::support::{World, id};
use serde_json::json;

#[tokio::test]
async fn of_groups_and_ports() {
    let world = World::new().await;
    let red = world.client("red-manager");
    assert_eq!(red.list("log/loggable-resources").await, [json!({"type": "security_group"})]);
    let group = id(&red.make("security_group", json!({"name": "g"})).await);
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.make("port", json!({"network_id": network, "security_groups": [group]})).await);
    let other = id(&red.make("security_group", json!({"name": "other"})).await);
    let nothing = "00000000-0000-0000-0000-000000000000";
    let body = |resource: &str, target: Option<&str>| json!({"log": {"resource_type": "security_group", "resource_id": resource, "target_id": target}});
    red.refused(404, "ResourceNotFound", "POST log/logs", body(nothing, None)).await;
    red.refused(404, "TargetResourceNotFound", "POST log/logs", body(&group, Some(nothing))).await;
    red.refused(400, "InvalidResourceConstraint", "POST log/logs", body(&other, Some(&port))).await;
    let wrong = json!({"log": {"resource_type": "firewall"}});
    red.refused(400, "InvalidLogResourceType", "POST log/logs", wrong).await;
    let log = red.expect(201, "POST log/logs", body(&group, None)).await["log"].take();
    assert_eq!((log["event"].as_str(), log["enabled"].as_bool()), (Some("ALL"), Some(true)));
    let of_port = id(&red.expect(201, "POST log/logs", body(&group, Some(&port))).await["log"]);
    let changed = red.set("log", &id(&log), json!({"enabled": false, "description": "quiet"})).await;
    assert_eq!((changed["enabled"].as_bool(), changed["description"].as_str()), (Some(false), Some("quiet")));
    world.red().refused(404, "LogResourceNotFound", &format!("GET log/logs/{}", id(&log)), None).await;
    // They go with what they are about.
    red.delete("port", &port).await;
    red.refused(404, "LogResourceNotFound", &format!("GET log/logs/{of_port}"), None).await;
    red.delete("security_group", &group).await;
    assert!(red.list("log/logs").await.is_empty());
}
