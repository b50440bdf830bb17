use crate::support::{BLUE, Client, World, id};
use network::driver::{Logical, LogicalKey, Remote};
use serde_json::{Value, json};

async fn group(client: &Client, addresses: Value) -> String {
    id(&client.make("address_group", json!({"name": "office", "addresses": addresses})).await)
}

#[tokio::test]
async fn addresses_come_and_go() {
    let world = World::new().await;
    let red = world.red();
    let made = red.make("address_group", json!({"name": "office", "addresses": ["10.1.2.3/24", "fd00::/64"]})).await;
    assert_eq!(made["addresses"], json!(["10.1.2.0/24", "fd00::/64"]));
    assert_eq!(
        (made["revision_number"].as_i64(), made["description"].as_str(), made["shared"].as_bool()),
        (Some(1), Some(""), Some(false))
    );
    let group = id(&made);
    let (add, remove) =
        (format!("PUT address-groups/{group}/add_addresses"), format!("PUT address-groups/{group}/remove_addresses"));
    let body = |addresses: Value| json!({"addresses": addresses});
    let now = red.expect(200, &add, body(json!(["192.0.2.7", "10.2.0.0/16"]))).await;
    assert_eq!(now["address_group"]["addresses"], json!(["10.1.2.0/24", "10.2.0.0/16", "192.0.2.7/32", "fd00::/64"]));
    assert_eq!(now["address_group"]["revision_number"], 2);
    // All or none.
    for (request, addresses, status, name) in [
        (&add, json!(["10.3.0.0/16", "10.1.2.0/24"]), 400, "AddressesAlreadyExist"),
        (&remove, json!(["10.2.0.0/16", "10.3.0.0/16"]), 404, "AddressesNotFound"),
        (&add, json!(["x"]), 400, "InvalidCIDR"),
        (&add, json!([null]), 400, "HTTPBadRequest"),
        (&add, json!("10.3.0.0/16"), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, request, body(addresses)).await;
    }
    assert_eq!(red.show("address_group", &group).await["revision_number"], 2);
    let now = red.expect(200, &remove, body(json!(["10.1.2.0/24", "fd00::/64"]))).await;
    assert_eq!(now["address_group"]["addresses"], json!(["10.2.0.0/16", "192.0.2.7/32"]));
    let stale = red.with("If-Match", "revision_number=1");
    stale.refused(412, "RevisionNumberConstraintFailed", &add, body(json!(["10.9.0.0/16"]))).await;
    assert_eq!(red.set("address_group", &group, json!({"name": "n", "description": "d"})).await["description"], "d");
    for change in [json!({"addresses": []}), json!({"shared": true})] {
        red.refused(400, "HTTPBadRequest", &format!("PUT address-groups/{group}"), json!({"address_group": change}))
            .await;
    }
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &add, body(json!([]))).await;
    world.blue().refused(404, "AddressGroupNotFound", &add, body(json!([]))).await;
    assert_eq!(red.names("address-groups?name=n").await, ["n"]);
    red.delete("address_group", &group).await;
    world.audit_store().await;
}

/// The back end has a rule for each prefix of the family, and follows the group.
#[tokio::test]
async fn rules_follow_the_group() {
    let world = World::new().await.reconciling();
    let red = world.red();
    let office = group(&red, json!(["10.1.0.0/16", "fd00::/64"])).await;
    let filter = id(&red.make("security_group", json!({"name": "g"})).await);
    let rule = |change: Value| {
        let mut body = json!({"security_group_id": filter, "direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_address_group_id": office});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({"security_group_rule": body})
    };
    let made = red.expect(201, "POST security-group-rules", rule(json!({}))).await;
    assert_eq!(made["security_group_rule"]["remote_address_group_id"], *office);
    let prefixes = || {
        let Some(Logical::SecurityGroup(g)) = world.backend.get(&LogicalKey::SecurityGroup(filter.as_str().into()))
        else {
            return Vec::new();
        };
        let ssh = g.rules.iter().filter(|r| r.range == Some((22, Some(22))));
        ssh.map(|r| if let Remote::Prefix(net) = &r.remote { net.to_string() } else { "?".to_owned() }).collect()
    };
    world.settled().await;
    assert_eq!(prefixes(), ["10.1.0.0/16"]);
    let add = format!("PUT address-groups/{office}/add_addresses");
    red.expect(200, &add, json!({"addresses": ["10.2.0.0/16", "fd01::/64"]})).await;
    world.settled().await;
    assert_eq!(prefixes(), ["10.1.0.0/16", "10.2.0.0/16"]);
    // An empty group lets nobody in.
    let all = red.show("address_group", &office).await["addresses"].clone();
    red.expect(200, &format!("PUT address-groups/{office}/remove_addresses"), json!({"addresses": all})).await;
    world.settled().await;
    assert_eq!(prefixes(), Vec::<String>::new());
    red.refused(409, "AddressGroupInUse", &format!("DELETE address-groups/{office}"), None).await;
    for (change, status, name) in [
        (json!({}), 409, "SecurityGroupRuleExists"),
        (json!({"remote_ip_prefix": "10.0.0.0/8"}), 400, "SecurityGroupMultipleRemoteEntites"),
        (json!({"remote_group_id": filter}), 400, "SecurityGroupMultipleRemoteEntites"),
        (json!({"remote_address_group_id": filter}), 404, "AddressGroupNotFound"),
        (json!({"remote_address_group_id": "x"}), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, "POST security-group-rules", rule(change)).await;
    }
    assert_eq!(red.list(&format!("security-group-rules?remote_address_group_id={office}")).await.len(), 1);
    red.delete("security_group_rule", &id(&made["security_group_rule"])).await;
    red.delete("address_group", &office).await;
    world.settled().await;
}

#[tokio::test]
async fn groups_are_lent() {
    let world = World::new().await;
    let (red, blue, admin) = (world.red(), world.blue(), world.admin());
    let office = group(&red, json!(["10.1.0.0/16"])).await;
    let theirs = id(&blue.make("security_group", json!({"name": "g"})).await);
    let rule = json!({"security_group_rule": {"security_group_id": theirs, "direction": "ingress", "remote_address_group_id": office}});
    blue.refused(404, "AddressGroupNotFound", "POST security-group-rules", rule.clone()).await;
    let lend = json!({"object_type": "address_group", "object_id": office, "action": "access_as_shared", "target_tenant": BLUE});
    let lent = id(&red.make("rbac_policy", lend).await);
    assert_eq!(blue.show("address_group", &office).await["shared"], true);
    blue.refused(
        403,
        "PolicyNotAuthorized",
        &format!("PUT address-groups/{office}/add_addresses"),
        json!({"addresses": []}),
    )
    .await;
    let made = blue.expect(201, "POST security-group-rules", rule).await;
    red.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{lent}"), None).await;
    red.refused(409, "AddressGroupInUse", &format!("DELETE address-groups/{office}"), None).await;
    blue.delete("security_group_rule", &id(&made["security_group_rule"])).await;
    red.delete("rbac_policy", &lent).await;
    // The operator's rules for new groups may refer to one, too.
    let usual = json!({"direction": "ingress", "remote_address_group_id": office, "used_in_non_default_sg": true});
    let usual = id(&admin.make("default_security_group_rule", usual).await);
    let fresh = red.make("security_group", json!({"name": "fresh"})).await;
    let rules = fresh["security_group_rules"].as_array().unwrap();
    let from_office: Vec<_> = rules.iter().filter(|r| r["remote_address_group_id"] == *office).collect();
    assert_eq!(from_office.len(), 1);
    red.delete("security_group_rule", &id(from_office[0])).await;
    red.refused(409, "AddressGroupInUse", &format!("DELETE address-groups/{office}"), None).await;
    admin.delete("default_security_group_rule", &usual).await;
    red.delete("address_group", &office).await;
    world.audit_store().await;
}
