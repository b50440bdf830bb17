use crate::support::{World, address, id};
use serde_json::json;

#[tokio::test]
async fn a_router_from_birth_to_death() {
    let world = World::new().await;
    let red = world.red();
    let made = red.make("router", json!({"name": "r"})).await;
    let router = id(&made);
    for (key, expect) in [
        ("status", json!("ACTIVE")),
        ("admin_state_up", json!(true)),
        ("external_gateway_info", json!(null)),
        ("routes", json!([])),
        ("availability_zone_hints", json!([])),
    ] {
        assert_eq!(made[key], expect, "{key}");
    }
    let public = world.public().await;
    let now = red.set("router", &router, json!({"external_gateway_info": {"network_id": public}})).await;
    let gateway = &now["external_gateway_info"];
    assert_eq!((gateway["network_id"].as_str(), gateway["enable_snat"].as_bool()), (Some(public.as_str()), Some(true)));
    assert!(gateway["external_fixed_ips"][0]["ip_address"].as_str().unwrap().starts_with("172.24.4."));
    // The gateway's port is the service's: the tenant does not see it, the administrator does.
    assert!(red.list("ports").await.is_empty());
    let ports = world.admin().list(&format!("ports?device_id={router}")).await;
    assert_eq!(
        (ports[0]["device_owner"].as_str(), ports[0]["project_id"].as_str()),
        (Some("network:router_gateway"), Some(""))
    );
    let text = world.admin().refused(409, "ServicePortInUse", &format!("DELETE ports/{}", id(&ports[0])), None).await;
    assert!(text.contains("network:router_gateway"), "{text}");
    for off in [json!(null), json!({})] {
        red.set("router", &router, json!({"external_gateway_info": {"network_id": public}})).await;
        assert_eq!(
            red.set("router", &router, json!({"external_gateway_info": off})).await["external_gateway_info"],
            json!(null)
        );
    }
    red.set("router", &router, json!({"external_gateway_info": {"network_id": public}})).await;
    red.delete("router", &router).await;
    assert!(world.admin().list(&format!("ports?network_id={public}")).await.is_empty());
    world.audit_store().await;
}

#[tokio::test]
async fn gateways() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let public = world.public().await;
    let router = id(&red.make("router", json!({})).await);
    let put = format!("PUT routers/{router}");
    let ask = |info: serde_json::Value| json!({"router": {"external_gateway_info": info}});
    for (info, status, name) in [
        (json!({"network_id": public, "enable_snat": false}), 403, "PolicyNotAuthorized"),
        (
            json!({"network_id": public, "external_fixed_ips": [{"ip_address": "172.24.4.9"}]}),
            403,
            "PolicyNotAuthorized",
        ),
        (json!({"network_id": "x"}), 400, "HTTPBadRequest"),
        (json!({"enable_snat": true}), 400, "HTTPBadRequest"),
        (json!({"network_id": public, "colour": 1}), 400, "HTTPBadRequest"),
        (json!({"network_id": "00000000-0000-0000-0000-000000000000"}), 404, "NetworkNotFound"),
    ] {
        red.refused(status, name, &put, ask(info)).await;
    }
    let (inner, _) = red.network("n", "10.0.0.0/24").await;
    red.refused(400, "BadRequest", &put, ask(json!({"network_id": inner}))).await;
    admin
        .refused(
            400,
            "BadRequest",
            &put,
            ask(json!({"network_id": public, "external_fixed_ips": [{"ip_address": "172.24.4.1"}]})),
        )
        .await;
    let fixed =
        ask(json!({"network_id": public, "enable_snat": false, "external_fixed_ips": [{"ip_address": "172.24.4.99"}]}));
    let now = admin.expect(200, &put, fixed).await;
    let info = &now["router"]["external_gateway_info"];
    assert_eq!(
        (info["enable_snat"].as_bool(), info["external_fixed_ips"][0]["ip_address"].as_str()),
        (Some(false), Some("172.24.4.99"))
    );
    let moved = ask(json!({"network_id": public, "external_fixed_ips": [{"ip_address": "172.24.4.98"}]}));
    let now = admin.expect(200, &put, moved).await;
    assert_eq!(now["router"]["external_gateway_info"]["external_fixed_ips"][0]["ip_address"], "172.24.4.98");
    assert_eq!(now["router"]["external_gateway_info"]["enable_snat"], true, "each setting says all");
    // With the router at once.
    let direct = red.make("router", json!({"external_gateway_info": {"network_id": public}})).await;
    assert_eq!(direct["external_gateway_info"]["network_id"], json!(public));
    admin.refused(409, "NetworkInUse", &format!("DELETE networks/{public}"), None).await;
    world.audit_store().await;
}

#[tokio::test]
async fn interfaces() {
    let world = World::new().await;
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let router = id(&red.make("router", json!({})).await);
    let add = format!("PUT routers/{router}/add_router_interface");
    let remove = format!("PUT routers/{router}/remove_router_interface");
    let done = red.expect(200, &add, json!({"subnet_id": subnet})).await;
    assert_eq!((done["id"].as_str(), done["subnet_id"].as_str()), (Some(router.as_str()), Some(subnet.as_str())));
    assert_eq!((done["subnet_ids"].clone(), done["network_id"].clone()), (json!([subnet]), json!(network)));
    let port = red.show("port", done["port_id"].as_str().unwrap()).await;
    assert_eq!(
        (address(&port), port["device_owner"].as_str()),
        ("10.0.0.1".to_owned(), Some("network:router_interface"))
    );
    assert_eq!((port["status"].as_str(), port["security_groups"].clone()), (Some("ACTIVE"), json!([])));
    red.refused(400, "BadRequest", &add, json!({"subnet_id": subnet})).await;
    red.refused(409, "ServicePortInUse", &format!("DELETE ports/{}", id(&port)), None).await;
    red.refused(409, "RouterInUse", &format!("DELETE routers/{router}"), None).await;
    red.refused(409, "SubnetInUse", &format!("DELETE subnets/{subnet}"), None).await;
    // By a port of one's own.
    let (second, other) = red.network("m", "10.1.0.0/24").await;
    let own = red.make("port", json!({"network_id": second, "fixed_ips": [{"ip_address": "10.1.0.9"}]})).await;
    let done = red.expect(200, &add, json!({"port_id": id(&own)})).await;
    assert_eq!(done["subnet_id"], json!(other));
    red.refused(409, "PortInUse", &add, json!({"port_id": id(&own)})).await;
    // Nothing that cannot be told apart.
    let (_, overlapping) = red.network("x", "10.0.0.128/25").await;
    red.refused(400, "BadRequest", &add, json!({"subnet_id": overlapping})).await;
    for (body, status, name) in [
        (json!({}), 400, "BadRequest"),
        (json!({"subnet_id": subnet, "port_id": id(&own)}), 400, "BadRequest"),
        (json!({"subnet_id": "x"}), 400, "BadRequest"),
        (json!({"subnet_id": "00000000-0000-0000-0000-000000000000"}), 404, "SubnetNotFound"),
        (json!({"port_id": "00000000-0000-0000-0000-000000000000"}), 404, "PortNotFound"),
    ] {
        red.refused(status, name, &add, body).await;
    }
    red.refused(400, "SubnetMismatchForPort", &remove, json!({"port_id": id(&own), "subnet_id": subnet})).await;
    red.expect(200, &remove, json!({"subnet_id": subnet})).await;
    red.refused(404, "RouterInterfaceNotFoundForSubnet", &remove, json!({"subnet_id": subnet})).await;
    red.expect(200, &remove, json!({"port_id": id(&own)})).await;
    red.refused(404, "RouterInterfaceNotFound", &remove, json!({"port_id": id(&own)})).await;
    red.delete("router", &router).await;
    world.audit_store().await;
}

#[tokio::test]
async fn a_subnet_without_gateway_and_two_ipv6_prefixes() {
    let world = World::new().await;
    let red = world.red();
    let network = id(&red.make("network", json!({})).await);
    let none = json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24", "gateway_ip": null});
    let none = id(&red.make("subnet", none).await);
    let router = id(&red.make("router", json!({})).await);
    let add = format!("PUT routers/{router}/add_router_interface");
    red.refused(400, "BadRequest", &add, json!({"subnet_id": none})).await;
    let mut ports = std::collections::BTreeSet::new();
    let mut subnets = Vec::new();
    for cidr in ["fd00:1::/64", "fd00:2::/64"] {
        let v6 = json!({"network_id": network, "ip_version": 6, "cidr": cidr, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"});
        let subnet = id(&red.make("subnet", v6).await);
        ports.insert(red.expect(200, &add, json!({"subnet_id": subnet})).await["port_id"].to_string());
        subnets.push(subnet);
    }
    assert_eq!(ports.len(), 1, "both are on one port");
    let remove = format!("PUT routers/{router}/remove_router_interface");
    for subnet in &subnets {
        red.expect(200, &remove, json!({"subnet_id": subnet})).await;
    }
    red.delete("router", &router).await;
    // Routers that somebody else announces are not ours to join.
    let foreign = json!({"network_id": network, "ip_version": 6, "cidr": "fd00:3::/64", "ipv6_address_mode": "slaac"});
    let foreign = id(&red.make("subnet", foreign).await);
    let router = id(&red.make("router", json!({})).await);
    red.refused(
        400,
        "BadRequest",
        &format!("PUT routers/{router}/add_router_interface"),
        json!({"subnet_id": foreign}),
    )
    .await;
    world.audit_store().await;
}

#[tokio::test]
async fn routes() {
    let world = World::new().await;
    let red = world.red();
    let (_, subnet) = red.network("n", "10.0.0.0/24").await;
    let router = id(&red.make("router", json!({})).await);
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let put = format!("PUT routers/{router}");
    let route = |to: &str, via: &str| json!({"destination": to, "nexthop": via});
    let set = |routes: serde_json::Value| json!({"router": {"routes": routes}});
    let now = red.expect(200, &put, set(json!([route("10.9.0.0/16", "10.0.0.9")]))).await;
    assert_eq!(now["router"]["routes"], json!([{"destination": "10.9.0.0/16", "nexthop": "10.0.0.9"}]));
    for (routes, name) in [
        (json!([route("10.9.0.0/16", "10.8.0.9")]), "InvalidRoutes"),
        (json!([route("10.9.0.0/16", "10.0.0.1")]), "InvalidRoutes"),
        (json!([route("10.9.0.0/16", "x")]), "HTTPBadRequest"),
        (json!([route("10.9.0.1/16", "10.0.0.9")]), "HTTPBadRequest"),
        (json!([route("10.9.0.0/16", "10.0.0.9"), route("10.9.0.0/16", "10.0.0.9")]), "HTTPBadRequest"),
        ((0..31).map(|n| route(&format!("10.{}.0.0/16", n + 20), "10.0.0.9")).collect(), "RoutesExhausted"),
    ] {
        red.refused(400, name, &put, set(routes)).await;
    }
    let remove = format!("PUT routers/{router}/remove_router_interface");
    red.refused(409, "RouterInterfaceInUseByRoute", &remove, json!({"subnet_id": subnet})).await;
    red.expect(200, &put, set(json!([]))).await;
    red.expect(200, &remove, json!({"subnet_id": subnet})).await;
    red.refused(400, "HTTPBadRequest", "POST routers", json!({"router": {"routes": []}})).await;
}

#[tokio::test]
async fn tenants_routers_are_apart() {
    let world = World::new().await;
    let (red, blue) = (world.red(), world.blue());
    let router = id(&red.make("router", json!({})).await);
    let (_, subnet) = blue.network("n", "10.0.0.0/24").await;
    blue.refused(404, "RouterNotFound", &format!("GET routers/{router}"), None).await;
    blue.refused(
        404,
        "RouterNotFound",
        &format!("PUT routers/{router}/add_router_interface"),
        json!({"subnet_id": subnet}),
    )
    .await;
    red.refused(
        404,
        "SubnetNotFound",
        &format!("PUT routers/{router}/add_router_interface"),
        json!({"subnet_id": subnet}),
    )
    .await;
    blue.refused(404, "RouterNotFound", &format!("DELETE routers/{router}"), None).await;
    assert!(blue.list("routers").await.is_empty());
    world
        .client("red-reader")
        .refused(403, "PolicyNotAuthorized", &format!("PUT routers/{router}"), json!({"router": {"name": "x"}}))
        .await;
}

/// Clients who add single routes at once do not undo each other's, as they would by setting the list.
#[tokio::test]
async fn single_routes() {
    let world = World::new().await;
    let red = world.red();
    let (_, subnet) = red.network("n", "10.0.0.0/24").await;
    let router = id(&red.make("router", json!({})).await);
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let (add, remove) =
        (format!("PUT routers/{router}/add_extraroutes"), format!("PUT routers/{router}/remove_extraroutes"));
    let route = |n: usize, via: &str| json!({"destination": format!("10.{n}.0.0/16"), "nexthop": via});
    let body = |routes: serde_json::Value| json!({"router": {"routes": routes}});
    let all =
        futures_util::future::join_all((20..30).map(|n| red.call(&add, body(json!([route(n, "10.0.0.9")]))))).await;
    assert!(all.iter().all(|answer| answer.status == 200));
    assert_eq!(red.show("router", &router).await["routes"].as_array().unwrap().len(), 10);
    // The same once more, twice; and another way to the same place.
    let again = json!([route(20, "10.0.0.9"), route(20, "10.0.0.9"), route(20, "10.0.0.10")]);
    let now = red.expect(200, &add, body(again)).await;
    assert_eq!(now["router"]["routes"].as_array().unwrap().len(), 11);
    let now = red.expect(200, &remove, body(json!([route(20, "10.0.0.9"), route(99, "10.0.0.9")]))).await;
    assert_eq!(now["router"]["routes"].as_array().unwrap().len(), 10);
    assert!(now["router"]["routes"].as_array().unwrap().contains(&route(20, "10.0.0.10")));
    for (routes, name) in [
        (json!([route(40, "10.8.0.9")]), "InvalidRoutes"),
        (json!([route(40, "10.0.0.1")]), "InvalidRoutes"),
        (json!([{"destination": "10.40.0.0/16"}]), "HTTPBadRequest"),
        (json!("x"), "HTTPBadRequest"),
        ((40..61).map(|n| route(n, "10.0.0.9")).collect(), "RoutesExhausted"),
    ] {
        red.refused(400, name, &add, body(routes)).await;
    }
    red.refused(400, "HTTPBadRequest", &remove, json!({"router": {"name": "x", "routes": []}})).await;
    world.blue().refused(404, "RouterNotFound", &add, body(json!([]))).await;
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &remove, body(json!([]))).await;
    assert_eq!(red.show("router", &router).await["routes"].as_array().unwrap().len(), 10, "a refusal changes nothing");
    world.audit_store().await;
}

/// What kind of router it is, administrators see and say; while it is down.
#[tokio::test]
async fn distributed_and_ha() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    red.refused(403, "PolicyNotAuthorized", "POST routers", json!({"router": {"distributed": true}})).await;
    let made = red.make("router", json!({})).await;
    assert!(made.get("distributed").is_none() && made.get("ha").is_none(), "{made}");
    let router = id(&made);
    let seen = admin.show("router", &router).await;
    assert_eq!((seen["distributed"].as_bool(), seen["ha"].as_bool()), (Some(true), Some(true)));
    let put = format!("PUT routers/{router}");
    admin.refused(400, "BadRequest", &put, json!({"router": {"distributed": false}})).await;
    admin.set("router", &router, json!({"admin_state_up": false})).await;
    assert_eq!(admin.set("router", &router, json!({"distributed": false})).await["distributed"], false);
    admin.refused(400, "BadRequest", &put, json!({"router": {"ha": false, "admin_state_up": true}})).await;
    assert_eq!(admin.set("router", &router, json!({"ha": false})).await["ha"], false);
}
