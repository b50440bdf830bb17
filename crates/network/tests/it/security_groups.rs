use crate::support::{RED, World, id};
use serde_json::{Value, json};

#[tokio::test]
async fn a_projects_default_group_is_made_at_first_use() {
    let world = World::new().await;
    let red = world.red();
    assert!(
        world.admin().list(&format!("security-groups?project_id={RED}")).await.len() == 1,
        "asking for a project's groups is a use"
    );
    let groups = red.list("security-groups").await;
    assert_eq!(groups.len(), 1);
    let group = &groups[0];
    assert_eq!(
        (group["name"].as_str(), group["project_id"].as_str(), group["stateful"].as_bool()),
        (Some("default"), Some(RED), Some(true))
    );
    let mut rules: Vec<_> = group["security_group_rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            let own = r["remote_group_id"] == group["id"];
            format!("{} {} {}", r["direction"].as_str().unwrap(), r["ethertype"].as_str().unwrap(), own)
        })
        .collect();
    rules.sort();
    assert_eq!(rules, ["egress IPv4 false", "egress IPv6 false", "ingress IPv4 true", "ingress IPv6 true"]);
    assert!(group["security_group_rules"][0]["belongs_to_default_sg"].as_bool().unwrap());
    let put = format!("PUT security-groups/{}", id(group));
    red.refused(409, "SecurityGroupCannotUpdateDefault", &put, json!({"security_group": {"name": "x"}})).await;
    red.refused(409, "SecurityGroupCannotRemoveDefault", &format!("DELETE security-groups/{}", id(group)), None).await;
    red.refused(
        409,
        "SecurityGroupDefaultAlreadyExists",
        "POST security-groups",
        json!({"security_group": {"name": "Default"}}),
    )
    .await;
    red.set("security_group", &id(group), json!({"description": "mine"})).await;
    // An administrator may remove it; the next use makes another one.
    world.admin().delete("security_group", &id(group)).await;
    assert_ne!(red.list("security-groups").await[0]["id"], group["id"]);
    world.audit_store().await;
}

#[tokio::test]
async fn a_group_from_birth_to_death() {
    let world = World::new().await;
    let red = world.red();
    let made = red.make("security_group", json!({"name": "web", "description": "d"})).await;
    let group = id(&made);
    let rules = made["security_group_rules"].as_array().unwrap();
    assert!(
        rules.len() == 2 && rules.iter().all(|r| r["direction"] == "egress"),
        "a new group lets out, not in: {rules:?}"
    );
    let rule = json!({"security_group_id": group, "direction": "ingress", "protocol": "tcp", "port_range_min": 80, "port_range_max": 80, "remote_ip_prefix": "10.0.0.5/8"});
    let rule = red.make("security_group_rule", rule).await;
    for (key, expect) in [
        ("ethertype", json!("IPv4")),
        ("protocol", json!("tcp")),
        ("remote_ip_prefix", json!("10.0.0.5/8")),
        ("normalized_cidr", json!("10.0.0.0/8")),
        ("remote_group_id", json!(null)),
        ("belongs_to_default_sg", json!(false)),
        ("project_id", json!(RED)),
        ("description", json!("")),
    ] {
        assert_eq!(rule[key], expect, "{key}");
    }
    let before = made["revision_number"].as_i64().unwrap();
    assert!(red.show("security_group", &group).await["revision_number"].as_i64().unwrap() > before);
    assert_eq!(red.list(&format!("security-group-rules?security_group_id={group}")).await.len(), 3);
    red.delete("security_group_rule", &id(&rule)).await;
    red.refused(404, "SecurityGroupRuleNotFound", &format!("DELETE security-group-rules/{}", id(&rule)), None).await;
    let renamed = red.set("security_group", &group, json!({"name": "www", "stateful": false})).await;
    assert_eq!((renamed["name"].as_str(), renamed["stateful"].as_bool()), (Some("www"), Some(false)));
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.make("port", json!({"network_id": network, "security_groups": [group]})).await);
    red.refused(409, "SecurityGroupInUse", &format!("DELETE security-groups/{group}"), None).await;
    red.refused(
        409,
        "SecurityGroupInUse",
        &format!("PUT security-groups/{group}"),
        json!({"security_group": {"stateful": true}}),
    )
    .await;
    let default = id(&red.list("security-groups?name=default").await[0]);
    let mixed = json!({"port": {"security_groups": [group, default]}});
    red.refused(409, "SecurityGroupConflict", &format!("PUT ports/{port}"), mixed).await;
    red.set("port", &port, json!({"security_groups": []})).await;
    red.delete("security_group", &group).await;
    assert!(red.list(&format!("security-group-rules?security_group_id={group}")).await.is_empty());
    world.audit_store().await;
}

#[tokio::test]
async fn wrong_rules() {
    let world = World::new().await;
    let red = world.red();
    let group = id(&red.make("security_group", json!({"name": "g"})).await);
    let with = |change: Value| {
        let mut body = json!({"security_group_id": group, "direction": "ingress"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "security_group_rule": body })
    };
    for (change, name) in [
        (json!({"direction": "sideways"}), "HTTPBadRequest"),
        (json!({"protocol": "bad_protocol_name"}), "SecurityGroupRuleInvalidProtocol"),
        (json!({"protocol": 256}), "SecurityGroupRuleInvalidProtocol"),
        (json!({"ethertype": "bad_ethertype"}), "SecurityGroupRuleInvalidEtherType"),
        (json!({"remote_ip_prefix": "192.168.1./24"}), "InvalidCIDR"),
        (json!({"protocol": "tcp", "port_range_min": 80, "port_range_max": 70}), "SecurityGroupInvalidPortRange"),
        (json!({"protocol": "tcp", "port_range_min": -16384, "port_range_max": 22}), "SecurityGroupInvalidPortValue"),
        (json!({"protocol": "tcp", "port_range_min": 1, "port_range_max": 65536}), "SecurityGroupInvalidPortValue"),
        (json!({"protocol": "tcp", "port_range_min": "http", "port_range_max": 80}), "SecurityGroupInvalidPortValue"),
        (json!({"port_range_min": 80, "port_range_max": 80}), "SecurityGroupProtocolRequiredWithPorts"),
        (json!({"protocol": "icmp", "port_range_min": 1, "port_range_max": 256}), "SecurityGroupInvalidIcmpValue"),
        (json!({"protocol": "icmp", "port_range_max": 6}), "SecurityGroupMissingIcmpType"),
        (json!({"remote_ip_prefix": "fd00::/8"}), "SecurityGroupRuleParameterConflict"),
        (json!({"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": group}), "SecurityGroupMultipleRemoteEntites"),
        (json!({"protocol": "ipv6-icmp"}), "SecurityGroupEthertypeConflictWithProtocol"),
    ] {
        red.refused(400, name, "POST security-group-rules", with(change)).await;
    }
    let lost = "00000000-0000-0000-0000-000000000000";
    red.refused(404, "SecurityGroupNotFound", "POST security-group-rules", with(json!({"security_group_id": lost})))
        .await;
    red.refused(404, "SecurityGroupNotFound", "POST security-group-rules", with(json!({"remote_group_id": lost})))
        .await;
    let theirs = id(&world.blue().make("security_group", json!({"name": "t"})).await);
    red.refused(404, "SecurityGroupNotFound", "POST security-group-rules", with(json!({"security_group_id": theirs})))
        .await;
    red.refused(404, "SecurityGroupNotFound", "POST security-group-rules", with(json!({"remote_group_id": theirs})))
        .await;
    let some = json!({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22});
    let made = red.expect(201, "POST security-group-rules", with(some.clone())).await;
    let text = red.refused(409, "SecurityGroupRuleExists", "POST security-group-rules", with(some)).await;
    assert!(text.contains(&id(&made["security_group_rule"])), "{text}");
    let same = json!({"protocol": "6", "port_range_min": "22", "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0"});
    red.refused(409, "SecurityGroupRuleExists", "POST security-group-rules", with(same)).await;
    assert_eq!(
        red.expect(405, &format!("PUT security-group-rules/{}", id(&made["security_group_rule"])), json!({})).await["NeutronError"]
            ["type"],
        "HTTPMethodNotAllowed"
    );
    world.audit_store().await;
}

#[tokio::test]
async fn a_hundred_rules_at_once() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    admin.expect(200, &format!("PUT quotas/{RED}"), json!({"quota": {"security_group_rule": 500}})).await;
    let group = id(&red.make("security_group", json!({"name": "g"})).await);
    let rule = |group: &str, port: u16| json!({"security_group_id": group, "direction": "ingress", "protocol": "tcp", "port_range_min": port, "port_range_max": port});
    let many = |group: &str, ports: std::ops::Range<u16>| json!({"security_group_rules": ports.map(|p| rule(group, p)).collect::<Vec<_>>()});
    let made = red.expect(201, "POST security-group-rules", many(&group, 1000..1100)).await;
    assert_eq!(made["security_group_rules"].as_array().unwrap().len(), 100);
    let mut twice = many(&group, 2000..2002);
    let copy = twice["security_group_rules"][0].clone();
    twice["security_group_rules"].as_array_mut().unwrap().push(copy);
    red.refused(409, "DuplicateSecurityGroupRuleInPost", "POST security-group-rules", twice).await;
    let other = id(&red.make("security_group", json!({"name": "o"})).await);
    let mixed = json!({"security_group_rules": [rule(&group, 1), rule(&other, 1)]});
    red.refused(400, "SecurityGroupNotSingleGroupRules", "POST security-group-rules", mixed).await;
    assert_eq!(red.list(&format!("security-group-rules?security_group_id={group}")).await.len(), 102);
    world.audit_store().await;
}

#[tokio::test]
async fn what_new_groups_begin_with_is_the_operators() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    assert_eq!(red.list("default-security-group-rules").await.len(), 4);
    let rule = json!({"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "used_in_default_sg": true, "used_in_non_default_sg": true});
    red.refused(
        403,
        "PolicyNotAuthorized",
        "POST default-security-group-rules",
        json!({"default_security_group_rule": rule}),
    )
    .await;
    let made = admin.make("default_security_group_rule", rule.clone()).await;
    admin
        .refused(
            409,
            "DefaultSecurityGroupRuleExists",
            "POST default-security-group-rules",
            json!({"default_security_group_rule": rule}),
        )
        .await;
    assert_eq!(
        red.make("security_group", json!({"name": "g"})).await["security_group_rules"].as_array().unwrap().len(),
        3
    );
    assert_eq!(red.list("security-groups?name=default").await[0]["security_group_rules"].as_array().unwrap().len(), 5);
    admin.delete("default_security_group_rule", &id(&made)).await;
    admin
        .refused(
            404,
            "DefaultSecurityGroupRuleNotFound",
            &format!("DELETE default-security-group-rules/{}", id(&made)),
            None,
        )
        .await;
    assert_eq!(
        red.make("security_group", json!({"name": "h"})).await["security_group_rules"].as_array().unwrap().len(),
        2
    );
    world.audit_store().await;
}

#[tokio::test]
async fn rules_that_refer_to_a_group_go_with_it() {
    let world = World::new().await;
    let red = world.red();
    let (from, to) = (
        red.make("security_group", json!({"name": "a"})).await,
        red.make("security_group", json!({"name": "b"})).await,
    );
    let rule = json!({"security_group_id": id(&to), "direction": "ingress", "remote_group_id": id(&from)});
    let rule = id(&red.make("security_group_rule", rule).await);
    red.delete("security_group", &id(&from)).await;
    red.refused(404, "SecurityGroupRuleNotFound", &format!("GET security-group-rules/{rule}"), None).await;
    world.audit_store().await;
}
