use crate::support::{BLUE, Client, RED, World, id};
use network::{
    driver::{LQos, LRate, Logical, LogicalKey},
    model::logical::desired,
};
use serde_json::{Value, json};

async fn policy(admin: &Client, body: Value) -> String {
    id(&admin.make("policy", body).await)
}

async fn rule(admin: &Client, policy: &str, kind: &str, body: Value) -> Value {
    let request = format!("POST qos/policies/{policy}/{kind}_rules");
    admin.expect(201, &request, json!({format!("{kind}_rule"): body})).await[format!("{kind}_rule")].take()
}

#[tokio::test]
async fn policies_and_their_rules() {
    let world = World::new().await;
    let admin = world.admin();
    let made = admin.make("policy", json!({"name": "gold", "description": "d"})).await;
    let gold = id(&made);
    assert_eq!(made["rules"], json!([]));
    assert_eq!(
        (made["shared"].as_bool(), made["is_default"].as_bool(), made["tags"].clone()),
        (Some(false), Some(false), json!([]))
    );
    for (kind, body, expect) in [
        (
            "bandwidth_limit",
            json!({"max_kbps": 200}),
            json!({"max_kbps": 200, "max_burst_kbps": 0, "direction": "egress"}),
        ),
        (
            "bandwidth_limit",
            json!({"max_kbps": "300", "max_burst_kbps": 7, "direction": "ingress"}),
            json!({"max_kbps": 300, "max_burst_kbps": 7, "direction": "ingress"}),
        ),
        (
            "packet_rate_limit",
            json!({"max_kpps": 5}),
            json!({"max_kpps": 5, "max_burst_kpps": 0, "direction": "egress"}),
        ),
        ("dscp_marking", json!({"dscp_mark": 46}), json!({"dscp_mark": 46})),
        ("minimum_bandwidth", json!({"min_kbps": 100}), json!({"min_kbps": 100, "direction": "egress"})),
        ("minimum_packet_rate", json!({"min_kpps": 1, "direction": "any"}), json!({"min_kpps": 1, "direction": "any"})),
    ] {
        let mut made = rule(&admin, &gold, kind, body).await;
        let id = made.as_object_mut().unwrap().remove("id").unwrap();
        assert_eq!(made, expect);
        let at = format!("qos/policies/{gold}/{kind}_rules");
        let listed = admin.list(&format!("{at}?id={}", id.as_str().unwrap())).await;
        assert_eq!(listed.len(), 1, "{at}");
        let shown = admin.expect(200, &format!("GET {at}/{}", id.as_str().unwrap()), None).await;
        assert_eq!(shown[format!("{kind}_rule")], listed[0]);
    }
    let shown = admin.show("policy", &gold).await;
    let types: Vec<_> = shown["rules"].as_array().unwrap().iter().map(|r| r["type"].as_str().unwrap()).collect();
    assert_eq!(types.len(), 6);
    assert_eq!((types[0], types[5]), ("bandwidth_limit", "minimum_packet_rate"));
    assert_eq!(shown["rules"][0]["qos_policy_id"], *gold);
    assert_eq!(admin.list(&format!("qos/policies/{gold}/bandwidth_limit_rules?direction=ingress")).await.len(), 1);
    // By the policy, and without naming it.
    let limit = shown["rules"][0]["id"].as_str().unwrap().to_owned();
    let at = format!("qos/policies/{gold}/bandwidth_limit_rules/{limit}");
    let body = |key: &str| json!({ key: {"max_kbps": 500} });
    let changed = admin.expect(200, &format!("PUT {at}"), body("bandwidth_limit_rule")).await;
    assert_eq!(changed["bandwidth_limit_rule"]["max_kbps"], 500);
    let alias = format!("qos/alias-bandwidth-limit-rules/{limit}");
    let shown = admin.expect(200, &format!("GET {alias}"), None).await;
    assert_eq!(shown["alias_bandwidth_limit_rule"], changed["bandwidth_limit_rule"]);
    let both = json!({"alias_bandwidth_limit_rule": {"max_kbps": 600, "direction": "ingress"}});
    admin.refused(409, "QoSRulesConflict", &format!("PUT {alias}"), both).await;
    admin.expect(200, &format!("PUT {alias}"), body("alias_bandwidth_limit_rule")).await;
    admin.expect(204, &format!("DELETE {alias}"), None).await;
    admin.refused(404, "QosRuleNotFound", &format!("GET {at}"), None).await;
    admin.refused(404, "QosRuleNotFound", &format!("GET qos/alias-dscp-marking-rules/{limit}"), None).await;
    assert_eq!(admin.names("qos/policies?name=gold").await, ["gold"]);
    admin.expect(200, &format!("PUT qos/policies/{gold}/tags"), json!({"tags": ["x"]})).await;
    admin.delete("policy", &gold).await;
    world.audit_store().await;
}

#[tokio::test]
async fn what_policies_refuse() {
    let world = World::new().await;
    let (admin, red) = (world.admin(), world.red());
    let gold = policy(&admin, json!({"name": "gold"})).await;
    let limits = format!("POST qos/policies/{gold}/bandwidth_limit_rules");
    rule(&admin, &gold, "minimum_bandwidth", json!({"min_kbps": 100})).await;
    for (body, status, name) in [
        (json!({}), 400, "HTTPBadRequest"),
        (json!({"max_kbps": -1}), 400, "HTTPBadRequest"),
        (json!({"max_kbps": 1, "direction": "any"}), 400, "HTTPBadRequest"),
        (json!({"max_kbps": 1, "min_kbps": 1}), 400, "HTTPBadRequest"),
        (json!({"max_kbps": 99}), 409, "QoSRuleParameterConflict"),
    ] {
        admin.refused(status, name, &limits, json!({"bandwidth_limit_rule": body})).await;
    }
    let marks = format!("POST qos/policies/{gold}/dscp_marking_rules");
    admin.refused(400, "HTTPBadRequest", &marks, json!({"dscp_marking_rule": {"dscp_mark": 9}})).await;
    let nothing = "00000000-0000-0000-0000-000000000000";
    let absent = format!("POST qos/policies/{nothing}/dscp_marking_rules");
    admin.refused(404, "QosPolicyNotFound", &absent, json!({"dscp_marking_rule": {"dscp_mark": 8}})).await;
    // A project sees what is its own or shared, and members change neither.
    red.refused(404, "QosPolicyNotFound", &format!("GET qos/policies/{gold}"), None).await;
    red.refused(403, "PolicyNotAuthorized", "POST qos/policies", json!({"policy": {"name": "x"}})).await;
    let own = policy(&admin, json!({"name": "own", "project_id": RED})).await;
    rule(&admin, &own, "dscp_marking", json!({"dscp_mark": 8})).await;
    assert_eq!(red.list(&format!("qos/policies/{own}/dscp_marking_rules")).await.len(), 1);
    red.refused(403, "PolicyNotAuthorized", &format!("PUT qos/policies/{own}"), json!({"policy": {"name": "y"}})).await;
    red.refused(
        403,
        "PolicyNotAuthorized",
        &format!("POST qos/policies/{own}/bandwidth_limit_rules"),
        json!({"bandwidth_limit_rule": {"max_kbps": 1}}),
    )
    .await;
    let manager = world.client("red-manager");
    manager
        .expect(
            201,
            &format!("POST qos/policies/{own}/bandwidth_limit_rules"),
            json!({"bandwidth_limit_rule": {"max_kbps": 1}}),
        )
        .await;
    // One default of a project.
    let usual = policy(&admin, json!({"name": "usual", "is_default": true})).await;
    let twice = json!({"policy": {"name": "twice", "is_default": true}});
    admin.refused(409, "QoSPolicyDefaultAlreadyExists", "POST qos/policies", twice.clone()).await;
    admin.set("policy", &usual, json!({"is_default": false})).await;
    admin.expect(201, "POST qos/policies", twice).await;
    world.audit_store().await;
}

#[tokio::test]
async fn rule_types() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let types = |all: Vec<Value>| all.iter().map(|t| t["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let enforced = red.list("qos/rule-types").await;
    assert_eq!(enforced[0], json!({"type": "bandwidth_limit"}));
    assert_eq!(types(enforced), ["bandwidth_limit", "dscp_marking", "minimum_bandwidth"]);
    assert_eq!(types(red.list("qos/rule-types?all_rules=true").await).len(), 5);
    red.refused(403, "NotAuthorized", "GET qos/rule-types/bandwidth_limit", None).await;
    let shown = admin.expect(200, "GET qos/rule-types/dscp_marking", None).await;
    assert_eq!(shown["rule_type"]["drivers"][0]["name"], "recorder");
    assert_eq!(shown["rule_type"]["drivers"][0]["supported_parameters"][0]["parameter_name"], "dscp_mark");
    assert_eq!(
        admin.expect(200, "GET qos/rule-types/packet_rate_limit", None).await["rule_type"]["drivers"],
        json!([])
    );
    admin.refused(404, "HTTPNotFound", "GET qos/rule-types/x", None).await;
}

#[tokio::test]
async fn who_may_have_a_policy() {
    let world = World::new().await;
    let (red, blue, admin) = (world.red(), world.blue(), world.admin());
    let gold = policy(&admin, json!({"name": "gold"})).await;
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.port(&network).await);
    let give = json!({"port": {"qos_policy_id": gold}});
    red.refused(404, "QosPolicyNotFound", &format!("PUT ports/{port}"), give.clone()).await;
    red.refused(404, "QosPolicyNotFound", "POST networks", json!({"network": {"qos_policy_id": gold}})).await;
    let lend =
        json!({"object_type": "qos_policy", "object_id": gold, "action": "access_as_shared", "target_tenant": RED});
    let lent = id(&admin.make("rbac_policy", lend).await);
    assert_eq!(red.show("policy", &gold).await["shared"], true);
    assert_eq!(red.set("port", &port, json!({"qos_policy_id": gold})).await["qos_policy_id"], *gold);
    admin.refused(409, "RbacPolicyInUse", &format!("DELETE rbac-policies/{lent}"), None).await;
    admin.refused(409, "QosPolicyInUse", &format!("DELETE qos/policies/{gold}"), None).await;
    red.set("port", &port, json!({"qos_policy_id": null})).await;
    admin.delete("rbac_policy", &lent).await;
    // What an administrator gave, others do not take away.
    admin.set("port", &port, json!({"qos_policy_id": gold})).await;
    red.refused(
        403,
        "PolicyRemoveAuthorizationError",
        &format!("PUT ports/{port}"),
        json!({"port": {"qos_policy_id": null}}),
    )
    .await;
    admin.set("port", &port, json!({"qos_policy_id": null})).await;
    // To all, and no longer while somebody has it.
    admin.set("policy", &gold, json!({"shared": true})).await;
    let theirs = id(&blue.make("network", json!({"qos_policy_id": gold})).await);
    admin
        .refused(409, "RbacPolicyInUse", &format!("PUT qos/policies/{gold}"), json!({"policy": {"shared": false}}))
        .await;
    let own =
        json!({"object_type": "qos_policy", "object_id": gold, "action": "access_as_shared", "target_tenant": BLUE});
    admin.make("rbac_policy", own).await;
    admin.set("policy", &gold, json!({"shared": false})).await;
    blue.delete("network", &theirs).await;
    // What cannot be enforced is refused where it would be believed.
    let fancy = policy(&admin, json!({"name": "fancy", "shared": true})).await;
    rule(&admin, &fancy, "packet_rate_limit", json!({"max_kpps": 1})).await;
    red.refused(409, "QosRuleNotSupported", &format!("PUT ports/{port}"), json!({"port": {"qos_policy_id": fancy}}))
        .await;
    red.refused(
        409,
        "QosRuleNotSupportedByNetwork",
        &format!("PUT networks/{network}"),
        json!({"network": {"qos_policy_id": fancy}}),
    )
    .await;
    admin.set("port", &port, json!({"qos_policy_id": gold})).await;
    admin
        .refused(
            409,
            "QosRuleNotSupported",
            &format!("POST qos/policies/{gold}/packet_rate_limit_rules"),
            json!({"packet_rate_limit_rule": {"max_kpps": 1}}),
        )
        .await;
    world.audit_store().await;
}

#[tokio::test]
async fn limits_reach_the_back_end() {
    let world = World::new().await.reconciling();
    let (red, admin, public) = (world.red(), world.admin(), world.public().await);
    let gold = policy(&admin, json!({"name": "gold", "shared": true})).await;
    let silver = policy(&admin, json!({"name": "silver", "shared": true})).await;
    rule(&admin, &gold, "bandwidth_limit", json!({"max_kbps": 1000})).await;
    rule(&admin, &silver, "dscp_marking", json!({"dscp_mark": 46})).await;
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let (own, inherits) = (id(&red.port(&network).await), id(&red.port(&network).await));
    let logical = |key: LogicalKey| desired(&world.store.snapshot(), world.net.settings(), &key);
    let of_port = |port: &str| match logical(LogicalKey::Port(port.into())) {
        Some(Logical::Port(p)) => p.qos,
        other => panic!("{other:?}"),
    };
    let egress = |kbps| LQos { egress: Some(LRate { kbps, burst_kbits: 0 }), ..LQos::default() };
    let mark = LQos { dscp: Some(46), ..LQos::default() };
    red.set("port", &own, json!({"qos_policy_id": gold})).await;
    assert_eq!((of_port(&own), of_port(&inherits)), (egress(1000), LQos::default()));
    red.set("network", &network, json!({"qos_policy_id": silver})).await;
    assert_eq!((of_port(&own), of_port(&inherits)), (egress(1000), mark.clone()));
    let shown = red.show("port", &inherits).await;
    assert_eq!(
        (&shown["qos_policy_id"], shown["qos_network_policy_id"].as_str()),
        (&Value::Null, Some(silver.as_str()))
    );
    world.settled().await;
    // A router's gateway and a floating IP behind it, each with its own.
    let gateway = json!({"network_id": public, "qos_policy_id": silver});
    let router = red.make("router", json!({"external_gateway_info": gateway})).await;
    assert_eq!(router["external_gateway_info"]["qos_policy_id"], *silver);
    let router = id(&router);
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let fip = json!({"floating_network_id": public, "port_id": own, "qos_policy_id": gold});
    let fip = id(&red.make("floatingip", fip).await);
    let Some(Logical::Router(r)) = logical(LogicalKey::Router(router.as_str().into())) else { panic!() };
    let gateway = r.gateway.unwrap();
    assert_eq!(gateway.qos, mark);
    let Some(Logical::FloatingIp(f)) = logical(LogicalKey::FloatingIp(fip.as_str().into())) else { panic!() };
    let limit = f.limit.unwrap();
    assert_eq!((limit.qos, f.gateway, limit.network.as_str()), (egress(1000), gateway.port, public.as_str()));
    world.settled().await;
    // A change of the rules changes all that has the policy.
    let id = admin.show("policy", &gold).await["rules"][0]["id"].as_str().unwrap().to_owned();
    admin
        .expect(
            200,
            &format!("PUT qos/policies/{gold}/bandwidth_limit_rules/{id}"),
            json!({"bandwidth_limit_rule": {"max_kbps": 2000}}),
        )
        .await;
    world.settled().await;
    assert_eq!(of_port(&own), egress(2000));
    let Some(Logical::FloatingIp(f)) = world.backend.get(&LogicalKey::FloatingIp(fip.as_str().into())) else {
        panic!()
    };
    assert_eq!(f.limit.unwrap().qos, egress(2000));
    red.set("floatingip", &fip, json!({"qos_policy_id": null})).await;
    red.set("router", &router, json!({"external_gateway_info": {"network_id": public, "qos_policy_id": null}})).await;
    red.set("port", &own, json!({"qos_policy_id": null})).await;
    world.settled().await;
    assert_eq!(of_port(&own), mark, "now its network's");
    admin.delete("policy", &gold).await;
}

#[tokio::test]
async fn a_new_network_has_its_projects_default() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let usual = policy(&admin, json!({"name": "usual", "is_default": true, "project_id": RED})).await;
    let other = policy(&admin, json!({"name": "other", "project_id": RED})).await;
    assert_eq!(red.make("network", json!({})).await["qos_policy_id"], *usual);
    assert_eq!(red.make("network", json!({"qos_policy_id": other})).await["qos_policy_id"], *other);
    assert_eq!(world.blue().make("network", json!({})).await["qos_policy_id"], Value::Null);
    admin.refused(409, "QosPolicyInUse", &format!("DELETE qos/policies/{usual}"), None).await;
    world.audit_store().await;
}

/// One project asks for the page after another's policy, as Neutron's suite does: it is the first page of its own.
#[tokio::test]
async fn a_page_may_begin_after_what_one_does_not_see() {
    let world = World::new().await;
    let theirs = id(&world.admin().make("policy", json!({"name": "theirs"})).await);
    let own = id(&world.admin().make("policy", json!({"name": "open", "shared": true})).await);
    for order in ["", "&sort_key=name&sort_dir=asc"] {
        let page = world.blue().list(&format!("qos/policies?limit=1&marker={theirs}{order}")).await;
        assert_eq!(page.iter().map(id).collect::<Vec<_>>(), std::slice::from_ref(&own), "{order}");
    }
    let lost = format!("GET networks?limit=1&marker={theirs}");
    world.blue().refused(404, "NetworkNotFound", &lost, None).await;
}
