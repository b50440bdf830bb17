use crate::support::{BLUE, World, id};
use serde_json::{Value, json};

fn pool(name: &str, prefix: &str, scope: &str) -> Value {
    json!({"name": name, "prefixes": [prefix], "default_prefixlen": 24, "address_scope_id": scope})
}

#[tokio::test]
async fn pools_of_a_scope_do_not_overlap() {
    let world = World::new().await;
    let red = world.red();
    let made = red.make("address_scope", json!({"name": "s", "ip_version": 4})).await;
    assert_eq!(
        (made["shared"].as_bool(), made["ip_version"].as_u64(), made["name"].as_str()),
        (Some(false), Some(4), Some("s"))
    );
    assert!(made.get("revision_number").is_none() && made.get("description").is_none(), "as in Neutron: {made}");
    let scope = id(&made);
    let first = red.make("subnetpool", pool("a", "10.0.0.0/16", &scope)).await;
    assert_eq!(first["address_scope_id"], *scope);
    for (body, status, name) in [
        (pool("b", "10.0.8.0/24", &scope), 409, "AddressScopePrefixConflict"),
        (pool("b", "10.0.0.0/8", &scope), 409, "AddressScopePrefixConflict"),
        (
            json!({"name": "b", "prefixes": ["fd00::/48"], "address_scope_id": scope}),
            400,
            "IllegalSubnetPoolIpVersionAssociationToAddressScope",
        ),
        (pool("b", "10.1.0.0/16", "00000000-0000-0000-0000-000000000000"), 404, "AddressScopeNotFound"),
        (pool("b", "10.1.0.0/16", "x"), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, "POST subnetpools", json!({"subnetpool": body})).await;
    }
    let second = id(&red.make("subnetpool", pool("b", "10.2.0.0/16", &scope)).await);
    let put = format!("PUT subnetpools/{second}");
    let grown = json!({"subnetpool": {"prefixes": ["10.2.0.0/16", "10.0.5.0/24"]}});
    red.refused(409, "AddressScopePrefixConflict", &put, grown.clone()).await;
    assert_eq!(red.list(&format!("subnetpools?address_scope_id={scope}")).await.len(), 2);
    red.refused(409, "AddressScopeInUse", &format!("DELETE address-scopes/{scope}"), None).await;
    // Out of the scope it may overlap, and then not come back.
    assert_eq!(
        red.set("subnetpool", &second, json!({"address_scope_id": null})).await["address_scope_id"],
        Value::Null
    );
    red.expect(200, &put, grown).await;
    red.refused(409, "AddressScopePrefixConflict", &put, json!({"subnetpool": {"address_scope_id": scope}})).await;
    red.delete("subnetpool", &id(&first)).await;
    assert_eq!(red.set("subnetpool", &second, json!({"address_scope_id": scope})).await["address_scope_id"], *scope);
    red.delete("subnetpool", &second).await;
    red.delete("address_scope", &scope).await;
    world.audit_store().await;
}

/// However many pools join at once, those that are let in do not overlap.
#[tokio::test]
async fn one_of_many_that_overlap_gets_in() {
    let world = World::new().await;
    let red = world.red();
    let scope = id(&red.make("address_scope", json!({"ip_version": 4})).await);
    let asked = (0..8).map(|n| {
        let body = json!({"subnetpool": pool(&n.to_string(), "10.0.0.0/16", &scope)});
        red.call("POST subnetpools", body)
    });
    let answers = futures_util::future::join_all(asked).await;
    let mut statuses: Vec<_> = answers.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn a_network_is_in_one_scope() {
    let world = World::new().await;
    let red = world.red();
    let scope = id(&red.make("address_scope", json!({"ip_version": 4})).await);
    let other = id(&red.make("address_scope", json!({"ip_version": 4})).await);
    let mut pools = Vec::new();
    for (name, prefix, scope) in
        [("a", "10.0.0.0/16", &scope), ("b", "10.1.0.0/16", &scope), ("c", "10.2.0.0/16", &other)]
    {
        pools.push(id(&red.make("subnetpool", pool(name, prefix, scope)).await));
    }
    let network = id(&red.make("network", json!({})).await);
    let from = |pool: &str| json!({"subnet": {"network_id": network, "ip_version": 4, "subnetpool_id": pool}});
    assert_eq!(red.show("network", &network).await["ipv4_address_scope"], Value::Null);
    red.expect(201, "POST subnets", from(&pools[0])).await;
    let shown = red.show("network", &network).await;
    assert_eq!(
        (shown["ipv4_address_scope"].as_str(), &shown["ipv6_address_scope"]),
        (Some(scope.as_str()), &Value::Null)
    );
    red.expect(201, "POST subnets", from(&pools[1])).await;
    red.refused(400, "NetworkAddressScopeAffinityError", "POST subnets", from(&pools[2])).await;
    let poolless = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.9.0.0/24"}});
    red.refused(400, "NetworkSubnetPoolAffinityError", "POST subnets", poolless).await;
    // One of two pools of a network may not go elsewhere; its name may change.
    let elsewhere = json!({"subnetpool": {"address_scope_id": other}});
    red.refused(400, "NetworkAddressScopeAffinityError", &format!("PUT subnetpools/{}", pools[0]), elsewhere).await;
    assert_eq!(red.set("subnetpool", &pools[0], json!({"name": "z"})).await["name"], "z");
    world.audit_store().await;
}

#[tokio::test]
async fn scopes_are_shared() {
    let world = World::new().await;
    let (red, blue, admin) = (world.red(), world.blue(), world.admin());
    red.refused(
        403,
        "PolicyNotAuthorized",
        "POST address-scopes",
        json!({"address_scope": {"ip_version": 4, "shared": true}}),
    )
    .await;
    for body in [json!({}), json!({"ip_version": 5}), json!({"ip_version": 4, "description": "x"})] {
        red.refused(400, "HTTPBadRequest", "POST address-scopes", json!({"address_scope": body})).await;
    }
    let scope = id(&red.make("address_scope", json!({"name": "mine", "ip_version": 4})).await);
    blue.refused(404, "AddressScopeNotFound", &format!("GET address-scopes/{scope}"), None).await;
    blue.refused(
        404,
        "AddressScopeNotFound",
        "POST subnetpools",
        json!({"subnetpool": pool("p", "10.0.0.0/16", &scope)}),
    )
    .await;
    let lend = json!({"object_type": "address_scope", "object_id": scope, "action": "access_as_shared", "target_tenant": BLUE});
    let lent = id(&red.make("rbac_policy", lend).await);
    assert_eq!(blue.show("address_scope", &scope).await["shared"], true);
    let theirs = id(&blue.make("subnetpool", pool("p", "10.0.0.0/16", &scope)).await);
    red.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{lent}"), None).await;
    // What is in somebody else's scope is not for its owner to change.
    blue.refused(
        400,
        "IllegalSubnetPoolUpdate",
        &format!("PUT subnetpools/{theirs}"),
        json!({"subnetpool": {"name": "q"}}),
    )
    .await;
    blue.refused(403, "PolicyNotAuthorized", &format!("DELETE address-scopes/{scope}"), None).await;
    blue.delete("subnetpool", &theirs).await;
    red.delete("rbac_policy", &lent).await;
    // For all, and for good.
    let put = format!("PUT address-scopes/{scope}");
    red.refused(403, "PolicyNotAuthorized", &put, json!({"address_scope": {"shared": true}})).await;
    assert_eq!(admin.set("address_scope", &scope, json!({"shared": true, "name": "ours"})).await["shared"], true);
    assert_eq!(blue.names("address-scopes?shared=True").await, ["ours"]);
    admin.refused(400, "AddressScopeUpdateError", &put, json!({"address_scope": {"shared": false}})).await;
    red.refused(400, "HTTPBadRequest", &put, json!({"address_scope": {"ip_version": 6}})).await;
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &put, json!({"address_scope": {"name": "x"}})).await;
    red.delete("address_scope", &scope).await;
    assert!(admin.list("rbac-policies?object_type=address_scope").await.is_empty(), "policies go with their object");
    world.audit_store().await;
}
