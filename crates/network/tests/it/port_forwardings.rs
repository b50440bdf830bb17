use crate::support::{Client, World, address, id};
use network::{
    driver::{Logical, LogicalKey},
    model::logical::desired,
};
use serde_json::{Value, json};

/// A network behind a router with a gateway, a floating IP, and a guest's port.
async fn ground(world: &World, red: &Client) -> (String, String, Value) {
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let public = world.public().await;
    let router = json!({"external_gateway_info": {"network_id": public}});
    let router = id(&red.make("router", router).await);
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let fip = id(&red.make("floatingip", json!({"floating_network_id": public})).await);
    (network.clone(), fip, red.port(&network).await)
}

async fn forward(red: &Client, fip: &str, port: &Value, external: u16, internal: u16) -> Value {
    let body = json!({"internal_port_id": port["id"], "internal_ip_address": address(port), "internal_port": internal,
        "external_port": external, "protocol": "tcp"});
    let request = format!("POST floatingips/{fip}/port_forwardings");
    red.expect(201, &request, json!({ "port_forwarding": body })).await["port_forwarding"].take()
}

#[tokio::test]
async fn ports_are_forwarded() {
    let world = World::new().await.reconciling();
    let red = world.red();
    let (network, fip, port) = ground(&world, &red).await;
    assert_eq!(red.show("floatingip", &fip).await["port_forwardings"], json!([]));
    let pf = forward(&red, &fip, &port, 2222, 1111).await;
    let expect = json!({"id": pf["id"], "description": "", "protocol": "tcp", "external_port": 2222,
        "external_port_range": "2222:2222", "internal_port_id": port["id"], "internal_ip_address": address(&port),
        "internal_port": 1111, "internal_port_range": "1111:1111"});
    assert_eq!(pf, expect);
    let at = format!("floatingips/{fip}/port_forwardings");
    assert_eq!(red.list(&at).await, std::slice::from_ref(&pf));
    assert_eq!(red.list(&format!("{at}?external_port=2222")).await.len(), 1);
    assert!(red.list(&format!("{at}?protocol=udp")).await.is_empty());
    let single = format!("{at}/{}", id(&pf));
    assert_eq!(red.expect(200, &format!("GET {single}"), None).await["port_forwarding"], pf);
    let shown = red.show("floatingip", &fip).await;
    let brief = json!({"id": pf["id"], "protocol": "tcp", "external_port": 2222, "internal_port_id": port["id"],
        "internal_ip_address": address(&port), "internal_port": 1111});
    assert_eq!((&shown["port_forwardings"], shown["status"].as_str()), (&json!([brief]), Some("ACTIVE")));
    assert!(shown["router_id"].is_string() && shown["port_id"].is_null());
    let logical =
        || match desired(&world.store.snapshot(), world.net.settings(), &LogicalKey::PortForwarding(id(&pf).into())) {
            Some(Logical::PortForwarding(l)) => Some((l.pairs().collect::<Vec<_>>(), l.internal.to_string())),
            None => None,
            other => panic!("{other:?}"),
        };
    world.settled().await;
    assert_eq!(logical(), Some((vec![(2222, 1111)], address(&port))));
    // Changed, as a range, and to another guest.
    let other = red.port(&network).await;
    let change = json!({"port_forwarding": {"internal_port": 3333, "description": "d"}});
    let changed = red.expect(200, &format!("PUT {single}"), change).await;
    assert_eq!(
        (changed["port_forwarding"]["internal_port"].as_u64(), changed["port_forwarding"]["external_port"].as_u64()),
        (Some(3333), Some(2222))
    );
    let change = json!({"port_forwarding": {"internal_port_id": other["id"], "external_port_range": "100:102", "internal_port_range": "200:202"}});
    let changed = red.expect(200, &format!("PUT {single}"), change).await;
    assert_eq!(
        (&changed["port_forwarding"]["external_port"], changed["port_forwarding"]["internal_ip_address"].as_str()),
        (&Value::Null, Some(address(&other).as_str()))
    );
    world.settled().await;
    assert_eq!(logical(), Some((vec![(100, 200), (101, 201), (102, 202)], address(&other))));
    red.delete("port", &id(&port)).await;
    red.delete("port", &id(&other)).await;
    world.settled().await;
    assert_eq!(logical(), None, "it goes with the port that it led to");
    let shown = red.show("floatingip", &fip).await;
    assert_eq!((shown["status"].as_str(), &shown["router_id"]), (Some("DOWN"), &Value::Null));
    red.delete("floatingip", &fip).await;
    world.audit_store().await;
}

#[tokio::test]
async fn what_cannot_be_forwarded() {
    let world = World::new().await;
    let (red, blue) = (world.red(), world.blue());
    let (network, fip, port) = ground(&world, &red).await;
    let (second, lost) = (red.port(&network).await, red.port(&red.network("island", "10.9.0.0/24").await.0).await);
    let pf = forward(&red, &fip, &port, 2222, 1111).await;
    let at = format!("floatingips/{fip}/port_forwardings");
    let body = |port: &Value, change: Value| {
        let mut body =
            json!({"internal_port_id": port["id"], "internal_port": 80, "external_port": 80, "protocol": "tcp"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "port_forwarding": body })
    };
    for (port, change, status, name) in [
        (&second, json!({"external_port": 2222}), 400, "BadRequest"),
        (&port, json!({"internal_port": 1111}), 400, "BadRequest"),
        (&second, json!({"external_port_range": "2000:3000", "internal_port_range": "1:1001"}), 400, "BadRequest"),
        (&second, json!({"external_port_range": "10:20", "internal_port_range": "10:19"}), 400, "BadRequest"),
        (&second, json!({"internal_ip_address": "10.0.1.7"}), 400, "BadRequest"),
        (&second, json!({"internal_ip_address": "fd00::1"}), 400, "BadRequest"),
        (&lost, json!({}), 400, "BadRequest"),
        (&second, json!({"external_port": null}), 400, "BadRequest"),
        (&second, json!({"external_port": 65536}), 400, "HTTPBadRequest"),
        (&second, json!({"external_port_range": "9:8"}), 400, "HTTPBadRequest"),
        (&second, json!({"protocol": "icmp"}), 400, "HTTPBadRequest"),
        (&second, json!({"internal_port_id": "00000000-0000-0000-0000-000000000000"}), 404, "PortNotFound"),
    ] {
        red.refused(status, name, &format!("POST {at}"), body(port, change)).await;
    }
    // UDP has ports of its own.
    red.expect(201, &format!("POST {at}"), body(&second, json!({"external_port": 2222, "protocol": "udp"}))).await;
    let single = format!("{at}/{}", id(&pf));
    red.refused(
        400,
        "HTTPBadRequest",
        &format!("PUT {single}"),
        json!({"port_forwarding": {"external_port": 108_343}}),
    )
    .await;
    red.refused(404, "PortForwardingNotFound", &format!("GET {at}/{fip}"), None).await;
    for (who, status, name) in
        [(&blue, 404, "FloatingIPNotFound"), (&world.client("red-reader"), 403, "PolicyNotAuthorized")]
    {
        who.refused(status, name, &format!("DELETE {single}"), None).await;
    }
    blue.refused(404, "FloatingIPNotFound", &format!("GET {at}"), None).await;
    // A floating IP that forwards ports is nobody's alone, and stays with what it needs.
    red.refused(409, "FipInUseByPortForwarding", &format!("DELETE floatingips/{fip}"), None).await;
    let alone = json!({"floatingip": {"port_id": second["id"]}});
    red.refused(409, "FipInUseByPortForwarding", &format!("PUT floatingips/{fip}"), alone.clone()).await;
    let own = id(&red.make("floatingip", json!({"floating_network_id": world.public().await})).await);
    red.refused(400, "PortHasPortForwarding", &format!("PUT floatingips/{own}"), alone).await;
    let third = red.port(&network).await;
    red.set("floatingip", &own, json!({"port_id": third["id"]})).await;
    red.refused(409, "PortHasBindingFloatingIP", &format!("POST {at}"), body(&third, json!({}))).await;
    let taken = format!("POST floatingips/{own}/port_forwardings");
    red.refused(409, "FloatingIPPortAlreadyAssociated", &taken, body(&second, json!({"internal_port": 7}))).await;
    let router = id(&red.list("routers").await[0]);
    red.set("floatingip", &own, json!({"port_id": null})).await;
    red.refused(
        409,
        "RouterExternalGatewayInUseByFloatingIp",
        &format!("PUT routers/{router}"),
        json!({"router": {"external_gateway_info": null}}),
    )
    .await;
    let subnet = port["fixed_ips"][0]["subnet_id"].clone();
    red.refused(
        409,
        "RouterInterfaceInUseByFloatingIP",
        &format!("PUT routers/{router}/remove_router_interface"),
        json!({"subnet_id": subnet}),
    )
    .await;
    // An address that the port loses is forwarded to no more.
    let taken: Vec<_> = red.list("ports").await.iter().map(|p| p["fixed_ips"][0]["ip_address"].clone()).collect();
    let free = (200..).map(|n| json!(format!("10.0.0.{n}"))).find(|address| !taken.contains(address));
    red.set("port", &id(&port), json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": free}]})).await;
    assert_eq!(red.list(&at).await.len(), 1);
    world.audit_store().await;
}

/// Two at once that ask for one external port: one has it.
#[tokio::test]
async fn one_port_leads_to_one_place() {
    let world = World::new().await;
    let red = world.red();
    let (network, fip, port) = ground(&world, &red).await;
    let other = red.port(&network).await;
    let ask = |port: &Value| json!({"port_forwarding": {"internal_port_id": port["id"], "internal_port": 80, "external_port": 80, "protocol": "tcp"}});
    let request = format!("POST floatingips/{fip}/port_forwardings");
    let (a, b) = tokio::join!(red.call(&request, ask(&port)), red.call(&request, ask(&other)));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400]);
    world.audit_store().await;
}
