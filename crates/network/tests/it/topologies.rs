use crate::support::{BLUE, RED, World, id};
use serde_json::json;

#[tokio::test]
async fn give_me_a_network() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let path = format!("auto-allocated-topology/{RED}");
    let dry = red.expect(200, &format!("GET {path}?fields=dry-run"), None).await;
    assert_eq!(dry["auto_allocated_topology"]["id"], "dry-run=pass");
    assert!(red.list("networks?name=auto_allocated_network").await.is_empty());
    // Many that ask at once get the same.
    let get = format!("GET {path}");
    let asked = (0..8).map(|_| red.expect(200, &get, None));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|a| a == &answers[0]), "{answers:?}");
    let network = answers[0]["auto_allocated_topology"]["id"].as_str().unwrap();
    assert_eq!(answers[0]["auto_allocated_topology"]["project_id"], RED);
    let subnets = red.list(&format!("subnets?network_id={network}")).await;
    assert_eq!(subnets.len(), 2, "one of each default pool");
    let router = red.list("routers?name=auto_allocated_router").await.remove(0);
    assert!(router["external_gateway_info"]["network_id"].is_string());
    let interfaces = red.list(&format!("ports?device_id={}&network_id={network}", id(&router))).await;
    assert_eq!(interfaces.len(), 2);
    let own = red.expect(200, "GET auto-allocated-topology/None", None).await;
    assert_eq!(own, answers[0], "whose it is need not be said");
    red.refused(403, "PolicyNotAuthorized", &format!("GET auto-allocated-topology/{BLUE}"), None).await;
    // What is in use stays.
    let port = id(&red.port(network).await);
    red.refused(409, "NetworkInUse", &format!("DELETE {path}"), None).await;
    red.delete("port", &port).await;
    red.expect(204, &format!("DELETE {path}"), None).await;
    red.refused(404, "NetworkNotFound", &format!("GET networks/{network}"), None).await;
    assert!(red.list("routers").await.is_empty());
    red.expect(204, &format!("DELETE {path}"), None).await;
    let public = world.public().await;
    admin.set("network", &public, json!({"is_default": false})).await;
    red.refused(409, "AutoAllocationFailure", &get, None).await;
    world.audit_store().await;
}

#[tokio::test]
async fn floating_ip_pools() {
    let world = World::new().await;
    let (red, public) = (world.red(), world.public().await);
    let pools = red.list("floatingip-pools").await;
    assert_eq!(pools.len(), 1);
    assert_eq!((pools[0]["network_id"].as_str(), pools[0]["cidr"].as_str()), (Some(&*public), Some("172.24.4.0/24")));
    world.admin().make("network", json!({"name": "inner"})).await;
    assert_eq!(red.list(&format!("floatingip-pools?network_id={public}")).await, pools);
}

/// Whether groups are stateful that do not say: the project's word, else the cloud's, else they are.
#[tokio::test]
async fn default_statefulness() {
    let world = World::new().await;
    let (red, admin) = (world.client("red-manager"), world.admin());
    let group = async |who: &crate::support::Client| {
        who.make("security_group", json!({"name": "g"})).await["stateful"].as_bool()
    };
    assert_eq!(group(&red).await, Some(true));
    let all = admin.make("security_groups_default_statefulness", json!({"project_id": null, "stateful": false})).await;
    assert_eq!(all["project_id"], "");
    assert_eq!(group(&red).await, Some(false));
    let own = red.make("security_groups_default_statefulness", json!({"stateful": true})).await;
    assert_eq!(group(&red).await, Some(true));
    let again = json!({"security_groups_default_statefulness": {}});
    let name = "SecurityGroupDefaultStatefulnessAlreadyExists";
    red.refused(409, name, "POST security-groups-default-statefulness", again).await;
    red.set("security_groups_default_statefulness", &id(&own), json!({"stateful": false})).await;
    assert_eq!(group(&red).await, Some(false));
    assert_eq!(world.blue().make("security_group", json!({"name": "g", "stateful": true})).await["stateful"], true);
    red.delete("security_groups_default_statefulness", &id(&own)).await;
    admin.delete("security_groups_default_statefulness", &id(&all)).await;
    assert_eq!(group(&red).await, Some(true));
}
