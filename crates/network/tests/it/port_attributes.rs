//! What ports carry for others: attributes of devices, guaranteed rates as placement knows them, single address pairs.

use crate::support::{World, id};
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_kept_for_those_who_plug() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let plain = red.port(&network).await;
    for (name, expect) in [
        ("numa_affinity_policy", Value::Null),
        ("device_profile", Value::Null),
        ("hardware_offload_type", Value::Null),
        ("data_plane_status", Value::Null),
        ("propagate_uplink_status", json!(true)),
        ("dns_domain", json!("")),
    ] {
        assert_eq!(plain[name], expect, "{name}");
    }
    for hidden in ["hints", "trusted", "resource_request"] {
        assert!(plain.get(hidden).is_none(), "{hidden} is the operators' to see");
    }
    let hints = json!({"openvswitch": {"other_config": {"tx-steering": "hash"}}});
    let full = json!({"network_id": network, "numa_affinity_policy": "socket", "device_profile": "gpu",
        "hardware_offload_type": "switchdev", "propagate_uplink_status": false, "dns_domain": "Example.org.",
        "hints": hints, "trusted": true});
    let made = admin.make("port", full).await;
    for (name, expect) in [
        ("numa_affinity_policy", json!("socket")),
        ("device_profile", json!("gpu")),
        ("hardware_offload_type", json!("switchdev")),
        ("propagate_uplink_status", json!(false)),
        ("dns_domain", json!("example.org.")),
        ("hints", hints),
        ("trusted", json!(true)),
        ("binding:profile", json!({"capabilities": ["switchdev"], "trusted": true})),
    ] {
        assert_eq!(made[name], expect, "{name}");
    }
    let change = json!({"numa_affinity_policy": null, "hints": null, "trusted": false, "data_plane_status": "DOWN"});
    let now = admin.set("port", &id(&made), change).await;
    assert_eq!((now["numa_affinity_policy"].clone(), now["hints"].clone()), (Value::Null, Value::Null));
    assert_eq!((now["trusted"].clone(), now["data_plane_status"].as_str()), (json!(false), Some("DOWN")));
    assert_eq!(now["device_profile"], "gpu", "what is not named stays");
}

#[tokio::test]
async fn what_is_refused() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.port(&network).await);
    let put = format!("PUT ports/{port}");
    for (change, status, name) in [
        (json!({"numa_affinity_policy": "near"}), 400, "HTTPBadRequest"),
        (json!({"device_profile": "later"}), 400, "HTTPBadRequest"),
        (json!({"hardware_offload_type": "switchdev"}), 400, "HTTPBadRequest"),
        (json!({"data_plane_status": "UP"}), 400, "HTTPBadRequest"),
        (json!({"hints": {"openvswitch": {"other_config": {"tx-steering": "dice"}}}}), 400, "HTTPBadRequest"),
        (json!({"hints": {"linux": {}}}), 400, "HTTPBadRequest"),
        (json!({"dns_domain": "no-dot"}), 400, "HTTPBadRequest"),
        (json!({"resource_request": {}}), 400, "HTTPBadRequest"),
    ] {
        admin.refused(status, name, &put, json!({ "port": change })).await;
    }
    for change in [json!({"hints": {}}), json!({"trusted": true}), json!({"data_plane_status": "DOWN"})] {
        red.refused(403, "PolicyNotAuthorized", &put, json!({ "port": change })).await;
    }
}

/// A card handed to a guest whole keeps its own address; the port follows it, and gets one made when it is let go.
#[tokio::test]
async fn a_physical_function_brings_its_mac_address() {
    let world = World::new().await;
    let (red, service) = (world.red(), world.client("service"));
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let ask = json!({"network_id": network, "binding:vnic_type": "direct-physical"});
    let port = id(&red.make("port", ask).await);
    let bind = json!({"binding:host_id": "h1", "binding:profile": {"device_mac_address": "0C-00-00-00-00-01"}});
    assert_eq!(service.set("port", &port, bind).await["mac_address"], "0c:00:00:00:00:01");
    let free = service.set("port", &port, json!({"binding:host_id": "", "binding:profile": {}})).await;
    assert!(free["mac_address"].as_str().unwrap().starts_with("fa:16:3e:"));
    let taken = red.make("port", json!({"network_id": network, "mac_address": "0c:00:00:00:00:01"})).await;
    assert_eq!(taken["mac_address"], "0c:00:00:00:00:01", "the card's address is free again");
    let wrong = json!({"port": {"binding:host_id": "h1", "binding:profile": {"device_mac_address": "here"}}});
    service.refused(400, "HTTPBadRequest", &format!("PUT ports/{port}"), wrong).await;
    world.audit_store().await;
}

#[tokio::test]
async fn guaranteed_rates_are_asked_of_placement() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let policy = id(&admin.make("policy", json!({"name": "gold"})).await);
    let rules = format!("POST qos/policies/{policy}/minimum_bandwidth_rules");
    admin.expect(201, &rules, json!({"minimum_bandwidth_rule": {"min_kbps": 1000}})).await;
    admin.expect(201, &rules, json!({"minimum_bandwidth_rule": {"min_kbps": 500, "direction": "ingress"}})).await;
    let made = admin.make("port", json!({"network_id": network, "qos_policy_id": policy})).await;
    let request = &made["resource_request"];
    let group = &request["request_groups"][0];
    assert_eq!(group["required"], json!(["CUSTOM_NETWORK_TUNNEL_PROVIDER", "CUSTOM_VNIC_TYPE_NORMAL"]));
    assert_eq!(group["resources"], json!({"NET_BW_EGR_KILOBIT_PER_SEC": 1000, "NET_BW_IGR_KILOBIT_PER_SEC": 500}));
    assert_eq!(request["same_subtree"], json!([group["id"]]));
    let again = admin.show("port", &id(&made)).await;
    assert_eq!(again["resource_request"], *request, "the same rules are the same request");
    let none = admin.set("port", &id(&made), json!({"qos_policy_id": null})).await;
    assert_eq!(none["resource_request"], Value::Null);
}

#[tokio::test]
async fn single_address_pairs() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = red.port(&network).await;
    let (at, mac) = (format!("PUT ports/{}", id(&port)), port["mac_address"].clone());
    let pairs = |ips: &[&str]| {
        let pairs: Vec<_> = ips.iter().map(|ip| json!({ "ip_address": ip })).collect();
        json!({"port": {"allowed_address_pairs": pairs}})
    };
    let full = |ips: &[&str]| ips.iter().map(|ip| json!({"ip_address": ip, "mac_address": mac})).collect::<Value>();
    let (add, remove) = (format!("{at}/add_allowed_address_pairs"), format!("{at}/remove_allowed_address_pairs"));
    let now = red.expect(200, &add, pairs(&["10.0.0.100", "10.1.0.0/16"])).await;
    assert_eq!(now["port"]["allowed_address_pairs"], full(&["10.0.0.100", "10.1.0.0/16"]));
    let now = red.expect(200, &add, pairs(&["10.0.0.100", "10.0.0.101"])).await;
    assert_eq!(now["port"]["allowed_address_pairs"], full(&["10.0.0.100", "10.1.0.0/16", "10.0.0.101"]));
    let now = red.expect(200, &remove, pairs(&["10.1.0.0/16", "10.9.9.9"])).await;
    assert_eq!(now["port"]["allowed_address_pairs"], full(&["10.0.0.100", "10.0.0.101"]));
    let many: Vec<_> = (1..=9).map(|n| format!("10.2.0.{n}")).collect();
    let many = pairs(&many.iter().map(String::as_str).collect::<Vec<_>>());
    red.refused(400, "AllowedAddressPairExhausted", &add, many).await;
    red.refused(400, "HTTPBadRequest", &add, json!({"port": {}})).await;
    red.refused(400, "AllowedAddressPairsMissingIP", &add, json!({"port": {"allowed_address_pairs": [{}]}})).await;
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &add, pairs(&["10.0.0.7"])).await;
    world.blue().refused(404, "PortNotFound", &add, pairs(&["10.0.0.7"])).await;
    let stale = red.with("If-Match", "revision_number=1");
    stale.refused(412, "RevisionNumberConstraintFailed", &add, pairs(&["10.0.0.7"])).await;
    let open = red.make("port", json!({"network_id": network, "port_security_enabled": false, "security_groups": []}));
    let open = format!("PUT ports/{}/add_allowed_address_pairs", id(&open.await));
    red.refused(409, "AddressPairAndPortSecurityRequired", &open, pairs(&["10.0.0.7"])).await;
}
