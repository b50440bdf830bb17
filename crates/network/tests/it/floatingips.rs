use crate::support::{Client, World, address, id};
use serde_json::{Value, json};

/// A network behind a router with a gateway, and a port on it.
async fn behind(world: &World, who: &Client, cidr: &str) -> (String, Value) {
    let (network, subnet) = who.network("n", cidr).await;
    let gateway = json!({"external_gateway_info": {"network_id": world.public().await}});
    let router = id(&who.make("router", gateway).await);
    who.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    (router, who.port(&network).await)
}

#[tokio::test]
async fn to_and_from_a_port() {
    let world = World::new().await;
    let red = world.red();
    let public = world.public().await;
    let (router, port) = behind(&world, &red, "10.0.0.0/24").await;
    let made = red.make("floatingip", json!({"floating_network_id": public})).await;
    let fip = id(&made);
    for (key, expect) in [
        ("status", json!("DOWN")),
        ("port_id", json!(null)),
        ("fixed_ip_address", json!(null)),
        ("router_id", json!(null)),
        ("port_details", json!(null)),
    ] {
        assert_eq!(made[key], expect, "{key}");
    }
    assert!(made["floating_ip_address"].as_str().unwrap().starts_with("172.24.4."));
    let led = red.set("floatingip", &fip, json!({"port_id": id(&port)})).await;
    assert_eq!((led["status"].as_str(), led["router_id"].as_str()), (Some("ACTIVE"), Some(router.as_str())));
    assert_eq!(
        (led["fixed_ip_address"].as_str(), led["port_details"]["mac_address"].clone()),
        (Some(address(&port).as_str()), port["mac_address"].clone())
    );
    // Found by the port; the port's address is held.
    assert_eq!(red.list(&format!("floatingips?port_id={}", id(&port))).await.len(), 1);
    let move_away = json!({"port": {"fixed_ips": [{"ip_address": "10.0.0.200"}]}});
    red.refused(400, "BadRequest", &format!("PUT ports/{}", id(&port)), move_away).await;
    for (request, name, body) in [
        (
            format!("PUT routers/{router}/remove_router_interface"),
            "RouterInterfaceInUseByFloatingIP",
            json!({"subnet_id": port["fixed_ips"][0]["subnet_id"]}),
        ),
        (
            format!("PUT routers/{router}"),
            "RouterExternalGatewayInUseByFloatingIp",
            json!({"router": {"external_gateway_info": null}}),
        ),
        (
            format!("PUT floatingips/{}", id(&red.make("floatingip", json!({"floating_network_id": public})).await)),
            "FloatingIPPortAlreadyAssociated",
            json!({"floatingip": {"port_id": id(&port)}}),
        ),
    ] {
        red.refused(409, name, &request, body).await;
    }
    let described = red.set("floatingip", &fip, json!({"description": "d"})).await;
    assert_eq!((described["description"].as_str(), described["status"].as_str()), (Some("d"), Some("ACTIVE")));
    let off = red.set("floatingip", &fip, json!({"port_id": null})).await;
    assert_eq!((off["status"].as_str(), off["router_id"].clone()), (Some("DOWN"), json!(null)));
    red.set("floatingip", &fip, json!({"port_id": id(&port)})).await;
    assert_eq!(red.set("floatingip", &fip, json!({})).await["port_id"], json!(null), "an empty change leads nowhere");
    red.set("floatingip", &fip, json!({"port_id": id(&port)})).await;
    red.delete("port", &id(&port)).await;
    let left = red.show("floatingip", &fip).await;
    assert_eq!((left["status"].as_str(), left["port_id"].clone()), (Some("DOWN"), json!(null)));
    red.delete("floatingip", &fip).await;
    world.audit_store().await;
}

#[tokio::test]
async fn which_address() {
    let world = World::new().await;
    let (red, manager) = (world.red(), world.client("red-manager"));
    let public = world.public().await;
    let (_, port) = behind(&world, &red, "10.0.0.0/24").await;
    let subnet = port["fixed_ips"][0]["subnet_id"].clone();
    let two = json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.0.0.21"}, {"subnet_id": subnet, "ip_address": "10.0.0.22"}]});
    red.set("port", &id(&port), two).await;
    let at = |more: Value| {
        let mut body = json!({"floating_network_id": public});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "floatingip": body })
    };
    for (more, status, name) in [
        (json!({"port_id": id(&port)}), 400, "BadRequest"),
        (json!({"port_id": id(&port), "fixed_ip_address": "10.0.0.99"}), 400, "BadRequest"),
        (json!({"fixed_ip_address": "10.0.0.21"}), 400, "BadRequest"),
        (json!({"port_id": "00000000-0000-0000-0000-000000000000"}), 404, "PortNotFound"),
        (json!({"floating_network_id": "00000000-0000-0000-0000-000000000000"}), 404, "NetworkNotFound"),
        (json!({"floating_network_id": port["network_id"]}), 400, "BadRequest"),
        (json!({"floating_ip_address": "172.24.4.77"}), 403, "PolicyNotAuthorized"),
        (json!({"floating_ip_address": "x"}), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, "POST floatingips", at(more)).await;
    }
    let made =
        red.expect(201, "POST floatingips", at(json!({"port_id": id(&port), "fixed_ip_address": "10.0.0.22"}))).await;
    assert_eq!(made["floatingip"]["fixed_ip_address"], "10.0.0.22");
    let chosen = manager.expect(201, "POST floatingips", at(json!({"floating_ip_address": "172.24.4.77"}))).await;
    assert_eq!(chosen["floatingip"]["floating_ip_address"], "172.24.4.77");
    manager.refused(409, "IpAddressInUse", "POST floatingips", at(json!({"floating_ip_address": "172.24.4.77"}))).await;
    world.audit_store().await;
}

#[tokio::test]
async fn only_where_a_router_leads() {
    let world = World::new().await;
    let red = world.red();
    let public = world.public().await;
    let (network, _) = red.network("island", "10.3.0.0/24").await;
    let port = red.port(&network).await;
    let ask = json!({"floatingip": {"floating_network_id": public, "port_id": id(&port)}});
    red.refused(404, "ExternalGatewayForFloatingIPNotFound", "POST floatingips", ask).await;
    // What the refused request had claimed is free again.
    assert!(world.admin().list(&format!("ports?network_id={public}")).await.is_empty());
    // Another tenant's port is none.
    let (_, theirs) = behind(&world, &world.blue(), "10.0.0.0/24").await;
    let ask = json!({"floatingip": {"floating_network_id": public, "port_id": id(&theirs)}});
    red.refused(404, "PortNotFound", "POST floatingips", ask).await;
    let fip = id(&red.make("floatingip", json!({"floating_network_id": public})).await);
    world
        .blue()
        .refused(
            404,
            "FloatingIPNotFound",
            &format!("PUT floatingips/{fip}"),
            json!({"floatingip": {"port_id": id(&theirs)}}),
        )
        .await;
    assert!(world.blue().list("floatingips").await.is_empty());
    world.audit_store().await;
}

/// A router that is named carries the address, though it is not on the port's subnet.
#[tokio::test]
async fn through_a_router_that_is_named() {
    let world = World::new().await;
    let (red, public) = (world.red(), world.public().await);
    let (_, port) = behind(&world, &red, "10.0.0.0/24").await;
    let outer = id(&red.make("router", json!({"external_gateway_info": {"network_id": public}})).await);
    let asked = json!({"floating_network_id": public, "port_id": id(&port), "router_id": outer});
    let made = red.make("floatingip", asked).await;
    assert_eq!(made["router_id"], *outer);
    let inner = id(&red.make("router", json!({})).await);
    let put = format!("PUT floatingips/{}", id(&made));
    red.refused(409, "RouterWithoutGateway", &put, json!({"floatingip": {"router_id": inner}})).await;
    world.blue().refused(404, "FloatingIPNotFound", &put, json!({"floatingip": {"router_id": inner}})).await;
}
