use crate::support::{World, address, id};
use serde_json::{Value, json};

#[tokio::test]
async fn what_a_subnet_has_if_nothing_is_said() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let made = red.show("subnet", &subnet).await;
    for (key, expect) in [
        ("cidr", json!("10.0.0.0/24")),
        ("ip_version", json!(4)),
        ("gateway_ip", json!("10.0.0.1")),
        ("allocation_pools", json!([{"start": "10.0.0.2", "end": "10.0.0.254"}])),
        ("enable_dhcp", json!(true)),
        ("dns_nameservers", json!([])),
        ("host_routes", json!([])),
        ("service_types", json!([])),
        ("dns_publish_fixed_ip", json!(false)),
        ("ipv6_ra_mode", json!(null)),
        ("ipv6_address_mode", json!(null)),
        ("subnetpool_id", json!(null)),
        ("network_id", json!(network)),
        ("router:external", json!(false)),
    ] {
        assert_eq!(made[key], expect, "{key}");
    }
    assert!(made.get("shared").is_none() && made.get("prefixlen").is_none());
    assert_eq!(red.show("network", &network).await["subnets"], json!([subnet]));
}

#[tokio::test]
async fn wrong_subnets() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let base = json!({"network_id": network, "ip_version": 4, "cidr": "10.1.0.0/24"});
    let with = |change: Value| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "subnet": body })
    };
    for (change, status, name) in [
        (json!({"cidr": "10.0.0.128/25"}), 400, "InvalidInput"),
        (json!({"cidr": "10.0.0.0/16"}), 400, "InvalidInput"),
        (json!({"cidr": "10.1.0.0"}), 400, "HTTPBadRequest"),
        (json!({"cidr": "fd00::/64"}), 400, "InvalidInput"),
        (json!({"cidr": null}), 400, "BadRequest"),
        (json!({"ip_version": 5}), 400, "HTTPBadRequest"),
        (json!({"gateway_ip": "10.1.0.255"}), 400, "InvalidInput"),
        (json!({"gateway_ip": "fd00::1"}), 400, "InvalidInput"),
        (json!({"gateway_ip": "no"}), 400, "HTTPBadRequest"),
        (
            json!({"gateway_ip": "10.1.0.9", "allocation_pools": [{"start": "10.1.0.2", "end": "10.1.0.20"}]}),
            409,
            "GatewayConflictWithAllocationPools",
        ),
        (json!({"allocation_pools": [{"start": "10.2.0.2", "end": "10.2.0.20"}]}), 400, "OutOfBoundsAllocationPool"),
        (json!({"allocation_pools": [{"start": "10.1.0.20", "end": "10.1.0.2"}]}), 400, "InvalidAllocationPool"),
        (json!({"allocation_pools": [{"start": "10.1.0.20"}]}), 400, "HTTPBadRequest"),
        (json!({"dns_nameservers": ["1.1.1.1", "1.1.1.1"]}), 400, "HTTPBadRequest"),
        (json!({"dns_nameservers": ["fd00::1"]}), 400, "InvalidInput"),
        (json!({"host_routes": [{"destination": "10.9.0.1/24", "nexthop": "10.1.0.1"}]}), 400, "HTTPBadRequest"),
        (json!({"host_routes": [{"destination": "10.9.0.0/24"}]}), 400, "HTTPBadRequest"),
        (json!({"ipv6_ra_mode": "slaac"}), 400, "InvalidInput"),
        (json!({"prefixlen": 24}), 400, "BadRequest"),
        (json!({"network_id": "00000000-0000-0000-0000-000000000000"}), 404, "NetworkNotFound"),
        (json!({"subnetpool_id": "00000000-0000-0000-0000-000000000000"}), 404, "SubnetPoolNotFound"),
    ] {
        red.refused(status, name, "POST subnets", with(change)).await;
    }
    let missing = red.refused(400, "HTTPBadRequest", "POST subnets", json!({"subnet": {"network_id": network}})).await;
    assert_eq!(missing, "Failed to parse request. Required attribute 'ip_version' not specified");
    world.audit_store().await;
}

#[tokio::test]
async fn changes() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let put = format!("PUT subnets/{subnet}");
    let changed = red
        .set(
            "subnet",
            &subnet,
            json!({
                "name": "renamed", "gateway_ip": null, "enable_dhcp": false,
                "allocation_pools": [{"start": "10.0.0.10", "end": "10.0.0.20"}],
                "dns_nameservers": ["9.9.9.9", "1.1.1.1"],
                "host_routes": [{"destination": "10.9.0.0/24", "nexthop": "10.0.0.5"}],
                "dns_publish_fixed_ip": true,
            }),
        )
        .await;
    assert_eq!((&changed["gateway_ip"], &changed["dns_publish_fixed_ip"]), (&json!(null), &json!(true)));
    assert_eq!(changed["dns_nameservers"], json!(["9.9.9.9", "1.1.1.1"]), "order counts");
    assert_eq!(changed["allocation_pools"], json!([{"start": "10.0.0.10", "end": "10.0.0.20"}]));
    // Without DHCP there is no metadata port.
    assert!(red.list(&format!("ports?network_id={network}")).await.is_empty());
    red.set("subnet", &subnet, json!({"enable_dhcp": true})).await;
    let ports = red.list(&format!("ports?network_id={network}&device_owner=network:distributed")).await;
    assert_eq!(ports.len(), 1);
    let inside = json!({"subnet": {"gateway_ip": "10.0.0.15"}});
    red.refused(409, "GatewayConflictWithAllocationPools", &put, inside).await;
    red.refused(400, "HTTPBadRequest", &put, json!({"subnet": {"cidr": "10.1.0.0/24"}})).await;
    assert_eq!(red.set("subnet", &subnet, json!({"gateway_ip": "10.0.0.1"})).await["gateway_ip"], "10.0.0.1");
    // A router on the gateway's address holds it.
    let router = id(&red.make("router", json!({})).await);
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    red.refused(409, "GatewayIpInUse", &put, json!({"subnet": {"gateway_ip": "10.0.0.9"}})).await;
    world.audit_store().await;
}

#[tokio::test]
async fn a_subnet_in_use_stays() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.port(&network).await);
    red.refused(409, "SubnetInUse", &format!("DELETE subnets/{subnet}"), None).await;
    red.port(&network).await;
    for port in red.list(&format!("ports?network_id={network}&device_owner=")).await {
        red.delete("port", &id(&port)).await;
    }
    assert!(red.call(&format!("GET ports/{port}"), None).await.status == 404);
    red.delete("subnet", &subnet).await;
    assert_eq!(red.show("network", &network).await["subnets"], json!([]));
    assert!(red.list("ports").await.is_empty(), "the metadata port has nothing to be on");
    world.audit_store().await;
}

#[tokio::test]
async fn the_metadata_port_is_on_every_dhcp_subnet() {
    let world = World::new().await;
    let red = world.red();
    let (network, first) = red.network("n", "10.0.0.0/24").await;
    let find = format!("ports?network_id={network}&device_owner=network:distributed");
    let port = red.list(&find).await.remove(0);
    assert_eq!((port["status"].as_str(), port["security_groups"].clone()), (Some("ACTIVE"), json!([])));
    let second = json!({"network_id": network, "ip_version": 4, "cidr": "10.1.0.0/24"});
    let second = id(&red.make("subnet", second).await);
    let now = red.list(&find).await.remove(0);
    let subnets: Vec<_> = now["fixed_ips"].as_array().unwrap().iter().map(|ip| ip["subnet_id"].clone()).collect();
    assert_eq!((now["id"].clone(), subnets), (port["id"].clone(), vec![json!(first), json!(second)]));
    assert_eq!(address(&now), address(&port), "what it has it keeps");
    red.delete("subnet", &first).await;
    assert_eq!(red.list(&find).await[0]["fixed_ips"].as_array().unwrap().len(), 1);
    // An administrator who removes it by hand only annoys guests until the next change.
    world.admin().delete("port", &id(&port)).await;
    red.make("subnet", json!({"network_id": network, "ip_version": 4, "cidr": "10.2.0.0/24"})).await;
    assert_eq!(red.list(&find).await[0]["fixed_ips"].as_array().unwrap().len(), 2);
    world.audit_store().await;
}

#[tokio::test]
async fn automatic_ipv6_addresses_come_and_go_with_the_subnet() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.make("port", json!({"network_id": network})).await);
    let slaac = json!({
        "network_id": network, "ip_version": 6, "cidr": "2001:db8::/64",
        "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac",
    });
    let made = red.make("subnet", slaac).await;
    assert_eq!(made["gateway_ip"], "2001:db8::");
    let expected = |port: &Value| {
        let mac = port["mac_address"].as_str().unwrap().to_owned();
        let octets: Vec<u8> = mac.split(':').map(|o| u8::from_str_radix(o, 16).unwrap()).collect();
        format!(
            "2001:db8::{:x}{:02x}:{:x}ff:fe{:02x}:{:x}",
            octets[0] ^ 2,
            octets[1],
            octets[2],
            octets[3],
            u16::from(octets[4]) << 8 | u16::from(octets[5])
        )
    };
    let old = red.show("port", &port).await;
    assert_eq!(old["fixed_ips"][1]["ip_address"], expected(&old));
    // A new port has one too, whatever it asks for.
    let new = red.make("port", json!({"network_id": network, "fixed_ips": []})).await;
    assert_eq!(address(&new), expected(&new));
    let other = json!({"port": {"network_id": network, "fixed_ips": [{"ip_address": "2001:db8::5"}]}});
    red.refused(400, "AllocationOnAutoAddressSubnet", "POST ports", other).await;
    red.delete("subnet", &id(&made)).await;
    assert_eq!(red.show("port", &port).await["fixed_ips"].as_array().unwrap().len(), 1);
    world.audit_store().await;
}

#[tokio::test]
async fn subnets_for_some_kinds_of_ports_only() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let special =
        json!({"network_id": network, "ip_version": 4, "cidr": "10.1.0.0/24", "service_types": ["compute:special"]});
    admin.make("subnet", special).await;
    let of = |owner: &str| json!({"network_id": network, "device_owner": owner});
    assert!(address(&red.make("port", of("compute:special")).await).starts_with("10.1.0."));
    assert!(address(&red.make("port", of("compute:other")).await).starts_with("10.0.0."));
    let types = json!({"subnet": {"service_types": ["nonsense"]}});
    let subnet = id(&admin.list("subnets?cidr=10.1.0.0/24").await[0]);
    admin.refused(400, "InvalidSubnetServiceType", &format!("PUT subnets/{subnet}"), types).await;
}
