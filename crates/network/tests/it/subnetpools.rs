use crate::support::{World, id};
use serde_json::{Value, json};

#[tokio::test]
async fn the_default_pools() {
    let world = World::new().await;
    let red = world.red();
    let pools = red.list("subnetpools?sort_key=name&sort_dir=asc").await;
    let shape: Vec<_> =
        pools.iter().map(|p| (p["ip_version"].as_u64(), p["is_default"].clone(), p["shared"].clone())).collect();
    assert_eq!(shape, [(Some(4), json!(true), json!(true)), (Some(6), json!(true), json!(true))]);
    let network = id(&red.make("network", json!({})).await);
    let ask = |version: u8| json!({"network_id": network, "ip_version": version, "use_default_subnetpool": true});
    let v4 = red.make("subnet", ask(4)).await;
    assert_eq!((v4["cidr"].as_str(), v4["gateway_ip"].as_str()), (Some("10.128.0.0/24"), Some("10.128.0.1")));
    assert_eq!(v4["subnetpool_id"], pools[0]["id"]);
    let v6 = red.make("subnet", ask(6)).await;
    assert_eq!((v6["cidr"].as_str(), v6["gateway_ip"].as_str()), (Some("fd00::/64"), Some("fd00::1")));
    let other = id(&red.make("network", json!({})).await);
    let next = red.make("subnet", json!({"network_id": other, "ip_version": 4, "subnetpool_id": pools[0]["id"]})).await;
    assert_eq!(next["cidr"], "10.128.1.0/24");
    world.audit_store().await;
}

#[tokio::test]
async fn cutting() {
    let world = World::new().await;
    let red = world.red();
    let body = json!({"name": "p", "prefixes": ["10.10.0.0/24", "10.10.1.0/24"], "default_prefixlen": 26, "min_prefixlen": 24, "max_prefixlen": 28});
    let made = red.make("subnetpool", body).await;
    assert_eq!(made["prefixes"], json!(["10.10.0.0/23"]), "joined");
    assert_eq!((made["default_prefixlen"].as_str(), made["min_prefixlen"].as_str()), (Some("26"), Some("24")));
    let pool = id(&made);
    let network = id(&red.make("network", json!({})).await);
    let cut = |change: serde_json::Value| {
        let mut body = json!({"network_id": network, "ip_version": 4, "subnetpool_id": pool});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "subnet": body })
    };
    let first = red.expect(201, "POST subnets", cut(json!({}))).await;
    assert_eq!(first["subnet"]["cidr"], "10.10.0.0/26");
    red.expect(201, "POST subnets", cut(json!({"cidr": "10.10.1.0/24"}))).await;
    for (change, status, name) in [
        (json!({"cidr": "10.10.1.0/26"}), 409, "SubnetAllocationError"),
        (json!({"cidr": "10.20.0.0/24"}), 409, "SubnetAllocationError"),
        (json!({"prefixlen": 24}), 409, "SubnetAllocationError"),
        (json!({"prefixlen": 23}), 400, "MinPrefixSubnetAllocationError"),
        (json!({"prefixlen": 29}), 400, "MaxPrefixSubnetAllocationError"),
        (json!({"ip_version": 6}), 400, "BadRequest"),
        (json!({"use_default_subnetpool": true}), 400, "BadRequest"),
        (json!({"allocation_pools": [{"start": "10.10.0.70", "end": "10.10.0.80"}]}), 400, "BadRequest"),
    ] {
        red.refused(status, name, "POST subnets", cut(change)).await;
    }
    // A network takes its subnets of one family from one pool.
    let foreign = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.99.0.0/24"}});
    red.refused(400, "NetworkSubnetPoolAffinityError", "POST subnets", foreign).await;
    red.refused(400, "SubnetPoolDeleteError", &format!("DELETE subnetpools/{pool}"), None).await;
    for subnet in red.list(&format!("subnets?subnetpool_id={pool}")).await {
        red.delete("subnet", &id(&subnet)).await;
    }
    let again = red.expect(201, "POST subnets", cut(json!({"prefixlen": 24}))).await;
    assert_eq!(again["subnet"]["cidr"], "10.10.0.0/24", "what was given back is cut again");
    red.delete("subnet", &id(&again["subnet"])).await;
    red.delete("subnetpool", &pool).await;
    world.audit_store().await;
}

#[tokio::test]
async fn rules_of_pools() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    for (body, status, name) in [
        (json!({"name": "p", "prefixes": []}), 400, "EmptySubnetPoolPrefixList"),
        (json!({"name": "p", "prefixes": ["10.0.0.0/8", "fd00::/48"]}), 400, "PrefixVersionMismatch"),
        (
            json!({"name": "p", "prefixes": ["10.0.0.0/8"], "default_prefixlen": 40}),
            400,
            "IllegalSubnetPoolPrefixBounds",
        ),
        (json!({"name": "", "prefixes": ["10.0.0.0/8"]}), 400, "HTTPBadRequest"),
        (json!({"prefixes": ["10.0.0.0/8"]}), 400, "HTTPBadRequest"),
        (json!({"name": "p", "prefixes": ["x"]}), 400, "HTTPBadRequest"),
        (json!({"name": "p", "prefixes": ["10.0.0.0/8"], "shared": true}), 403, "PolicyNotAuthorized"),
        (json!({"name": "p", "prefixes": ["10.0.0.0/8"], "is_default": true}), 403, "PolicyNotAuthorized"),
    ] {
        red.refused(status, name, "POST subnetpools", json!({ "subnetpool": body })).await;
    }
    let second = json!({"subnetpool": {"name": "p", "prefixes": ["10.0.0.0/8"], "is_default": true}});
    admin.refused(400, "InvalidInput", "POST subnetpools", second).await;
    let pool =
        id(&red.make("subnetpool", json!({"name": "p", "prefixes": ["10.0.0.0/16"], "default_quota": 256})).await);
    let put = format!("PUT subnetpools/{pool}");
    let grown = red.set("subnetpool", &pool, json!({"prefixes": ["10.0.0.0/15"], "name": "q"})).await;
    assert_eq!((grown["prefixes"].clone(), grown["name"].as_str()), (json!(["10.0.0.0/15"]), Some("q")));
    red.refused(400, "IllegalSubnetPoolPrefixUpdate", &put, json!({"subnetpool": {"prefixes": ["10.0.0.0/16"]}})).await;
    red.refused(400, "HTTPBadRequest", &put, json!({"subnetpool": {"shared": true}})).await;
    // Another project neither sees it nor may cut from it.
    world.blue().refused(404, "SubnetPoolNotFound", &format!("GET subnetpools/{pool}"), None).await;
    // A project may have so many addresses of a pool and no more.
    let network = id(&red.make("network", json!({})).await);
    let cut =
        |len: u8| json!({"subnet": {"network_id": network, "ip_version": 4, "subnetpool_id": pool, "prefixlen": len}});
    red.expect(201, "POST subnets", cut(25)).await;
    red.refused(409, "SubnetPoolQuotaExceeded", "POST subnets", cut(24)).await;
    red.expect(201, "POST subnets", cut(25)).await;
    world.audit_store().await;
}

/// Prefixes come and go; what subnets have stays.
#[tokio::test]
async fn prefixes_and_onboarding() {
    let world = World::new().await;
    let red = world.red();
    let pool = json!({"name": "p", "prefixes": ["10.10.10.0/24"], "default_prefixlen": 26});
    let pool = id(&red.make("subnetpool", pool).await);
    let act = async |what: &str, prefixes: Value| {
        let answer = red.expect(200, &format!("PUT subnetpools/{pool}/{what}"), json!({"prefixes": prefixes})).await;
        answer["prefixes"].clone()
    };
    assert_eq!(act("add_prefixes", json!(["10.10.12.0/24"])).await, json!(["10.10.10.0/24", "10.10.12.0/24"]));
    assert_eq!(
        act("add_prefixes", json!(["10.10.0.0/16"])).await,
        json!(["10.10.0.0/16"]),
        "those that overlap are one"
    );
    let left = act("remove_prefixes", json!(["10.10.128.0/17"])).await;
    assert_eq!(left, json!(["10.10.0.0/17"]));
    assert_eq!(act("remove_prefixes", json!(["10.99.0.0/24"])).await, left);
    let wrong = format!("PUT subnetpools/{pool}/add_prefixes");
    red.refused(400, "PrefixVersionMismatch", &wrong, json!({"prefixes": ["fd00::/64"]})).await;
    red.refused(400, "HTTPBadRequest", &wrong, json!({"prefixes": "x"})).await;
    let cut = id(&red.make("network", json!({})).await);
    let subnet = json!({"network_id": cut, "ip_version": 4, "subnetpool_id": pool, "cidr": "10.10.0.0/26"});
    red.make("subnet", subnet).await;
    let remove = format!("PUT subnetpools/{pool}/remove_prefixes");
    red.refused(400, "IllegalSubnetPoolPrefixUpdate", &remove, json!({"prefixes": ["10.10.0.0/24"]})).await;
    // A network's subnets become the pool's.
    let (network, subnet) = red.network("old", "192.168.7.0/24").await;
    let onboard = format!("PUT subnetpools/{pool}/onboard_network_subnets");
    let answer = red.expect(200, &onboard, json!({"network_id": network})).await;
    assert_eq!(answer, json!([{"id": subnet, "cidr": "192.168.7.0/24"}]));
    assert_eq!(red.show("subnet", &subnet).await["subnetpool_id"], *pool);
    let prefixes = red.show("subnetpool", &pool).await["prefixes"].take();
    assert_eq!(prefixes, json!(["10.10.0.0/17", "192.168.7.0/24"]));
    red.refused(400, "IllegalSubnetPoolUpdate", &onboard, json!({"network_id": network})).await;
    world.blue().refused(404, "NetworkNotFound", &onboard, json!({"network_id": network})).await;
    world.audit_store().await;
}
