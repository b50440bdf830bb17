use crate::support::{ADMINS, BLUE, RED, World, id};
use serde_json::json;

#[tokio::test]
async fn a_tenants_network_from_birth_to_death() {
    let world = World::new().await;
    let red = world.red();
    let made = red.make("network", json!({"name": "one", "description": "first"})).await;
    let one = id(&made);
    for (key, expect) in [
        ("name", json!("one")),
        ("description", json!("first")),
        ("project_id", json!(RED)),
        ("tenant_id", json!(RED)),
        ("admin_state_up", json!(true)),
        ("status", json!("ACTIVE")),
        ("shared", json!(false)),
        ("router:external", json!(false)),
        ("mtu", json!(1442)),
        ("port_security_enabled", json!(true)),
        ("subnets", json!([])),
        ("availability_zone_hints", json!([])),
        ("availability_zones", json!(["nova"])),
        ("dns_domain", json!("")),
        ("revision_number", json!(1)),
        ("tags", json!([])),
    ] {
        assert_eq!(made[key], expect, "{key}");
    }
    assert!(made["created_at"].as_str().is_some_and(|t| t.ends_with('Z')));
    // Tenants see neither provider attributes nor what means nothing for this network.
    for hidden in ["provider:network_type", "provider:segmentation_id", "is_default"] {
        assert!(made.get(hidden).is_none(), "{hidden}");
    }
    let admin = world.admin().show("network", &one).await;
    assert_eq!(admin["provider:network_type"], "geneve");
    assert!(admin["provider:segmentation_id"].as_u64().is_some());
    assert_eq!(admin["provider:physical_network"], json!(null));
    let changed = red.set("network", &one, json!({"name": "uno", "admin_state_up": "False"})).await;
    assert_eq!((changed["name"].as_str(), changed["admin_state_up"].as_bool()), (Some("uno"), Some(false)));
    assert_eq!(changed["revision_number"], 2);
    red.delete("network", &one).await;
    red.refused(404, "NetworkNotFound", &format!("GET networks/{one}"), None).await;
    world.audit_store().await;
}

#[tokio::test]
async fn bad_input_is_refused_in_neutrons_words() {
    let world = World::new().await;
    let red = world.red();
    for (body, expect) in [
        (json!({"network": {"name": 5}}), "Invalid input for name. Reason: '5' is not a valid string."),
        (json!({"network": {"name": "x".repeat(256)}}), "exceeds maximum length of 255"),
        (json!({"network": {"name": " x"}}), "is not a valid string"),
        (json!({"network": {"admin_state_up": "maybe"}}), "'maybe' cannot be converted to boolean"),
        (json!({"network": {"mtu": -5}}), "'-5' should be non-negative"),
        (json!({"network": {"mtu": "big"}}), "'big' is not an integer"),
        (json!({"network": {"mtu": 9000}}), "Requested MTU is too big, maximum is 1442"),
        (json!({"network": {"colour": "red"}}), "Unrecognized attribute(s) 'colour'"),
        (json!({"network": {"id": "x"}}), "Attribute 'id' not allowed in POST"),
        (json!({"network": {"dns_domain": "x"}}), "'x' is not a FQDN"),
        (json!({"network": {"project_id": RED, "tenant_id": BLUE}}), "'project_id' and 'tenant_id' do not match"),
        (json!({"network": {"project_id": BLUE}}), "is not allowed for the current user"),
        (json!({"network": []}), "Body contains invalid data"),
        (json!({"networks": []}), "Resources required"),
        (json!({"port": {}}), "Resource body required"),
        (json!([]), "Resource body required"),
    ] {
        let answer = red.expect(400, "POST networks", body.clone()).await;
        let message = answer["NeutronError"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(expect), "{body}: {message}");
    }
    let broken = world.anonymous().token("red-member").send("POST /network/v2.0/networks", "{").await;
    assert_eq!(broken.status, 400, "{}", broken.text());
    assert!(broken.json()["NeutronError"]["message"].is_string());
    red.refused(
        404,
        "AvailabilityZoneNotFound",
        "POST networks",
        json!({"network": {"availability_zone_hints": ["mars"]}}),
    )
    .await;
    assert!(red.list("networks?name=public").await.len() == 1 && red.names("networks").await == ["public"]);
}

#[tokio::test]
async fn provider_attributes_are_the_administrators() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    for attribute in [
        json!({"provider:network_type": "vlan"}),
        json!({"shared": true}),
        json!({"router:external": true}),
        json!({"is_default": true}),
    ] {
        red.refused(403, "PolicyNotAuthorized", "POST networks", json!({ "network": attribute })).await;
    }
    // What equals the default is not a wish.
    red.make("network", json!({"shared": false, "router:external": false})).await;
    let vlan = json!({"provider:network_type": "vlan", "provider:physical_network": "external", "provider:segmentation_id": 42});
    let made = admin.make("network", vlan.clone()).await;
    assert_eq!((made["mtu"].as_u64(), made["provider:segmentation_id"].as_u64()), (Some(1500), Some(42)));
    admin.refused(409, "VlanIdInUse", "POST networks", json!({ "network": vlan })).await;
    let some = json!({"provider:network_type": "vlan", "provider:physical_network": "external"});
    let (one, two) = (admin.make("network", some.clone()).await, admin.make("network", some).await);
    assert_ne!(one["provider:segmentation_id"], two["provider:segmentation_id"]);
    let flat = json!({"provider:network_type": "flat", "provider:physical_network": "external"});
    admin.refused(409, "FlatNetworkInUse", "POST networks", json!({ "network": flat })).await;
    let wrong = json!({"provider:network_type": "flat", "provider:physical_network": "nowhere"});
    admin.refused(400, "InvalidInput", "POST networks", json!({ "network": wrong })).await;
    let change = json!({"network": {"provider:segmentation_id": 7}});
    admin.refused(400, "InvalidInput", &format!("PUT networks/{}", id(&made)), change).await;
    // A segment is free again when its network is gone.
    admin.delete("network", &id(&made)).await;
    admin.make("network", json!({"provider:network_type": "vlan", "provider:physical_network": "external", "provider:segmentation_id": 42})).await;
    world.audit_store().await;
}

#[tokio::test]
async fn tenants_are_apart() {
    let world = World::new().await;
    let (network, _) = world.red().network("secret", "10.0.0.0/24").await;
    let blue = world.blue();
    assert_eq!(blue.names("networks").await, ["public"]);
    assert!(blue.list(&format!("networks?id={network}")).await.is_empty());
    for (method, body) in [("GET", None), ("PUT", Some(json!({"network": {"name": "mine"}}))), ("DELETE", None)] {
        blue.refused(404, "NetworkNotFound", &format!("{method} networks/{network}"), body).await;
    }
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.1.0.0/24"}});
    blue.refused(404, "NetworkNotFound", "POST subnets", subnet).await;
    blue.refused(404, "NetworkNotFound", "POST ports", json!({"port": {"network_id": network}})).await;
    // Readers of the project see but may not touch; administrators see all.
    let reader = world.client("red-reader");
    reader.show("network", &network).await;
    reader.refused(403, "PolicyNotAuthorized", &format!("DELETE networks/{network}"), None).await;
    reader.refused(403, "PolicyNotAuthorized", "POST networks", json!({"network": {}})).await;
    assert_eq!(world.admin().show("network", &network).await["name"], "secret");
    assert_eq!(world.anonymous().call("GET /network/v2.0/networks", None).await.status, 401);
}

#[tokio::test]
async fn administrators_act_for_projects() {
    let world = World::new().await;
    let made = world.admin().make("network", json!({"name": "given", "project_id": RED})).await;
    assert_eq!(made["tenant_id"], RED);
    assert_eq!(world.red().show("network", &id(&made)).await["name"], "given");
    let made = world.admin().make("network", json!({"name": "given", "tenant_id": BLUE})).await;
    assert_eq!(made["project_id"], BLUE);
    let update = json!({"network": {"project_id": RED}});
    let text = world.admin().refused(400, "HTTPBadRequest", &format!("PUT networks/{}", id(&made)), update).await;
    assert!(text.contains("read-only"), "{text}");
}

#[tokio::test]
async fn many_at_once_or_none() {
    let world = World::new().await;
    let red = world.red();
    let made = red.expect(201, "POST networks", json!({"networks": [{"name": "a"}, {"name": "b"}]})).await;
    let names: Vec<_> = made["networks"].as_array().unwrap().iter().map(|n| n["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    let one = red.expect(201, "POST networks", json!({"networks": [{"name": "c"}]})).await;
    assert!(one["networks"].is_array(), "a list of one is answered by a list");
    let wrong = json!({"networks": [{"name": "d"}, {"mtu": 9999}]});
    red.expect(400, "POST networks", wrong).await;
    assert!(red.list("networks?name=d").await.is_empty());
    world.audit_store().await;
}

#[tokio::test]
async fn a_network_in_use_stays() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("used", "10.0.0.0/24").await;
    let port = red.port(&network).await;
    let text = red.refused(409, "NetworkInUse", &format!("DELETE networks/{network}"), None).await;
    assert!(text.contains(port["id"].as_str().unwrap()), "{text}");
    red.port(&network).await; // the refusal left no mark behind
    for port in red.list(&format!("ports?network_id={network}&device_owner=")).await {
        red.delete("port", &id(&port)).await;
    }
    // The metadata port and the subnet go with it.
    assert_eq!(red.list(&format!("ports?network_id={network}")).await.len(), 1);
    red.delete("network", &network).await;
    red.refused(404, "SubnetNotFound", &format!("GET subnets/{subnet}"), None).await;
    assert!(red.list("ports").await.is_empty());
    world.audit_store().await;
}

#[tokio::test]
async fn external_and_default() {
    let world = World::new().await;
    let admin = world.admin();
    let public = world.public().await;
    let seen = world.blue().show("network", &public).await;
    assert_eq!((seen["router:external"].as_bool(), seen["shared"].as_bool()), (Some(true), Some(false)));
    assert_eq!(seen["is_default"], true);
    assert_eq!(seen["project_id"], ADMINS);
    let second = id(&admin.make("network", json!({"name": "second", "router:external": true})).await);
    let text = admin
        .refused(
            409,
            "DefaultExternalNetworkExists",
            &format!("PUT networks/{second}"),
            json!({"network": {"is_default": true}}),
        )
        .await;
    assert!(text.contains(&public), "{text}");
    assert_eq!(
        world.red().names("networks?router%3Aexternal=True&sort_key=name&sort_dir=asc").await,
        ["public", "second"]
    );
    let inner = admin.set("network", &second, json!({"router:external": false})).await;
    assert_eq!(inner["router:external"], false);
    assert_eq!(world.red().names("networks").await, ["public"]);
    // Tenants cannot put ports onto an external network.
    world.red().refused(403, "PolicyNotAuthorized", "POST ports", json!({"port": {"network_id": public}})).await;
}

#[tokio::test]
async fn a_revision_can_be_insisted_on() {
    let world = World::new().await;
    let red = world.red();
    let network = id(&red.make("network", json!({})).await);
    let change = json!({"network": {"name": "x"}});
    let stale = red.with("if-match", "revision_number=7");
    stale.refused(412, "RevisionNumberConstraintFailed", &format!("PUT networks/{network}"), change.clone()).await;
    stale.refused(412, "RevisionNumberConstraintFailed", &format!("DELETE networks/{network}"), None).await;
    red.with("if-match", "\"revision_number=1\"").expect(200, &format!("PUT networks/{network}"), change.clone()).await;
    let nonsense = red.with("if-match", "revision_number=one");
    nonsense.refused(400, "BadRequest", &format!("PUT networks/{network}"), change).await;
    // What belongs to a network shows in its revision.
    let before = red.show("network", &network).await["revision_number"].as_i64().unwrap();
    let subnet = json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"});
    red.make("subnet", subnet).await;
    assert!(red.show("network", &network).await["revision_number"].as_i64().unwrap() > before);
}

/// An address that leads nowhere keeps no network; one that leads somewhere does.
#[tokio::test]
async fn an_external_network_goes_with_its_idle_addresses() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let network = id(&admin.make("network", json!({"router:external": true})).await);
    let subnet = json!({"network_id": network, "ip_version": 4, "cidr": "192.0.2.0/24", "enable_dhcp": false});
    admin.make("subnet", subnet).await;
    let fip = id(&red.make("floatingip", json!({"floating_network_id": network})).await);
    let (inner, subnet) = red.network("n", "10.0.0.0/24").await;
    let router = id(&red.make("router", json!({"external_gateway_info": {"network_id": network}})).await);
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let port = id(&red.port(&inner).await);
    red.set("floatingip", &fip, json!({"port_id": port})).await;
    admin.refused(409, "NetworkInUse", &format!("DELETE networks/{network}"), None).await;
    red.set("floatingip", &fip, json!({"port_id": null})).await;
    red.set("router", &router, json!({"external_gateway_info": null})).await;
    admin.delete("network", &network).await;
    red.refused(404, "FloatingIPNotFound", &format!("GET floatingips/{fip}"), None).await;
    world.audit_store().await;
}

/// How small a packet may be, its subnets say.
#[tokio::test]
async fn an_mtu_is_judged_with_the_subnets() {
    let world = World::new().await;
    let red = world.red();
    for (mtu, version, cidr) in [(67, 4, "10.0.0.0/24"), (1279, 6, "fd01::/64")] {
        let network = id(&red.make("network", json!({"mtu": mtu})).await);
        let subnet = json!({"subnet": {"network_id": network, "ip_version": version, "cidr": cidr}});
        red.refused(409, "NetworkMTUSubnetConflict", "POST subnets", subnet.clone()).await;
        red.set("network", &network, json!({"mtu": 1280})).await;
        red.expect(201, "POST subnets", subnet).await;
        let back = json!({"network": {"mtu": mtu}});
        red.refused(409, "NetworkMTUSubnetConflict", &format!("PUT networks/{network}"), back).await;
    }
}
