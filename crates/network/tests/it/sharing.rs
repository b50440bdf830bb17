use crate::support::{ADMINS, BLUE, RED, World, id};
use serde_json::json;

fn policy(network: &str, target: &str) -> serde_json::Value {
    json!({"object_type": "network", "object_id": network, "action": "access_as_shared", "target_tenant": target})
}

#[tokio::test]
async fn a_network_for_everybody() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = admin.network("common", "10.0.0.0/24").await;
    red.refused(404, "NetworkNotFound", &format!("GET networks/{network}"), None).await;
    assert_eq!(admin.set("network", &network, json!({"shared": true})).await["shared"], true);
    assert_eq!(red.show("network", &network).await["shared"], true);
    assert_eq!(red.list("networks?shared=True").await.len(), 1);
    assert_eq!(red.list(&format!("subnets?network_id={network}")).await.len(), 1);
    // `shared` is nothing but a policy for all.
    let policies = admin.list(&format!("rbac-policies?object_id={network}")).await;
    assert_eq!(
        (policies[0]["target_tenant"].as_str(), policies[0]["action"].as_str(), policies[0]["project_id"].as_str()),
        (Some("*"), Some("access_as_shared"), Some(ADMINS))
    );
    let port = red.port(&network).await;
    assert_eq!(port["project_id"], RED);
    // On somebody else's network one may not choose the address.
    let chosen = json!({"port": {"network_id": network, "fixed_ips": [{"ip_address": "10.0.0.50"}]}});
    red.refused(403, "PolicyNotAuthorized", "POST ports", chosen).await;
    red.refused(403, "PolicyNotAuthorized", &format!("DELETE networks/{network}"), None).await;
    world.blue().refused(404, "PortNotFound", &format!("GET ports/{}", id(&port)), None).await;
    // The owner of the network sees ports that others have there.
    assert!(admin.list(&format!("ports?network_id={network}")).await.iter().any(|p| p["id"] == port["id"]));
    let unshare = json!({"network": {"shared": false}});
    admin.refused(409, "InvalidSharedSetting", &format!("PUT networks/{network}"), unshare.clone()).await;
    red.delete("port", &id(&port)).await;
    admin.expect(200, &format!("PUT networks/{network}"), unshare).await;
    red.refused(404, "NetworkNotFound", &format!("GET networks/{network}"), None).await;
    world.audit_store().await;
}

#[tokio::test]
async fn a_network_for_one_project() {
    let world = World::new().await;
    let (red, blue) = (world.red(), world.blue());
    let (network, _) = red.network("mine", "10.0.0.0/24").await;
    for (body, status, name) in [
        (policy(&network, "*"), 403, "PolicyNotAuthorized"),
        (policy(&network, "nobody"), 400, "InvalidInput"),
        (policy("00000000-0000-0000-0000-000000000000", BLUE), 404, "NetworkNotFound"),
        (
            json!({"object_type": "planet", "object_id": network, "action": "access_as_shared", "target_tenant": BLUE}),
            400,
            "InvalidObjectType",
        ),
        (
            json!({"object_type": "network", "object_id": network, "action": "eat", "target_tenant": BLUE}),
            400,
            "RbacTargetError",
        ),
        (json!({"object_type": "network", "object_id": network, "action": "access_as_shared"}), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, "POST rbac-policies", json!({ "rbac_policy": body })).await;
    }
    blue.refused(404, "NetworkNotFound", "POST rbac-policies", json!({"rbac_policy": policy(&network, BLUE)})).await;
    let shared = red.make("rbac_policy", policy(&network, BLUE)).await;
    red.refused(409, "DuplicateRbacPolicy", "POST rbac-policies", json!({"rbac_policy": policy(&network, BLUE)})).await;
    assert_eq!(
        (
            blue.show("network", &network).await["shared"].as_bool(),
            red.show("network", &network).await["shared"].as_bool()
        ),
        (Some(true), Some(false))
    );
    blue.refused(404, "RbacPolicyNotFound", &format!("GET rbac-policies/{}", id(&shared)), None).await;
    // A list has one's own policies: what others share with one is seen at the object.
    for (client, query, expect) in [
        (&red, "rbac-policies".to_owned(), 1),
        (&red, format!("rbac-policies?object_type=network&action=access_as_shared&target_tenant={BLUE}"), 1),
        (&red, "rbac-policies?object_type=qos_policy".to_owned(), 0),
        (&blue, "rbac-policies".to_owned(), 0),
        (&world.client("red-reader"), "rbac-policies?fields=id".to_owned(), 1),
    ] {
        assert_eq!(client.list(&query).await.len(), expect, "{query}");
    }
    let port = blue.port(&network).await;
    red.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{}", id(&shared)), None).await;
    // The owner of the network may remove what stands on it.
    red.delete("port", &id(&port)).await;
    red.delete("rbac_policy", &id(&shared)).await;
    blue.refused(404, "NetworkNotFound", &format!("GET networks/{network}"), None).await;
    let moved = red.make("rbac_policy", policy(&network, ADMINS)).await;
    assert_eq!(red.set("rbac_policy", &id(&moved), json!({"target_tenant": BLUE})).await["target_tenant"], BLUE);
    blue.show("network", &network).await;
    red.refused(
        403,
        "PolicyNotAuthorized",
        &format!("PUT rbac-policies/{}", id(&moved)),
        json!({"rbac_policy": {"target_tenant": "*"}}),
    )
    .await;
    red.delete("network", &network).await;
    assert!(red.list("rbac-policies").await.is_empty(), "policies go with their object");
    world.audit_store().await;
}

#[tokio::test]
async fn groups_and_external_networks_are_shared_too() {
    let world = World::new().await;
    let (red, blue, admin) = (world.red(), world.blue(), world.admin());
    let group = id(&red.make("security_group", json!({"name": "lent"})).await);
    let lend = json!({"object_type": "security_group", "object_id": group, "action": "access_as_shared", "target_tenant": BLUE});
    let lent = id(&red.make("rbac_policy", lend).await);
    assert_eq!(blue.show("security_group", &group).await["shared"], true);
    let (network, _) = blue.network("n", "10.0.0.0/24").await;
    let port = id(&blue.make("port", json!({"network_id": network, "security_groups": [group]})).await);
    red.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{lent}"), None).await;
    blue.delete("port", &port).await;
    red.delete("rbac_policy", &lent).await;
    // An external network for one project only.
    let hidden = id(&admin.make("network", json!({"name": "hidden", "router:external": true})).await);
    let all = id(&admin.list(&format!("rbac-policies?object_id={hidden}")).await[0]);
    admin.delete("rbac_policy", &all).await;
    red.refused(404, "NetworkNotFound", &format!("GET networks/{hidden}"), None).await;
    let only =
        json!({"object_type": "network", "object_id": hidden, "action": "access_as_external", "target_tenant": RED});
    admin.make("rbac_policy", only).await;
    red.make("router", json!({"external_gateway_info": {"network_id": hidden}})).await;
    let refused = json!({"router": {"external_gateway_info": {"network_id": hidden}}});
    blue.refused(404, "NetworkNotFound", "POST routers", refused).await;
    world.audit_store().await;
}

fn external(network: &str, target: &str) -> serde_json::Value {
    json!({"rbac_policy": {"object_type": "network", "object_id": network, "action": "access_as_external", "target_tenant": target}})
}

/// A network is external as long as it is to somebody, and for whom a router has its gateway there.
#[tokio::test]
async fn external_to_some() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = admin.network("out", "192.0.2.0/24").await;
    let all = id(&admin.expect(201, "POST rbac-policies", external(&network, "*")).await["rbac_policy"]);
    let router = json!({"external_gateway_info": {"network_id": network}});
    let router = id(&red.make("router", router.clone()).await);
    let drop_all = format!("DELETE rbac-policies/{all}");
    admin.refused(409, "RbacPolicyInUse", &drop_all, None).await;
    let own = id(&admin.expect(201, "POST rbac-policies", external(&network, RED)).await["rbac_policy"]);
    admin.expect(204, &drop_all, None).await;
    admin.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{own}"), None).await;
    red.delete("router", &router).await;
    admin.delete("rbac_policy", &own).await;
    assert_eq!(admin.show("network", &network).await["router:external"], false, "to nobody");
    // The network of automatic topologies is everybody's.
    let public = world.public().await;
    admin.set("network", &public, json!({"is_default": true})).await;
    let wildcard = admin.list(&format!("rbac-policies?object_id={public}&action=access_as_external")).await;
    admin.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{}", id(&wildcard[0])), None).await;
    world.audit_store().await;
}

/// Who only uses an object cannot pass it on, and a pool goes only to those who have its scope.
#[tokio::test]
async fn passing_on() {
    let world = World::new().await;
    let (red, blue, admin) = (world.red(), world.blue(), world.admin());
    let share = |object: &str, kind: &str, target: &str| json!({"rbac_policy": {"object_type": kind, "object_id": object, "action": "access_as_shared", "target_tenant": target}});
    let pool =
        id(&admin.make("subnetpool", json!({"name": "p", "prefixes": ["10.0.0.0/16"], "default_prefixlen": 24})).await);
    red.refused(404, "SubnetPoolNotFound", "POST rbac-policies", share(&pool, "subnetpool", BLUE)).await;
    let policy = id(&admin.expect(201, "POST rbac-policies", share(&pool, "subnetpool", RED)).await["rbac_policy"]);
    red.refused(400, "InvalidInput", "POST rbac-policies", share(&pool, "subnetpool", BLUE)).await;
    let network = id(&red.make("network", json!({})).await);
    let subnet = json!({"network_id": network, "ip_version": 4, "subnetpool_id": pool});
    let subnet = id(&red.make("subnet", subnet).await);
    admin.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{policy}"), None).await;
    red.delete("subnet", &subnet).await;
    admin.delete("rbac_policy", &policy).await;
    let scope = id(&red.make("address_scope", json!({"ip_version": 4})).await);
    let scoped = json!({"name": "s", "prefixes": ["10.9.0.0/16"], "address_scope_id": scope});
    let scoped = id(&red.make("subnetpool", scoped).await);
    red.refused(400, "RbacPolicyInitError", "POST rbac-policies", share(&scoped, "subnetpool", BLUE)).await;
    red.expect(201, "POST rbac-policies", share(&scope, "address_scope", BLUE)).await;
    red.expect(201, "POST rbac-policies", share(&scoped, "subnetpool", BLUE)).await;
    assert_eq!(blue.show("subnetpool", &scoped).await["name"], "s");
}
