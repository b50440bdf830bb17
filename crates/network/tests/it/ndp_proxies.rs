use crate::support::{Client, World, id};
use serde_json::json;

/// An external network with IPv6 in a scope, its pool and a router on it.
async fn scoped(world: &World, red: &Client) -> (String, String) {
    let admin = world.admin();
    let scope = id(&red.make("address_scope", json!({"name": "s", "ip_version": 6})).await);
    let pool = json!({"name": "p", "prefixes": ["2001:abc::/96"], "default_prefixlen": 112, "address_scope_id": scope});
    let pool = id(&red.make("subnetpool", pool).await);
    let external = id(&admin.make("network", json!({"router:external": true})).await);
    admin.make("subnet", json!({"network_id": external, "ip_version": 6, "subnetpool_id": pool})).await;
    let router = json!({"external_gateway_info": {"network_id": external}, "enable_ndp_proxy": true});
    let router = red.make("router", router).await;
    assert_eq!(router["enable_ndp_proxy"], true);
    (pool, id(&router))
}

#[tokio::test]
async fn an_inner_address_outside() {
    let world = World::new().await;
    let red = world.red();
    let (pool, router) = scoped(&world, &red).await;
    let network = id(&red.make("network", json!({})).await);
    let subnet = json!({"network_id": network, "ip_version": 6, "subnetpool_id": pool});
    let subnet = id(&red.make("subnet", subnet).await);
    let port = red.port(&network).await;
    let body = json!({"ndp_proxy": {"name": "x", "router_id": router, "port_id": id(&port)}});
    red.refused(409, "PortUnreachableRouter", "POST ndp-proxies", body.clone()).await;
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let mut foreign = body.clone();
    foreign["ndp_proxy"]["ip_address"] = json!("2001:abc::dead:1");
    red.refused(400, "InvalidAddress", "POST ndp-proxies", foreign).await;
    let proxy = red.expect(201, "POST ndp-proxies", body).await["ndp_proxy"].take();
    assert_eq!(proxy["ip_address"], port["fixed_ips"][0]["ip_address"]);
    assert_eq!(red.set("ndp_proxy", &id(&proxy), json!({"name": "y"})).await["name"], "y");
    assert_eq!(red.names("ndp-proxies?name=y").await, ["y"]);
    for (request, body, name) in [
        ("remove_router_interface", json!({"subnet_id": subnet}), "RouterInterfaceInUseByNDPProxy"),
        ("", json!({"router": {"external_gateway_info": {}}}), "RouterGatewayInUseByNDPProxy"),
        ("", json!({"router": {"enable_ndp_proxy": false}}), "RouterGatewayInUseByNDPProxy"),
    ] {
        red.refused(409, name, format!("PUT routers/{router}/{request}").trim_end_matches('/'), body).await;
    }
    red.delete("port", &id(&port)).await;
    red.refused(404, "NDPProxyNotFound", &format!("GET ndp-proxies/{}", id(&proxy)), None).await;
    world.audit_store().await;
}

#[tokio::test]
async fn what_a_router_needs_for_them() {
    let world = World::new().await;
    let (red, public) = (world.red(), world.public().await);
    let (_, router) = scoped(&world, &red).await;
    let put = format!("PUT routers/{router}");
    let both = json!({"router": {"external_gateway_info": {}, "enable_ndp_proxy": true}});
    red.refused(409, "RouterGatewayNotValid", &put, both).await;
    // Without an address scope nothing is forwarded untranslated.
    let asked = json!({"router": {"external_gateway_info": {"network_id": public}, "enable_ndp_proxy": true}});
    red.refused(409, "RouterGatewayNotValid", "POST routers", asked).await;
    let other = red.make("address_scope", json!({"name": "o", "ip_version": 6})).await;
    let pool =
        json!({"name": "o", "prefixes": ["2002::/96"], "default_prefixlen": 112, "address_scope_id": id(&other)});
    let pool = id(&red.make("subnetpool", pool).await);
    let network = id(&red.make("network", json!({})).await);
    let subnet = id(&red.make("subnet", json!({"network_id": network, "ip_version": 6, "subnetpool_id": pool})).await);
    red.expect(200, &format!("{put}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let port = id(&red.port(&network).await);
    let proxy = json!({"ndp_proxy": {"router_id": router, "port_id": port}});
    red.refused(409, "AddressScopeConflict", "POST ndp-proxies", proxy.clone()).await;
    assert_eq!(red.set("router", &router, json!({"enable_ndp_proxy": false})).await["enable_ndp_proxy"], false);
    red.refused(409, "RouterNDPProxyNotEnable", "POST ndp-proxies", proxy).await;
}

#[tokio::test]
async fn conntrack_helpers() {
    let world = World::new().await;
    let (red, blue) = (world.red(), world.blue());
    let router = id(&red.make("router", json!({})).await);
    let path = format!("routers/{router}/conntrack_helpers");
    let helper = |helper: &str, protocol: &str, port: u16| json!({"conntrack_helper": {"helper": helper, "protocol": protocol, "port": port}});
    let post = format!("POST {path}");
    let made = red.expect(201, &post, helper("tftp", "udp", 69)).await["conntrack_helper"].take();
    for (body, name) in [
        (helper("tftp", "udp", 69), "BadRequest"),
        (helper("tftp", "tcp", 69), "InvalidProtocolForHelper"),
        (helper("gopher", "tcp", 70), "ConntrackHelperNotAllowed"),
        (helper("ftp", "quic", 21), "HTTPBadRequest"),
    ] {
        red.refused(400, name, &post, body).await;
    }
    blue.refused(404, "RouterNotFound", &post, helper("ftp", "tcp", 21)).await;
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &post, helper("ftp", "tcp", 21)).await;
    red.expect(201, &post, helper("ftp", "tcp", 21)).await;
    let one = format!("{path}/{}", id(&made));
    let body = json!({"conntrack_helper": {"port": 6969}});
    assert_eq!(red.expect(200, &format!("PUT {one}"), body).await["conntrack_helper"]["port"], 6969);
    assert_eq!(red.list(&format!("{path}?helper=ftp")).await.len(), 1);
    let ports: Vec<_> = red.list(&format!("{path}?sort_key=port&sort_dir=desc&fields=port")).await;
    assert_eq!(ports, [json!({"port": 6969}), json!({"port": 21})]);
    assert_eq!(red.show("router", &router).await["conntrack_helpers"].as_array().unwrap().len(), 2);
    red.expect(204, &format!("DELETE {one}"), None).await;
    red.refused(404, "ConntrackHelperNotFound", &format!("GET {one}"), None).await;
}
