//! What the service says of itself.

use crate::support::{World, id};
use serde_json::json;

#[tokio::test]
async fn discovery_needs_no_token() {
    let world = World::new().await;
    for path in ["/network", "/network/"] {
        let answer = world.anonymous().call(&format!("GET {path}"), None).await;
        let link = json!([{"rel": "self", "href": "http://cloud.test:5000/network/v2.0/"}]);
        assert_eq!(answer.json(), json!({"versions": [{"id": "v2.0", "status": "CURRENT", "links": link}]}), "{path}");
    }
    for path in ["/network/v2.0", "/network/v2.0/"] {
        let answer = world.anonymous().call(&format!("GET {path}"), None).await.json();
        let names: Vec<_> =
            answer["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["network", "subnet", "subnetpool", "port"]);
        assert_eq!(answer["resources"][0]["links"][0]["href"], "http://cloud.test:5000/network/v2.0/networks");
    }
}

#[tokio::test]
async fn extensions() {
    let world = World::new().await;
    let red = world.red();
    let all = red.list("extensions").await;
    let has = |alias: &str| all.iter().any(|e| e["alias"] == alias);
    for alias in [
        "router",
        "security-group",
        "quotas",
        "port-security",
        "external-net",
        "provider",
        "standard-attr-tag",
        "rbac-policies",
        "extraroute-atomic",
        "address-group",
        "rbac-address-group",
        "security-groups-remote-address-group",
        "address-scope",
        "rbac-address-scope",
        "floating-ip-port-forwarding",
        "expose-port-forwarding-in-fip",
        "binding-extended",
        "qos",
        "qos-fip",
        "trunk",
        "trunk-details",
    ] {
        assert!(has(alias), "{alias}");
    }
    for alias in ["vpnaas", "bgp", "sfc", "taas", "fwaas_v2", "local_ip"] {
        assert!(!has(alias), "{alias} does not work here, so it is not said to");
    }
    let one = red.expect(200, "GET extensions/router", None).await;
    assert_eq!(one["extension"]["alias"], "router");
    for key in ["name", "description", "updated", "links"] {
        assert!(one["extension"].get(key).is_some(), "{key}");
    }
    red.refused(404, "ExtensionNotFound", "GET extensions/vpnaas", None).await;
    assert_eq!(red.list("extensions?limit=2").await.len(), 2);
}

#[tokio::test]
async fn agents_are_the_hosts() {
    let world = World::new().await;
    let admin = world.admin();
    let agents = admin.list("agents").await;
    assert_eq!(agents.len(), 8, "four of each host");
    let one = admin.list("agents?host=h1&agent_type=OVN%20Controller%20agent").await.remove(0);
    assert_eq!(
        (one["alive"].as_bool(), one["binary"].as_str(), one["heartbeat_timestamp"].as_str()),
        (Some(true), Some("ovn-controller"), Some("1970-01-01 00:01:00.000000"))
    );
    assert!(admin.list("agents?host=h2").await.iter().all(|a| a["alive"] == false));
    let noted = admin.set("agent", &id(&one), json!({"description": "rack 7", "admin_state_up": false})).await;
    assert_eq!((noted["description"].as_str(), noted["admin_state_up"].as_bool()), (Some("rack 7"), Some(false)));
    assert_eq!(admin.show("agent", &id(&one)).await["description"], "rack 7");
    // As Neutron's database compares.
    assert_eq!(admin.list("agents?agent_type=dhcp%20Agent&host=h1").await.len(), 1);
    // One whose host is there comes back, one whose host is away does not.
    admin.delete("agent", &id(&one)).await;
    assert_eq!(admin.show("agent", &id(&one)).await["description"], "");
    let away = admin.list("agents?host=h2&binary=ovn-controller").await.remove(0);
    admin.delete("agent", &id(&away)).await;
    admin.refused(404, "AgentNotFound", &format!("GET agents/{}", id(&away)), None).await;
    admin.refused(404, "AgentNotFound", "GET agents/x", None).await;
    assert!(world.red().list("agents").await.is_empty());
    world
        .red()
        .refused(
            403,
            "PolicyNotAuthorized",
            &format!("PUT agents/{}", id(&one)),
            json!({"agent": {"description": "x"}}),
        )
        .await;
}

/// Every network is with every DHCP agent and every router with every L3 agent, until an administrator says otherwise.
#[tokio::test]
async fn what_agents_are_given() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let bare = id(&red.make("network", json!({})).await);
    let router = id(&red.make("router", json!({})).await);
    for (kind, list, hosting, object, key) in [
        ("DHCP%20agent", "dhcp-networks", format!("networks/{network}/dhcp-agents"), &network, "network_id"),
        ("L3%20agent", "l3-routers", format!("routers/{router}/l3-agents"), &router, "router_id"),
    ] {
        let agent = id(&admin.list(&format!("agents?host=h1&agent_type={kind}")).await[0]);
        let of = format!("agents/{agent}/{list}");
        let collection = if key == "network_id" { "networks" } else { "routers" };
        let has = async || {
            let answer = admin.expect(200, &format!("GET {of}"), None).await;
            answer[collection].as_array().unwrap().iter().any(|o| o["id"] == **object)
        };
        assert!(has().await);
        let agents = admin.expect(200, &format!("GET {hosting}"), None).await;
        assert_eq!(agents["agents"].as_array().unwrap().len(), 2);
        let answer = admin.call(&format!("POST {of}"), json!({key: object})).await;
        assert_eq!(answer.status, 409, "{}", answer.text());
        admin.expect(204, &format!("DELETE {of}/{object}"), None).await;
        assert!(!has().await);
        assert_eq!(admin.call(&format!("DELETE {of}/{object}"), None).await.status, 409);
        assert_eq!(admin.expect(201, &format!("POST {of}"), json!({key: object})).await, json!(null));
        assert!(has().await);
        admin.set("agent", &agent, json!({"admin_state_up": false})).await;
        let refused = admin.call(&format!("POST {of}"), json!({key: object})).await.status;
        assert_eq!(refused, if key == "network_id" { 404 } else { 409 });
        let forbidden = if key == "network_id" { "get_dhcp-networks" } else { "get_l3-routers" };
        let said = red.refused(403, "PolicyNotAuthorized", &format!("GET {of}"), None).await;
        assert!(said.contains(forbidden), "{said}");
    }
    let all = admin.expect(200, &format!("GET networks/{bare}/dhcp-agents"), None).await;
    assert_eq!(all["agents"].as_array().unwrap().len(), 2, "also where there is nobody to give addresses to yet");
}

#[tokio::test]
async fn zones_providers_and_use_of_addresses() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let zones = red.list("availability_zones").await;
    assert_eq!(zones.len(), 2);
    assert!(zones.iter().all(|z| z["name"] == "nova" && z["state"] == "available"));
    assert_eq!(red.list("availability_zones?resource=router").await.len(), 1);
    let providers = red.list("service-providers").await;
    assert!(providers.contains(&json!({"service_type": "L3_ROUTER_NAT", "name": "recorder", "default": true})));
    assert_eq!(red.list("service-providers?default=true").await.len(), 1);
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    red.port(&network).await;
    let found = admin.list(&format!("network-ip-availabilities?network_id={network}")).await.remove(0);
    assert_eq!(
        (found["total_ips"].as_u64(), found["used_ips"].as_u64()),
        (Some(253), Some(2)),
        "a port and the metadata port"
    );
    assert_eq!(found["subnet_ip_availability"][0]["subnet_id"], json!(subnet));
    let shown = admin.expect(200, &format!("GET network-ip-availabilities/{network}"), None).await;
    assert_eq!(shown["network_ip_availability"]["network_name"], "n");
    assert!(admin.list("network-ip-availabilities?ip_version=6").await.is_empty());
    assert!(red.list("network-ip-availabilities").await.is_empty());
    red.refused(403, "PolicyNotAuthorized", &format!("GET network-ip-availabilities/{network}"), None).await;
}

#[tokio::test]
async fn bootstrap_happens_once() {
    let world = World::new().await;
    let admin = world.admin();
    let public = world.public().await;
    let shown = admin.show("network", &public).await;
    assert_eq!(
        (shown["provider:network_type"].as_str(), shown["provider:physical_network"].as_str(), shown["mtu"].as_u64()),
        (Some("flat"), Some("external"), Some(1500))
    );
    let subnet = admin.list(&format!("subnets?network_id={public}")).await.remove(0);
    assert_eq!((subnet["gateway_ip"].as_str(), subnet["enable_dhcp"].as_bool()), (Some("172.24.4.1"), Some(false)));
    admin.delete("network", &public).await;
    for pool in admin.list("subnetpools").await {
        admin.delete("subnetpool", &id(&pool)).await;
    }
    let spec = network::BootstrapSpec::usual("x".into(), network::Settings::default());
    network::bootstrap(&world.store, &world.clock, spec).await.unwrap();
    assert!(
        admin.list("networks").await.is_empty() && admin.list("subnetpools").await.is_empty(),
        "what was removed stays so"
    );
    assert_eq!(world.red().list("default-security-group-rules").await.len(), 4);
    world.audit_store().await;
}
