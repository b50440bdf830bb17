//! The logical network follows from the store, and only from what [`affected`] names.

use crate::support::{Client, World, address, id};
use network::{
    driver::{Direction, Ipv6Mode, LRule, Logical, LogicalKey, NetworkKind, PortRole, Remote},
    model::logical::{affected, all, desired},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Watch, WatchItem};

impl World {
    fn logical(&self, key: &LogicalKey) -> Option<Logical> {
        desired(&self.store.snapshot(), self.net.settings(), key)
    }

    fn digests(&self) -> BTreeMap<LogicalKey, u64> {
        all(&self.store.snapshot(), self.net.settings()).iter().map(|o| (o.key(), o.digest())).collect()
    }
}

#[tokio::test]
async fn networks_subnets_and_ports() {
    let world = World::new().await;
    let (red, admin) = (world.red(), world.admin());
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    red.set(
        "subnet",
        &subnet,
        json!({"dns_nameservers": ["9.9.9.9"], "host_routes": [{"destination": "10.9.0.0/24", "nexthop": "10.0.0.5"}]}),
    )
    .await;
    let segment = admin.show("network", &network).await["provider:segmentation_id"].as_u64().unwrap();
    let Some(Logical::Network(n)) = world.logical(&LogicalKey::Network(network.as_str().into())) else { panic!() };
    assert_eq!((n.name.as_str(), n.mtu, n.dns_domain.as_str(), n.admin_up), ("n", 1442, "openstacklocal", true));
    assert_eq!(n.kind, NetworkKind::Overlay { tunnel_key: u32::try_from(segment).unwrap() });
    let metadata = red.list(&format!("ports?network_id={network}")).await.remove(0);
    let Some(Logical::Subnet(s)) = world.logical(&LogicalKey::Subnet(subnet.as_str().into())) else { panic!() };
    assert_eq!(s.metadata_via.map(|a| a.to_string()), Some(address(&metadata)));
    assert_eq!((s.dhcp, s.ipv6, s.mtu, s.dns.len(), s.host_routes.len()), (true, None, 1442, 1, 1));
    let Some(Logical::Port(p)) = world.logical(&LogicalKey::Port(id(&metadata).into())) else { panic!() };
    assert_eq!((p.role, p.port_security, p.groups.len()), (PortRole::Metadata, false, 0));
    let body = json!({"network_id": network, "dns_name": "web", "allowed_address_pairs": [{"ip_address": "10.0.0.9"}],
        "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400"}, {"opt_name": "dns-server", "opt_value": "fd00::1", "ip_version": 6}]});
    let port = red.make("port", body).await;
    let Some(Logical::Port(p)) = world.logical(&LogicalKey::Port(id(&port).into())) else { panic!() };
    assert_eq!((p.role, p.port_security, p.groups.len(), p.hostname.as_str()), (PortRole::Guest, true, 1, "web"));
    assert_eq!(p.allowed_pairs, [(p.mac.clone(), "10.0.0.9/32".parse().unwrap())]);
    let options: Vec<_> = p.dhcp_options.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(options, ["mtu=1400", "option6:dns-server=fd00::1"]);
    assert_eq!(p.host, None);
    red.set(
        "port",
        &id(&port),
        json!({"port_security_enabled": false, "security_groups": [], "allowed_address_pairs": []}),
    )
    .await;
    let Some(Logical::Port(p)) = world.logical(&LogicalKey::Port(id(&port).into())) else { panic!() };
    assert!(!p.port_security && p.groups.is_empty() && p.allowed_pairs.is_empty());
    let public = world.public().await;
    let Some(Logical::Network(n)) = world.logical(&LogicalKey::Network(public.into())) else { panic!() };
    assert_eq!(n.kind, NetworkKind::Provider { physical: "external".into(), vlan: None });
}

#[tokio::test]
async fn routers_and_floating_ips() {
    let world = World::new().await;
    let red = world.red();
    let public = world.public().await;
    let (network, subnet) = red.network("n", "10.0.0.0/24").await;
    let v6 = json!({"network_id": network, "ip_version": 6, "cidr": "fd00::/64", "gateway_ip": "fd00::1", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"});
    let v6 = id(&red.make("subnet", v6).await);
    let router = id(&red.make("router", json!({"name": "r", "external_gateway_info": {"network_id": public}})).await);
    let add = format!("PUT routers/{router}/add_router_interface");
    let inner = red.expect(200, &add, json!({"subnet_id": subnet})).await["port_id"].as_str().unwrap().to_owned();
    let inner6 = red.expect(200, &add, json!({"subnet_id": v6})).await["port_id"].as_str().unwrap().to_owned();
    red.set("router", &router, json!({"routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.9"}]})).await;
    let Some(Logical::Router(r)) = world.logical(&LogicalKey::Router(router.as_str().into())) else { panic!() };
    let gateway = r.gateway.clone().unwrap();
    assert_eq!((r.name.as_str(), r.routes.len(), gateway.snat), ("r", 1, true));
    assert_eq!(gateway.next_hops, ["172.24.4.1".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(gateway.snat_sources, ["10.0.0.0/24".parse().unwrap()]);
    assert_eq!((gateway.addresses.len(), gateway.addresses[0].prefix_len()), (1, 24));
    let Some(Logical::RouterInterface(i)) = world.logical(&LogicalKey::RouterInterface(inner.as_str().into())) else {
        panic!()
    };
    assert_eq!((i.addresses.clone(), i.ipv6, i.mtu), (vec!["10.0.0.1/24".parse().unwrap()], None, 1442));
    let Some(Logical::RouterInterface(i)) = world.logical(&LogicalKey::RouterInterface(inner6.as_str().into())) else {
        panic!()
    };
    assert_eq!((i.addresses.clone(), i.ipv6), (vec!["fd00::1/64".parse().unwrap()], Some(Ipv6Mode::Slaac)));
    assert!(world.logical(&LogicalKey::Port(inner.into())).is_none(), "a router's port is no guest's");
    let port = red.port(&network).await;
    let fip = red.make("floatingip", json!({"floating_network_id": public})).await;
    let key = LogicalKey::FloatingIp(id(&fip).into());
    assert!(world.logical(&key).is_none(), "it leads nowhere");
    red.set("floatingip", &id(&fip), json!({"port_id": id(&port)})).await;
    let Some(Logical::FloatingIp(f)) = world.logical(&key) else { panic!() };
    assert_eq!(f.external.to_string(), fip["floating_ip_address"].as_str().unwrap());
    assert_eq!(
        (f.internal.to_string(), f.port.as_str()),
        (port["fixed_ips"][0]["ip_address"].as_str().unwrap().to_owned(), port["id"].as_str().unwrap())
    );
    let outer = world.admin().list(&format!("ports?device_id={}", id(&fip))).await.remove(0);
    assert_eq!((f.mac.as_str(), outer["status"].as_str()), (outer["mac_address"].as_str().unwrap(), Some("N/A")));
}

#[tokio::test]
async fn filters() {
    let world = World::new().await;
    let red = world.red();
    let group = id(&red.make("security_group", json!({"name": "g", "stateful": false})).await);
    for rule in [
        json!({"direction": "ingress", "protocol": "tcp", "port_range_min": 80, "port_range_max": 90, "remote_ip_prefix": "10.0.0.5/8"}),
        json!({"direction": "ingress", "protocol": "icmp", "port_range_min": 8}),
        json!({"direction": "ingress", "ethertype": "IPv6", "protocol": "icmp", "remote_ip_prefix": "::/0"}),
        json!({"direction": "ingress", "remote_group_id": group}),
    ] {
        let mut rule = rule;
        rule["security_group_id"] = json!(group);
        red.make("security_group_rule", rule).await;
    }
    let Some(Logical::SecurityGroup(g)) = world.logical(&LogicalKey::SecurityGroup(group.as_str().into())) else {
        panic!()
    };
    assert!(!g.stateful);
    let rule = |v6, protocol, range, remote| LRule { direction: Direction::Ingress, v6, protocol, range, remote };
    for expect in [
        rule(false, Some(6), Some((80, Some(90))), Remote::Prefix("10.0.0.0/8".parse().unwrap())),
        rule(false, Some(1), Some((8, None)), Remote::Any),
        rule(true, Some(58), None, Remote::Any),
        rule(false, None, None, Remote::Group(group.into())),
    ] {
        assert!(g.rules.contains(&expect), "{expect:?} is not in {:#?}", g.rules);
    }
    assert_eq!(g.rules.iter().filter(|r| r.direction == Direction::Egress).count(), 2);
}

/// A small random number generator: the seed is in the failure's message.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n.max(1)
    }

    fn of<'a>(&mut self, all: &'a [Value]) -> Option<&'a Value> {
        all.get(self.below(all.len()))
    }
}

/// Ids of what there is, one of each, chosen by the dice.
struct Chosen {
    network: String,
    subnet: String,
    port: String,
    router: String,
    fip: String,
    group: String,
    addresses: String,
    trunk: String,
    policy: String,
    /// A number for names and prefixes.
    n: usize,
}

impl Chosen {
    async fn by(dice: &mut Dice, red: &Client, admin: &Client) -> Self {
        let mut of = |all: Vec<Value>| dice.of(&all).map_or_else(|| "none".to_owned(), id);
        Self {
            network: of(red.list("networks?router%3Aexternal=False").await),
            subnet: of(red.list("subnets").await),
            port: of(admin.list("ports").await),
            router: of(red.list("routers").await),
            fip: of(red.list("floatingips").await),
            group: of(red.list("security-groups").await),
            policy: of(red.list("qos/policies").await),
            trunk: of(red.list("trunks").await),
            addresses: of(red.list("address-groups").await),
            n: dice.below(200),
        }
    }
}

/// Something that a tenant may make.
fn making(dice: &mut Dice, c: &Chosen, public: &str) -> (String, Value) {
    let (network, n) = (&c.network, c.n);
    match dice.below(10) {
        9 => ("POST trunks".into(), json!({"trunk": {"port_id": c.port}})),
        0 | 1 => ("POST networks".into(), json!({"network": {"name": format!("n{n}")}})),
        2 => {
            let subnet = json!({"network_id": network, "ip_version": 4, "cidr": format!("10.{n}.0.0/24")});
            ("POST subnets".into(), json!({ "subnet": subnet }))
        }
        3 => {
            let mode = ["slaac", "dhcpv6-stateful", "dhcpv6-stateless"][dice.below(3)];
            let subnet = json!({"network_id": network, "ip_version": 6, "cidr": format!("fd00:{n:x}::/64"),
                "ipv6_ra_mode": mode, "ipv6_address_mode": mode});
            ("POST subnets".into(), json!({ "subnet": subnet }))
        }
        4 | 5 => ("POST ports".into(), json!({"port": {"network_id": network}})),
        6 => ("POST address-groups".into(), json!({"address_group": {"addresses": [format!("10.{n}.0.0/16")]}})),
        7 => ("POST routers".into(), json!({"router": {"external_gateway_info": {"network_id": public}}})),
        _ => ("POST floatingips".into(), json!({"floatingip": {"floating_network_id": public}})),
    }
}

/// A change that a tenant may make.
fn changing(dice: &mut Dice, c: &Chosen, public: &str) -> (String, Value) {
    let (n, even) = (c.n, c.n.is_multiple_of(2));
    let router = format!("PUT routers/{}", c.router);
    match dice.below(25) {
        0..=2 => (format!("{router}/add_router_interface"), json!({"subnet_id": c.subnet})),
        3 => (format!("{router}/remove_router_interface"), json!({"subnet_id": c.subnet})),
        4 => (router, json!({"router": {"external_gateway_info": {"network_id": public}}})),
        5 => (router, json!({"router": {"external_gateway_info": null, "name": format!("x{n}")}})),
        6 | 7 => (format!("PUT floatingips/{}", c.fip), json!({"floatingip": {"port_id": c.port}})),
        8 => {
            let change = json!({"mtu": 1300 + n, "dns_domain": format!("d{n}.")});
            (format!("PUT networks/{}", c.network), json!({ "network": change }))
        }
        9 => (format!("PUT subnets/{}", c.subnet), json!({"subnet": {"enable_dhcp": even, "dns_nameservers": []}})),
        10 => {
            let rule = json!({"security_group_id": c.group, "direction": "ingress", "protocol": n});
            ("POST security-group-rules".into(), json!({ "security_group_rule": rule }))
        }
        11 => {
            let rule =
                json!({"security_group_id": c.group, "direction": "ingress", "remote_address_group_id": c.addresses});
            ("POST security-group-rules".into(), json!({ "security_group_rule": rule }))
        }
        12 | 13 => {
            let action = if even { "add_addresses" } else { "remove_addresses" };
            (
                format!("PUT address-groups/{}/{action}", c.addresses),
                json!({"addresses": [format!("10.{}.0.0/16", n / 2)]}),
            )
        }
        21..=23 => {
            let pf =
                json!({"internal_port_id": c.port, "internal_port": n + 1, "external_port": n + 1, "protocol": "tcp"});
            (format!("POST floatingips/{}/port_forwardings", c.fip), json!({"port_forwarding": pf}))
        }
        17 => {
            let limit = json!({"bandwidth_limit_rule": {"max_kbps": n + 1, "direction": if even { "egress" } else { "ingress" }}});
            (format!("POST qos/policies/{}/bandwidth_limit_rules", c.policy), limit)
        }
        18 => (format!("PUT ports/{}", c.port), json!({"port": {"qos_policy_id": c.policy}})),
        19 => (format!("PUT networks/{}", c.network), json!({"network": {"qos_policy_id": c.policy}})),
        20 => (format!("PUT floatingips/{}", c.fip), json!({"floatingip": {"qos_policy_id": c.policy}})),
        15 | 16 => {
            let sub = json!({"port_id": c.port, "segmentation_type": "vlan", "segmentation_id": n + 1});
            let action = if n.is_multiple_of(3) { "remove_subports" } else { "add_subports" };
            (format!("PUT trunks/{}/{action}", c.trunk), json!({"sub_ports": [sub]}))
        }
        14 => {
            let change = json!({"security_groups": [c.group], "admin_state_up": even});
            (format!("PUT ports/{}", c.port), json!({ "port": change }))
        }
        _ => {
            let all = [
                ("networks", &c.network),
                ("subnets", &c.subnet),
                ("ports", &c.port),
                ("routers", &c.router),
                ("floatingips", &c.fip),
                ("security-groups", &c.group),
                ("address-groups", &c.addresses),
                ("trunks", &c.trunk),
            ];
            let (what, id) = all[dice.below(all.len())];
            (format!("DELETE {what}/{id}"), json!({}))
        }
    }
}

/// Something that somebody may do; refusals are as welcome as success.
async fn something(dice: &mut Dice, red: &Client, admin: &Client, public: &str) {
    let chosen = Chosen::by(dice, red, admin).await;
    let (who, (request, body)) = match dice.below(12) {
        10 => (admin, ("POST qos/policies".into(), json!({"policy": {"name": "p", "shared": true}}))),
        11 => {
            let rule = json!({"dscp_marking_rule": {"dscp_mark": 8 + 2 * (chosen.n % 5)}});
            (admin, (format!("POST qos/policies/{}/dscp_marking_rules", chosen.policy), rule))
        }
        0..=3 => (red, making(dice, &chosen, public)),
        4..=7 => (red, changing(dice, &chosen, public)),
        9 => (admin, (format!("PUT networks/{public}"), json!({"network": {"qos_policy_id": chosen.policy}}))),
        8 => (admin, (format!("PUT ports/{}", chosen.port), json!({"port": {"binding:host_id": "h1"}}))),
        _ => (admin, (format!("PUT ports/{}", chosen.port), json!({"port": {"mac_address": null}}))),
    };
    let status = who.call(&request, body).await.status;
    assert!(status < 500, "{request}: {status}");
}

/// The keys that the batches since the last call touch, as the reconciler finds them.
fn touched(world: &World, watch: &mut Watch) -> Vec<LogicalKey> {
    let mut keys = Vec::new();
    while let Some(item) = watch.try_next() {
        match item {
            WatchItem::Batch(batch) => keys.extend(affected(&batch, &world.store.snapshot())),
            WatchItem::Reset(_) => panic!("the watch kept up"),
        }
    }
    keys
}

#[tokio::test]
async fn whatever_happens_changes_only_what_is_named() {
    for seed in 1..=6 {
        let world = World::new().await;
        let (red, admin, public) = (world.red(), world.admin(), world.public().await);
        admin
            .expect(
                200,
                &format!("PUT quotas/{}", crate::support::RED),
                json!({"quota": {"security_group": -1, "router": -1}}),
            )
            .await;
        let mut dice = Dice(seed);
        let mut watch = world.store.watch();
        let mut before = world.digests();
        for step in 0..120 {
            something(&mut dice, &red, &admin, &public).await;
            let keys = touched(&world, &mut watch);
            let after = world.digests();
            for key in before.keys().chain(after.keys()) {
                if before.get(key) != after.get(key) {
                    assert!(keys.contains(key), "seed {seed}, step {step}: {key} changed unnoticed");
                }
            }
            before = after;
        }
        assert!(before.len() > 20, "seed {seed} did too little: {}", before.len());
        world.audit_store().await;
    }
}
