//! Compute's side: ports planned, bound, waited for, released.

use crate::support::{ADMINS, BLUE, Client, RED, World, address, id};
use kernel::{Kind, PortId, ProjectId, ServerId};
use network::{
    driver::{LQos, LRate, Logical, LogicalKey},
    model::logical::desired,
};
use ports::{
    Address, AddressKind, BoundPort, NicRequest, PortBinder, PortPlan,
    network::{BindPorts, NicLimits, NicRate},
};
use serde_json::json;
use std::time::Duration;

impl World {
    async fn plan(&self, who: &str, project: &str, asked: Option<Vec<NicRequest>>) -> kernel::Result<Vec<PortPlan>> {
        let (net, cx, project) = (self.net.clone(), self.ctx(who).await, ProjectId::from(project));
        self.store.transact("test.plan", move |tx| net.plan(&cx, tx, &project, asked.as_deref())).await
    }

    async fn bind(&self, server: &str, host: &str, plan: &[PortPlan]) -> kernel::Result<Vec<BoundPort>> {
        self.bind_in(server, host, plan, &[]).await
    }

    async fn bind_in(
        &self,
        server: &str,
        host: &str,
        plan: &[PortPlan],
        groups: &[String],
    ) -> kernel::Result<Vec<BoundPort>> {
        let bind = BindPorts {
            server: server.into(),
            server_name: format!("Server {server}"),
            project: RED.into(),
            host: host.into(),
            availability_zone: "nova".into(),
            plan: plan.to_vec(),
            groups: groups.to_vec(),
            limits: NicLimits::default(),
            now: self.clock.now(),
        };
        let net = self.net.clone();
        self.store.transact("test.bind", move |tx| net.bind(tx, &bind)).await
    }

    async fn in_tx<R: Send + 'static>(
        &self,
        f: impl Fn(&network::Network, &mut store::Tx) -> kernel::Result<R> + Send + 'static,
    ) -> kernel::Result<R> {
        let net = self.net.clone();
        self.store.transact("test", move |tx| f(&net, tx)).await
    }
}

fn on(network: &str) -> NicRequest {
    NicRequest::Network { network: network.into(), fixed_ip: None }
}

#[tokio::test]
async fn plans() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let code =
        |r: kernel::Result<Vec<PortPlan>>| r.map_or_else(|e| (e.kind(), e.code().unwrap_or("?")), |p| panic!("{p:?}"));
    // Nothing there to choose.
    assert_eq!(code(world.plan("red-member", RED, None).await), (Kind::BadRequest, "UnableToAutoAllocateNetwork"));
    assert_eq!(world.plan("red-member", RED, Some(vec![])).await.unwrap(), []);
    let empty = id(&red.make("network", json!({})).await);
    assert_eq!(code(world.plan("red-member", RED, None).await), (Kind::BadRequest, "NetworkRequiresSubnet"));
    red.delete("network", &empty).await;
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let plan = world.plan("red-member", RED, None).await.unwrap();
    assert_eq!((plan.len(), plan[0].network.as_str(), plan[0].ours), (1, network.as_str(), true));
    let (second, _) = red.network("m", "10.1.0.0/24").await;
    assert_eq!(code(world.plan("red-member", RED, None).await), (Kind::Conflict, "NetworkAmbiguous"));
    // A network twice is two interfaces.
    assert_eq!(world.plan("red-member", RED, Some(vec![on(&second), on(&second)])).await.unwrap().len(), 2);
    let port = red.make("port", json!({"network_id": network, "fixed_ips": [{"ip_address": "10.0.0.9"}]})).await;
    let (by_port, bare) = (
        NicRequest::Port { port: id(&port).into() },
        red.make("port", json!({"network_id": network, "fixed_ips": []})).await,
    );
    let brought = world.plan("red-member", RED, Some(vec![by_port.clone()])).await.unwrap();
    assert_eq!((brought[0].port.as_str(), brought[0].ours), (port["id"].as_str().unwrap(), false));
    let fixed = |a: &str| NicRequest::Network { network: network.as_str().into(), fixed_ip: Some(a.parse().unwrap()) };
    let (theirs, _) = world.blue().network("theirs", "10.0.0.0/24").await;
    let public = world.public().await;
    for (asked, expect) in [
        (vec![on("00000000-0000-0000-0000-000000000000")], (Kind::BadRequest, "NetworkNotFound")),
        (vec![on(&theirs)], (Kind::BadRequest, "NetworkNotFound")),
        (vec![on(&public)], (Kind::Forbidden, "ExternalNetworkAttachForbidden")),
        (vec![fixed("10.0.0.9")], (Kind::BadRequest, "FixedIpAlreadyInUse")),
        (vec![fixed("10.9.0.9")], (Kind::BadRequest, "InvalidIpForNetwork")),
        (vec![NicRequest::Port { port: "nothing".into() }], (Kind::BadRequest, "PortNotFound")),
        (vec![NicRequest::Port { port: id(&bare).into() }], (Kind::BadRequest, "PortRequiresFixedIP")),
        (vec![by_port.clone(), by_port], (Kind::Conflict, "PortInUse")),
    ] {
        assert_eq!(code(world.plan("red-member", RED, Some(asked.clone())).await), expect, "{asked:?}");
    }
    assert_eq!(
        code(world.plan("admin", ADMINS, Some(vec![NicRequest::Port { port: id(&port).into() }])).await),
        (Kind::BadRequest, "PortNotUsable")
    );
    admin.expect(200, &format!("PUT quotas/{RED}"), json!({"quota": {"port": 1, "force": true}})).await;
    assert_eq!(
        code(world.plan("red-member", RED, Some(vec![on(&network)])).await),
        (Kind::OverQuota, "PortLimitExceeded")
    );
    // A network shared by everybody serves who has none.
    let (common, _) = admin.network("common", "10.7.0.0/24").await;
    admin.set("network", &common, json!({"shared": true})).await;
    world.blue().delete("network", &theirs).await;
    assert_eq!(world.plan("blue-member", BLUE, None).await.unwrap()[0].network, *common);
}

async fn bound_server(world: &World, red: &Client) -> (Vec<PortPlan>, Vec<BoundPort>, String) {
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let own = id(&red.make("port", json!({"network_id": network, "name": "own"})).await);
    let asked = vec![on(&network), NicRequest::Port { port: own.as_str().into() }];
    let plan = world.plan("red-member", RED, Some(asked)).await.unwrap();
    let bound = world.bind("s1", "h1", &plan).await.unwrap();
    (plan, bound, own)
}

/// A server with groups is made on a network without port security too: its port there has none, and counts once.
#[tokio::test]
async fn groups_are_for_networks_with_port_security() {
    let world = World::new().await;
    let red = world.red();
    let group = id(&red.make("security_group", json!({"name": "web"})).await);
    let (open, _) = red.network("open", "10.0.0.0/24").await;
    red.set("network", &open, json!({"port_security_enabled": false})).await;
    let (guarded, _) = red.network("guarded", "10.1.0.0/24").await;
    let plan = world.plan("red-member", RED, Some(vec![on(&open), on(&guarded)])).await.unwrap();
    world.bind_in("s1", "h1", &plan, std::slice::from_ref(&group)).await.unwrap();
    let groups = async |port: &PortId| red.show("port", port).await["security_groups"].clone();
    assert_eq!((groups(&plan[0].port).await, groups(&plan[1].port).await), (json!([]), json!([group])));
    world.audit_store().await;
    world.in_tx(|net, tx| net.release(tx, &"s1".into(), None)).await.unwrap();
    world.audit_store().await;
}

#[tokio::test]
async fn binding_is_the_same_however_often() {
    let world = World::new().await;
    let red = world.red();
    let (plan, bound, own) = bound_server(&world, &red).await;
    let revision = world.store.snapshot().revision();
    assert_eq!(world.bind("s1", "h1", &plan).await.unwrap(), bound);
    assert_eq!(world.store.snapshot().revision(), revision, "nothing was written");
    assert_eq!(world.net.bound(&world.store.snapshot(), &"s1".into()), bound, "in the order of the plan");
    let first = &bound[0];
    assert_eq!((first.network_name.as_str(), first.mtu, first.model.as_str()), ("n", 1442, "virtio"));
    assert_eq!(first.tap, format!("tap{}", &plan[0].port[..11]));
    let subnet = &first.subnets[0];
    assert_eq!(
        (subnet.kind.as_str(), subnet.dhcp, subnet.gateway.map(|g| g.to_string())),
        ("ipv4_dhcp", true, Some("10.0.0.1".into()))
    );
    let metadata = first.metadata.as_ref().unwrap();
    let port = red.show("port", &metadata.port).await;
    assert_eq!(metadata.addresses[0].to_string(), format!("{}/24", address(&port)));
    let made = world.admin().show("port", &plan[0].port).await;
    for (key, expect) in [
        ("device_id", json!("s1")),
        ("device_owner", json!("compute:nova")),
        ("binding:host_id", json!("h1")),
        ("binding:vif_type", json!("ovs")),
        ("dns_name", json!("server-s1")),
        ("project_id", json!(RED)),
        ("status", json!("DOWN")),
    ] {
        assert_eq!(made[key], expect, "{key}");
    }
    assert_eq!(made["security_groups"].as_array().unwrap().len(), 1, "the project's default group");
    // A port in use is refused to others.
    assert_eq!(world.bind("s2", "h1", &plan).await.unwrap_err().kind(), Kind::Conflict);
    // Another host: the guest has no interface there yet.
    let port = plan[0].port.clone();
    world.in_tx(move |net, tx| net.set_plugged(tx, &port, true)).await.unwrap();
    assert_eq!(red.show("port", &plan[0].port).await["status"], "ACTIVE");
    world.bind("s1", "h2", &plan).await.unwrap();
    let moved = world.admin().show("port", &plan[0].port).await;
    assert_eq!((moved["binding:host_id"].as_str(), moved["status"].as_str()), (Some("h2"), Some("DOWN")));
    // Release removes what was made and frees what was brought.
    world.in_tx(|net, tx| net.release(tx, &"s1".into(), None)).await.unwrap();
    world.in_tx(|net, tx| net.release(tx, &"s1".into(), None)).await.unwrap();
    red.refused(404, "PortNotFound", &format!("GET ports/{}", plan[0].port), None).await;
    let freed = world.admin().show("port", &own).await;
    assert_eq!(
        (
            freed["device_id"].as_str(),
            freed["device_owner"].as_str(),
            freed["binding:host_id"].as_str(),
            freed["dns_name"].as_str()
        ),
        (Some(""), Some(""), Some(""), Some(""))
    );
    world.audit_store().await;
}

#[tokio::test]
async fn interfaces_come_and_go_one_by_one() {
    let world = World::new().await;
    let red = world.red();
    let (plan, ..) = bound_server(&world, &red).await;
    let (network, _) = red.network("later", "10.8.0.0/24").await;
    let later = world.plan("red-member", RED, Some(vec![on(&network)])).await.unwrap();
    world.bind("s1", "h1", &later).await.unwrap();
    let server = ServerId::from("s1");
    let order: Vec<_> = world.net.interfaces(&world.store.snapshot(), &server).iter().map(|i| i.port.clone()).collect();
    assert_eq!(order, [plan[0].port.clone(), plan[1].port.clone(), later[0].port.clone()]);
    let gone = plan[0].port.clone();
    world.in_tx(move |net, tx| net.release(tx, &"s1".into(), Some(&gone))).await.unwrap();
    assert_eq!(world.net.interfaces(&world.store.snapshot(), &server).len(), 2);
    world.audit_store().await;
}

#[tokio::test]
async fn addresses_with_floating_ones() {
    let world = World::new().await;
    let red = world.red();
    let (plan, bound, _) = bound_server(&world, &red).await;
    let public = world.public().await;
    let router = id(&red.make("router", json!({"external_gateway_info": {"network_id": public}})).await);
    let subnet = red.list("subnets?cidr=10.0.0.0/24").await[0]["id"].clone();
    red.expect(200, &format!("PUT routers/{router}/add_router_interface"), json!({"subnet_id": subnet})).await;
    let floating = || world.net.floating(&world.store.snapshot());
    assert!(floating().is_empty());
    let mut watch = world.store.watch();
    let fip = red.make("floatingip", json!({"floating_network_id": public, "port_id": plan[0].port})).await;
    let mut batches = std::iter::from_fn(|| watch.try_next());
    let told = |item| matches!(item, store::WatchItem::Batch(batch) if world.net.floating_changed(&batch));
    assert!(batches.any(told));
    let address: std::net::IpAddr = fip["floating_ip_address"].as_str().unwrap().parse().unwrap();
    assert_eq!(floating(), [(plan[0].port.clone(), vec![address])].into());
    let bound_now = world.net.bound(&world.store.snapshot(), &"s1".into());
    assert_eq!(bound_now.iter().map(|b| b.floating.clone()).collect::<Vec<_>>(), [vec![address], vec![]]);
    let addresses = world.net.addresses(&world.store.snapshot(), &"s1".into());
    let shape: Vec<_> =
        addresses.iter().map(|a: &Address| (a.address.to_string(), a.kind, a.network_name.as_str())).collect();
    assert_eq!(
        shape,
        [
            (bound[0].addresses[0].to_string(), AddressKind::Fixed, "n"),
            (address.to_string(), AddressKind::Floating, "n"),
            (bound[1].addresses[0].to_string(), AddressKind::Fixed, "n"),
        ]
    );
    // The port goes with its server; the floating IP stays.
    world.in_tx(|net, tx| net.release(tx, &"s1".into(), None)).await.unwrap();
    assert_eq!(red.show("floatingip", &id(&fip)).await["status"], "DOWN");
    assert!(floating().is_empty());
    world.audit_store().await;
}

#[tokio::test]
async fn groups_by_name() {
    let world = World::new().await;
    let red = world.red();
    let resolve = |names: &'static [&'static str]| {
        world.in_tx(move |net, tx| {
            net.resolve_groups(tx, &RED.into(), &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
        })
    };
    let default = resolve(&[]).await.unwrap();
    assert_eq!(resolve(&["default"]).await.unwrap(), default, "made at its first use");
    let web = id(&red.make("security_group", json!({"name": "web"})).await);
    assert_eq!(resolve(&["web", "default", "web"]).await.unwrap(), [web.clone(), default[0].clone()]);
    assert_eq!(resolve(&["nope"]).await.unwrap_err().kind(), Kind::NotFound);
    red.make("security_group", json!({"name": "web"})).await;
    assert_eq!(resolve(&["web"]).await.unwrap_err().kind(), Kind::Conflict);
    bound_server(&world, &red).await;
    let db = id(&red.make("security_group", json!({"name": "db"})).await);
    let cx = world.ctx("red-member").await;
    for add in [true, true, false] {
        let cx = cx.clone();
        world.in_tx(move |net, tx| net.change_group(&cx, tx, &"s1".into(), "db", add)).await.unwrap();
        let names = world.net.group_names(&world.store.snapshot(), &"s1".into());
        assert_eq!(names.contains(&"db".to_owned()), add, "{names:?}");
        assert!(names.contains(&"default".to_owned()));
    }
    let foreign = world.ctx("blue-member").await;
    let refused = world.in_tx(move |net, tx| net.change_group(&foreign, tx, &"s1".into(), "db", true)).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::NotFound);
    red.delete("security_group", &db).await;
}

#[tokio::test]
async fn ready_means_the_back_end_has_it_as_it_is_now() {
    let world = World::new().await;
    let red = world.red();
    let (plan, ..) = bound_server(&world, &red).await;
    let ports: Vec<PortId> = plan.iter().map(|p| p.port.clone()).collect();
    let late = world.net.wait_ready(&ports, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(late.kind(), Kind::Unavailable);
    assert!(late.internal_text().contains(ports[0].as_str()), "{late:?}");
    let world = world.reconciling();
    world.net.wait_ready(&ports, Duration::from_secs(60)).await.unwrap();
    let key = LogicalKey::Port(ports[0].clone());
    assert!(world.backend.get(&key).is_some());
    // A rule that was added a moment ago is waited for too.
    let group = red.show("port", &ports[0]).await["security_groups"][0].as_str().unwrap().to_owned();
    red.make("security_group_rule", json!({"security_group_id": group, "direction": "ingress", "protocol": "udp"}))
        .await;
    world.net.wait_ready(&ports, Duration::from_secs(60)).await.unwrap();
    let Some(network::driver::Logical::SecurityGroup(held)) =
        world.backend.get(&LogicalKey::SecurityGroup(group.into()))
    else {
        panic!()
    };
    assert!(held.rules.iter().any(|r| r.protocol == Some(17)));
    // While the back end does not take a port, its server waits and learns why.
    world.backend.refuse(key, true);
    red.set("port", &ports[0], json!({"dns_name": "new"})).await;
    let refused = world.net.wait_ready(&ports, Duration::from_millis(500)).await.unwrap_err();
    assert!(refused.internal_text().contains("not to my liking"), "{refused:?}");
    // A port that is gone is nothing to wait for.
    world.net.wait_ready(&["gone".into()], Duration::from_secs(60)).await.unwrap();
}

/// A guest that moves while it runs: for a time its ports are bound twice, and its interface never goes down.
#[tokio::test]
async fn ports_are_where_their_guest_is_about_to_be() {
    use ports::network::Crossing;
    let world = World::new().await;
    world.red().network("n", "10.0.0.0/24").await;
    let plan = world.plan("red-member", RED, None).await.unwrap();
    world.bind("s1", "h1", &plan).await.unwrap();
    let port = plan[0].port.clone();
    let plugged = port.clone();
    world.in_tx(move |net, tx| net.set_plugged(tx, &plugged, true)).await.unwrap();
    let places = || {
        let port = world.store.snapshot().get::<network::model::Port>(&port).unwrap();
        let waiting: Vec<_> = port.waiting.keys().map(ToString::to_string).collect();
        (port.binding.host.clone().unwrap().to_string(), waiting, port.plugged)
    };
    let at = |host: &str, waiting: &[&str]| (host.to_owned(), waiting.iter().map(|h| (*h).to_owned()).collect(), true);
    for (how, host, expect) in [
        (Crossing::Await, "h2", at("h1", &["h2"])),
        (Crossing::GiveUp, "h2", at("h1", &[])),
        (Crossing::Await, "h2", at("h1", &["h2"])),
        (Crossing::Arrived, "h2", at("h2", &[])),
        (Crossing::Await, "h2", at("h2", &[])),
    ] {
        for _ in 0..2 {
            world.in_tx(move |net, tx| net.cross(tx, &"s1".into(), &host.into(), how)).await.unwrap();
            assert_eq!(places(), expect, "{how:?}");
        }
    }
}

/// What a server's flavor says of its interfaces holds beside the ports' policies, and ends with the server.
#[tokio::test]
async fn flavors_limit_ports() {
    let world = World::new().await.reconciling();
    let (red, admin, server) = (world.red(), world.admin(), ServerId::from("s1"));
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let brought = id(&red.port(&network).await);
    let plan = world.plan("red-member", RED, Some(vec![NicRequest::Port { port: brought.as_str().into() }])).await;
    world.bind("s1", "h1", &plan.unwrap()).await.unwrap();
    let limit = async |kbps: Option<u32>| {
        let egress = kbps.map(|kbps| NicRate { kbps, burst_kbits: 70 });
        let (limits, server) = (NicLimits { egress, ingress: None }, server.clone());
        let limited = world.in_tx(move |net, tx| {
            net.limit(tx, &server, limits)?;
            assert!(!net.limited_otherwise(tx.view(), &server, limits));
            Ok(net.limited_otherwise(tx.view(), &server, NicLimits { egress: None, ingress: egress }))
        });
        assert_eq!(limited.await.unwrap(), kbps.is_some());
    };
    let check = async |kbps: Option<u32>, burst_kbits: u32| {
        let key = LogicalKey::Port(brought.as_str().into());
        let Some(Logical::Port(port)) = desired(&world.store.snapshot(), world.net.settings(), &key) else { panic!() };
        let egress = kbps.map(|kbps| LRate { kbps, burst_kbits });
        assert_eq!(port.qos, LQos { egress, ..LQos::default() });
        world.settled().await;
    };
    check(None, 0).await;
    limit(Some(4000)).await;
    check(Some(4000), 70).await;
    let policy = id(&admin.make("policy", json!({"name": "gold", "shared": true})).await);
    let rules = format!("POST qos/policies/{policy}/bandwidth_limit_rules");
    admin.expect(201, &rules, json!({"bandwidth_limit_rule": {"max_kbps": 3000}})).await;
    red.set("port", &brought, json!({"qos_policy_id": policy})).await;
    check(Some(3000), 0).await;
    limit(Some(2000)).await;
    check(Some(2000), 70).await;
    let told = world.net.port_limits(&world.store.snapshot(), &server).await.unwrap();
    assert_eq!(told[0].asked.egress, Some(LRate { kbps: 2000, burst_kbits: 70 }));
    limit(None).await;
    check(Some(3000), 0).await;
    limit(Some(2000)).await;
    world.in_tx(move |net, tx| net.release(tx, &server, None)).await.unwrap();
    check(Some(3000), 0).await;
}
