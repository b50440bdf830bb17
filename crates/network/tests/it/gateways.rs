//! Routers with several ways out.

use crate::support::{World, id};
use network::{driver::Logical, model::logical};
use serde_json::{Value, json};

/// A second external network beside `public`.
async fn other_way(world: &World) -> String {
    let admin = world.admin();
    let network = id(&admin.make("network", json!({"name": "other", "router:external": true})).await);
    let subnet = json!({"network_id": network, "ip_version": 4, "cidr": "198.51.100.0/24", "enable_dhcp": false});
    admin.make("subnet", subnet).await;
    network
}

fn asked(gateways: &[Value]) -> Value {
    json!({"router": {"external_gateways": gateways}})
}

fn networks(router: &Value) -> Vec<String> {
    let gateways = router["external_gateways"].as_array().unwrap_or_else(|| panic!("{router}"));
    gateways.iter().map(|g| g["network_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn gateways_come_and_go() {
    let world = World::new().await;
    let (red, public, other) = (world.red(), world.public().await, other_way(&world).await);
    let router = id(&red.make("router", json!({})).await);
    let [add, remove, update] =
        ["add", "remove", "update"].map(|verb| format!("PUT routers/{router}/{verb}_external_gateways"));
    let on = |network: &str| json!({ "network_id": network });
    let now = red.expect(200, &add, asked(&[on(&public), on(&other)])).await;
    assert_eq!(networks(&now["router"]), [public.as_str(), &other]);
    assert_eq!(now["router"]["external_gateway_info"], now["router"]["external_gateways"][0]);
    let now = red.expect(200, &add, asked(&[on(&public)])).await;
    assert_eq!(networks(&now["router"]), [public.as_str(), &other, &public]);
    let third = now["router"]["external_gateways"][2].clone();
    red.refused(400, "UnableToMatchGateways", &remove, asked(&[on(&public)])).await;
    let now = red.expect(200, &remove, asked(&[third])).await;
    assert_eq!(networks(&now["router"]), [public.as_str(), &other]);
    // The next one takes the first one's place, also by the older way of saying it.
    let now = red.set("router", &router, json!({"external_gateway_info": null})).await;
    assert_eq!(
        (networks(&now), now["external_gateway_info"]["network_id"].as_str()),
        (vec![other.clone()], Some(&*other))
    );
    let now = red.expect(200, &update, asked(&[on(&public), on(&other)])).await;
    assert_eq!(networks(&now["router"]), [public.as_str(), &other]);
    let now = red.expect(200, &update, asked(&[])).await;
    assert_eq!((networks(&now["router"]), &now["router"]["external_gateway_info"]), (vec![], &Value::Null));
    red.delete("router", &router).await;
    world.audit_store().await;
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let world = World::new().await;
    let (red, public, other) = (world.red(), world.public().await, other_way(&world).await);
    let (_, inner) = red.network("n", "10.0.0.0/24").await;
    let router = id(&red.make("router", json!({"external_gateway_info": {"network_id": public}})).await);
    let at = |verb: &str| format!("PUT routers/{router}/{verb}_external_gateways");
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": inner})).await;
    let before = red.show("router", &router).await;
    let private = id(&red.make("network", json!({})).await);
    let (fixed, snat) = (json!([{"ip_address": "198.51.100.9"}]), json!(false));
    for (verb, gateway, status, name) in [
        ("add", json!({"network_id": private}), 400, "BadRequest"),
        ("add", json!({"network_id": "00000000-0000-0000-0000-000000000000"}), 404, "NetworkNotFound"),
        ("add", json!({"network_id": other, "external_fixed_ips": fixed}), 403, "PolicyNotAuthorized"),
        ("add", json!({"network_id": other, "enable_snat": snat}), 403, "PolicyNotAuthorized"),
        ("update", json!({"network_id": other, "enable_snat": snat}), 403, "PolicyNotAuthorized"),
        ("remove", json!({"network_id": other}), 400, "UnableToMatchGateways"),
        ("add", json!({"network": other}), 400, "HTTPBadRequest"),
    ] {
        red.refused(status, name, &at(verb), asked(&[gateway])).await;
    }
    red.refused(400, "HTTPBadRequest", &at("add"), json!({"router": {}})).await;
    // What the stock client says before it unsets the gateway.
    red.expect(200, &at("remove"), json!({"router": {"external_gateways": {}}})).await;
    world.client("red-reader").refused(403, "PolicyNotAuthorized", &at("add"), asked(&[])).await;
    world.blue().refused(404, "RouterNotFound", &at("add"), asked(&[])).await;
    let stale = red.with("If-Match", "revision_number=0");
    stale.refused(412, "RevisionNumberConstraintFailed", &at("add"), asked(&[json!({"network_id": other})])).await;
    // A list whose last one is refused adds none.
    let good = json!({"network_id": other});
    red.refused(400, "BadRequest", &at("add"), asked(&[good, json!({"network_id": private})])).await;
    assert_eq!(red.show("router", &router).await, before);
    world.audit_store().await;
}

/// Floating IPs of each gateway's network work, and hold their gateway.
#[tokio::test]
async fn floating_ips_hold_their_gateway() {
    let world = World::new().await;
    let (red, public, other) = (world.red(), world.public().await, other_way(&world).await);
    let (network, inner) = red.network("n", "10.0.0.0/24").await;
    let router = id(&red.make("router", json!({"external_gateway_info": {"network_id": public}})).await);
    let at = |verb: &str| format!("PUT routers/{router}/{verb}");
    red.expect(200, &at("add_router_interface"), json!({"subnet_id": inner})).await;
    let further = asked(&[json!({"network_id": other})]);
    red.expect(200, &at("add_external_gateways"), further.clone()).await;
    let port = id(&red.port(&network).await);
    let fip = red.make("floatingip", json!({"floating_network_id": other, "port_id": port})).await;
    assert_eq!(fip["router_id"], json!(router));
    red.refused(409, "RouterExternalGatewayInUseByFloatingIp", &at("remove_external_gateways"), further.clone()).await;
    // The first one is nobody's need.
    red.expect(200, &at("remove_external_gateways"), asked(&[json!({"network_id": public})])).await;
    red.delete("floatingip", &id(&fip)).await;
    red.expect(200, &at("remove_external_gateways"), further).await;
    world.audit_store().await;
}

/// Default routes are by the first gateway, or by all of them if traffic is to be spread.
#[tokio::test]
async fn how_packets_leave() {
    let world = World::new().await;
    let (red, admin, public, other) = (world.red(), world.admin(), world.public().await, other_way(&world).await);
    let router = id(&red.make("router", json!({"external_gateway_info": {"network_id": public}})).await);
    let add = format!("PUT routers/{router}/add_external_gateways");
    red.expect(200, &add, asked(&[json!({"network_id": other})])).await;
    let hops = || {
        let all = logical::all(&world.store.snapshot(), world.net.settings());
        let router = all.into_iter().find_map(|o| if let Logical::Router(r) = o { Some(r) } else { None }).unwrap();
        router.gateways().map(|g| g.next_hops.len()).collect::<Vec<_>>()
    };
    assert_eq!(hops(), [1, 0]);
    let spread = json!({"router": {"enable_default_route_ecmp": true}});
    red.refused(403, "PolicyNotAuthorized", &format!("PUT routers/{router}"), spread).await;
    admin.set("router", &router, json!({"enable_default_route_ecmp": true})).await;
    assert_eq!(hops(), [1, 1]);
}
