use crate::support::{World, eventually, id, manual_clock};
use kernel::Clock;
use network::{
    Settings,
    driver::{Logical, LogicalKey},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// A network, its subnet, a router with gateway, a guest's port with a floating IP: everything there is.
async fn everything(world: &World) -> String {
    let red = world.red();
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let router = json!({"external_gateway_info": {"network_id": world.public().await}});
    let router = id(&red.make("router", router).await);
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let port = id(&red.port(&network).await);
    red.make("floatingip", json!({"floating_network_id": world.public().await, "port_id": port})).await;
    port
}

#[tokio::test]
async fn the_back_end_follows_in_order() {
    let world = World::new().await.reconciling();
    let red = world.red();
    let port = everything(&world).await;
    world.settled().await;
    let kinds: std::collections::BTreeSet<_> =
        world.backend.held().keys().map(|k| k.to_string().split('/').next().unwrap().to_owned()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["floating-ip", "network", "port", "router", "router-interface", "security-group", "subnet"]
    );
    // One small change is one small change there.
    let before = world.backend.log().len();
    red.set("port", &port, json!({"dns_name": "renamed"})).await;
    world.settled().await;
    assert_eq!(world.backend.log()[before..], [format!("put port/{port}")]);
    // What does not show below is not told.
    let before = world.backend.log().len();
    red.set("port", &port, json!({"description": "nobody below cares"})).await;
    red.expect(200, &format!("PUT ports/{port}/tags"), json!({"tags": ["x"]})).await;
    red.set("port", &port, json!({"dns_name": "again"})).await;
    world.settled().await;
    assert_eq!(world.backend.log()[before..], [format!("put port/{port}")]);
    // All goes, in an order that the recorder checks.
    for fip in red.list("floatingips").await {
        red.delete("floatingip", &id(&fip)).await;
    }
    red.delete("port", &port).await;
    let router = id(&red.list("routers").await[0]);
    let subnet = id(&red.list("subnets?cidr=10.0.0.0/24").await[0]);
    red.expect(200, &format!("PUT routers/{router}/remove_router_interface"), json!({"subnet_id": subnet})).await;
    red.delete("router", &router).await;
    red.delete("network", &id(&red.list("networks?name=n").await[0])).await;
    world.settled().await;
    assert!(
        !world
            .backend
            .held()
            .keys()
            .any(|k| matches!(k, LogicalKey::Port(_) | LogicalKey::Router(_) | LogicalKey::FloatingIp(_)))
    );
}

#[tokio::test]
async fn it_rebuilds_from_nothing_and_after_being_away() {
    let world = World::new().await;
    *world.backend.down.lock() = true;
    everything(&world).await;
    // The API never waited; now somebody begins to reconcile, and the back end comes back later still.
    let world = world.reconciling();
    everything_is_pending(&world);
    *world.backend.down.lock() = false;
    world.settled().await;
    world.backend.tamper(std::collections::BTreeMap::clear);
    eventually("all is put again", || async { world.backend.held().len() > 8 }).await;
    world.settled().await;
}

fn everything_is_pending(world: &World) {
    assert!(world.backend.held().is_empty());
}

/// More changes than the back end is told at once: what is removed still goes before what it refers to.
#[tokio::test]
async fn a_large_change_keeps_its_order() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    admin.expect(200, &format!("PUT quotas/{}", crate::support::RED), json!({"quota": {"port": -1}})).await;
    let (network, _) = red.network("large", "10.0.0.0/16").await;
    for _ in 0..3 {
        let ports: Vec<_> = (0..250).map(|_| json!({"network_id": network})).collect();
        red.expect(201, "POST ports", json!({ "ports": ports })).await;
    }
    let world = world.reconciling();
    world.settled().await;
    *world.backend.down.lock() = true;
    for port in red.list(&format!("ports?network_id={network}&device_owner=")).await {
        red.delete("port", &id(&port)).await;
    }
    red.delete("network", &network).await;
    *world.backend.down.lock() = false;
    world.settled().await;
    assert!(!world.backend.held().keys().any(|k| matches!(k, LogicalKey::Port(_))));
}

#[tokio::test]
async fn drift_is_mended() {
    let clock = manual_clock();
    let world = World::with(Settings::default(), clock.clone()).await;
    let port = everything(&world).await;
    let world = world.reconciling();
    world.settled().await;
    let key = LogicalKey::Port(port.as_str().into());
    let stray = LogicalKey::SecurityGroup("stray".into());
    world.backend.tamper(|held| {
        if let Some(Logical::Port(p)) = held.get_mut(&key) {
            p.groups.clear();
        }
        let Some(Logical::SecurityGroup(group)) =
            held.values().find(|o| matches!(o, Logical::SecurityGroup(_))).cloned()
        else {
            panic!()
        };
        held.insert(
            stray.clone(),
            Logical::SecurityGroup(network::driver::LSecurityGroup { id: "stray".into(), ..group }),
        );
    });
    let before = clock.monotonic();
    clock.advance(Duration::from_secs(Settings::default().resync_seconds));
    // Any change wakes it; the comparison is due by the clock.
    world.red().set("port", &port, json!({"dns_name": "wake"})).await;
    world.settled().await;
    assert!(world.backend.get(&stray).is_none() && clock.monotonic() > before);
    assert!(world.net.mirror_counts().drifted >= 1, "{:?}", world.net.mirror_counts());
}

#[tokio::test]
async fn an_object_that_is_refused_holds_no_other_back() {
    let world = World::new().await.reconciling();
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    world.settled().await;
    // Two ports: the first is not to the back end's liking.
    let bad = red.make("port", json!({"network_id": network, "admin_state_up": false})).await;
    let key = LogicalKey::Port(id(&bad).into());
    world.backend.refuse(key.clone(), true);
    red.set("port", &id(&bad), json!({"dns_name": "bad"})).await;
    let good = LogicalKey::Port(id(&red.port(&network).await).into());
    eventually("the good port is put", || async { world.backend.get(&good).is_some() }).await;
    eventually("the bad one is counted", || async { world.net.mirror_counts().refused == 1 }).await;
    world.backend.refuse(key, false);
    world.settled().await;
    eventually("none is refused any more", || async { world.net.mirror_counts().refused == 0 }).await;
}

#[tokio::test]
async fn a_deletion_that_a_dead_member_began_is_carried_on() {
    let world = World::new().await;
    let red = world.red();
    let (empty, _) = red.network("empty", "10.0.0.0/24").await;
    let (used, subnet) = red.network("used", "10.1.0.0/24").await;
    red.port(&used).await;
    let group = id(&red.make("security_group", json!({"name": "g"})).await);
    // What a member leaves that dies after the first transaction of a deletion.
    let (e, u, s, g) = (empty.clone(), used.clone(), subnet.clone(), group.clone());
    let mark = move |tx: &mut store::Tx| {
        tx.update::<network::model::Network>(&e, |n| n.deleting = true);
        tx.update::<network::model::Network>(&u, |n| n.deleting = true);
        tx.update::<network::model::Subnet>(&s, |n| n.deleting = true);
        tx.update::<network::model::SecurityGroup>(&g, |n| n.deleting = true);
        Ok(())
    };
    world.store.transact("test", mark).await.unwrap();
    // Meanwhile nobody comes to use what goes.
    red.refused(409, "Deleting", "POST ports", json!({"port": {"network_id": empty}})).await;
    red.refused(
        409,
        "Deleting",
        "POST subnets",
        json!({"subnet": {"network_id": empty, "ip_version": 4, "cidr": "10.9.0.0/24"}}),
    )
    .await;
    let rule = json!({"security_group_rule": {"security_group_id": group, "direction": "ingress"}});
    red.refused(409, "Deleting", "POST security-group-rules", rule).await;
    let world = world.reconciling();
    eventually("the marks are gone", || async {
        let leaks = network::audit(&world.store.snapshot(), world.net.settings(), &*world.backend).await.unwrap();
        !leaks.iter().any(|l| l.contains("being deleted"))
    })
    .await;
    red.refused(404, "NetworkNotFound", &format!("GET networks/{empty}"), None).await;
    red.refused(404, "SecurityGroupNotFound", &format!("GET security-groups/{group}"), None).await;
    // What is in use stays, and is of use again.
    red.show("subnet", &subnet).await;
    red.port(&used).await;
    world.settled().await;
}

/// A member over the same store that only watches sees what another writes.
#[tokio::test]
async fn a_second_member_takes_the_work_over() {
    let shared = store::Memory::new();
    let open = || async { store::Store::open(shared.clone(), network::schema(store::Schema::new())).await.unwrap() };
    let clock: Arc<dyn Clock> = kernel::SystemClock::shared();
    let first = World::over(open().await, Settings::default(), clock.clone()).await;
    let second = World::over(open().await, Settings::default(), clock).await.reconciling();
    let port = everything(&first).await;
    eventually("the second member's back end has it", || async {
        second.backend.get(&LogicalKey::Port(port.as_str().into())).is_some()
    })
    .await;
    second.settled().await;
}
