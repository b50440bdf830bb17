//! What was broken, killed or lost is as it was before.

use crate::rig::{PATIENCE, Rig, ask, echo_peer, eventually, reached, skipped};
use drivers_net::{
    conformance::objects::{network, one_of_everything, port, put, subnet, tcp_group},
    link,
    system::{OvnCentral, OvsHost},
};
use network::driver::{Change, HostNetwork, LPort, LSubnet, Logical, LogicalKey, NetworkBackend, PlugSpec, PortRole};
use std::collections::BTreeMap;

/// Digests as they should be.
fn expected(objects: &[Logical]) -> BTreeMap<LogicalKey, u64> {
    objects.iter().map(|o| (o.key(), o.digest())).collect()
}

async fn nbctl(rig: &Rig, arguments: &[&str]) {
    let database = format!("--db={}", rig.northbound());
    drivers_net::netns::Netns::here().command("ovn-nbctl", [&[database.as_str()], arguments].concat()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_made_by_hand_shows_and_is_repaired_by_putting_again() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let objects = one_of_everything();
    let changes: Vec<Change> = objects.iter().cloned().map(Change::Put).collect();
    rig.backend.apply(&changes).await.unwrap();
    assert_eq!(rig.backend.dump().await.unwrap(), expected(&objects));

    let find = |wanted: fn(&&Logical) -> bool| objects.iter().find(wanted).unwrap().key();
    let id = |key: &LogicalKey| key.to_string().split_once('/').unwrap().1.to_owned();
    let guest = find(|o| matches!(o, Logical::Port(p) if p.host.is_some()));
    let special = find(|o| matches!(o, Logical::Port(p) if !p.dhcp_options.is_empty()));
    let inner = find(|o| matches!(o, Logical::Subnet(s) if s.dhcp));
    let router = find(|o| matches!(o, Logical::Router(_)));
    let fip = find(|o| matches!(o, Logical::FloatingIp(_)));
    let group = find(|o| matches!(o, Logical::SecurityGroup(_)));
    let group_name = format!("pg_{}", id(&group).replace('-', "_"));
    let (guest_id, special_id, router_id) = (id(&guest), id(&special), id(&router));
    // Everybody who is filtered, and those in the group.
    let filtered = |also: &dyn Fn(&LPort) -> bool| -> Vec<LogicalKey> {
        let is =
            |o: &&Logical| matches!(o, Logical::Port(p) if p.port_security && p.role == PortRole::Guest && also(p));
        objects.iter().filter(is).map(Logical::key).collect()
    };
    let everybody = filtered(&|_| true);
    let members = filtered(&|p| p.groups.iter().any(|g| group == LogicalKey::SecurityGroup(g.clone())));
    // Each line of commands, and the objects whose digests must change by it.
    let drifts: Vec<(Vec<&str>, Vec<&LogicalKey>)> = vec![
        (vec!["lsp-set-port-security", &guest_id], vec![&guest]),
        (vec!["clear", "Port_Group", &group_name, "ports"], members.iter().collect()),
        (vec!["clear", "Port_Group", "pg_tstack_drop", "ports"], everybody.iter().collect()),
        (vec!["acl-del", &group_name], vec![&group]),
        (vec!["clear", "Logical_Switch_Port", &special_id, "dhcpv4_options"], vec![&special]),
        (vec!["lr-nat-del", &router_id, "dnat_and_snat"], vec![&fip]),
        (vec!["lr-route-del", &router_id], vec![&router]),
        (vec!["lsp-set-enabled", &guest_id, "disabled"], vec![&guest]),
        (vec!["lsp-del", &guest_id], vec![&guest]),
    ];
    for (command, drifted) in drifts {
        nbctl(&rig, &command).await;
        let seen = std::sync::Mutex::new(Vec::new());
        let expect = expected(&objects);
        let mut wanted: Vec<LogicalKey> = drifted.into_iter().cloned().collect();
        wanted.sort();
        eventually("the drift shows", || async {
            let dump = rig.backend.dump().await.unwrap();
            let mut now: Vec<_> = objects.iter().map(Logical::key).filter(|k| dump.get(k) != expect.get(k)).collect();
            now.sort();
            let done = now == wanted;
            *seen.lock().unwrap() = now;
            done
        })
        .await;
        let again: Vec<_> = objects.iter().filter(|o| wanted.contains(&o.key())).cloned().map(Change::Put).collect();
        rig.backend.apply(&again).await.unwrap();
        assert_eq!(rig.backend.dump().await.unwrap(), expect, "after {command:?}");
    }
    // A subnet's options are the subnet's affair; a port that somebody made by hand under our port's name gives way.
    nbctl(&rig, &["--all", "destroy", "DHCP_Options"]).await;
    nbctl(&rig, &["lsp-del", &guest_id]).await;
    let switch = id(&find(|o| matches!(o, Logical::Network(n) if n.mtu == drivers_net::conformance::objects::MTU)));
    nbctl(&rig, &["lsp-add", &switch, &guest_id]).await;
    eventually("the drift shows", || async { !rig.backend.dump().await.unwrap().contains_key(&inner) }).await;
    rig.backend.apply(&changes).await.unwrap();
    assert_eq!(rig.backend.dump().await.unwrap(), expected(&objects));
    // And without rules nothing passes, whoever took them away: the drop group is repaired by looking.
    nbctl(&rig, &["acl-del", "pg_tstack_drop"]).await;
    eventually("the drop group is whole again", || async {
        rig.backend.dump().await.unwrap();
        let database = format!("--db={}", rig.northbound());
        let listed = drivers_net::netns::Netns::here()
            .command("ovn-nbctl", [&database, "acl-list", "pg_tstack_drop"])
            .await
            .unwrap();
        listed.lines().filter(|l| l.ends_with(" drop")).count() == 4
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_rebuilt_and_traffic_goes_on() {
    if skipped() {
        return;
    }
    let mut rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, b) = (port(&sub, 11, &[&web]), port(&sub, 12, &[&web]));
    let objects = [Logical::Network(net), sub.clone().into(), web.into(), a.clone().into(), b.clone().into()];
    let changes = objects.clone().map(Change::Put);
    rig.backend.apply(&changes).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.1.0.12", 80).await;

    rig.running = None;
    OvnCentral::down(&rig.central).await.unwrap();
    rig.running = Some(OvnCentral::ensure(&rig.central).await.unwrap());
    eventually("the new database is read", || async { rig.backend.dump().await.is_ok_and(|d| d.is_empty()) }).await;
    rig.backend.apply(&changes).await.unwrap();
    assert_eq!(rig.backend.dump().await.unwrap(), expected(&objects));
    for port in [&a, &b] {
        rig.up(&port.id).await;
    }
    reached(&ga.netns, "10.1.0.12", 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_daemons_come_back_and_restarted_ones_are_adopted() {
    if skipped() {
        return;
    }
    let mut rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, b) = (port(&sub, 11, &[&web]), port(&sub, 12, &[&web]));
    rig.backend.apply(&[put(net), put(sub.clone()), put(web), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.1.0.12", 80).await;
    for (signal, daemon) in
        [("-KILL", "ovs-vswitchd"), ("-SEGV", "ovs-vswitchd"), ("-KILL", "conf"), ("-KILL", "ovn-controller")]
    {
        let before = rig.pid(daemon);
        std::process::Command::new("kill").args([signal, &before]).status().unwrap();
        eventually("another process has taken its place", || async {
            let now = rig.pid(daemon);
            !now.is_empty() && now != before && std::path::Path::new("/proc").join(&now).exists()
        })
        .await;
        reached(&ga.netns, "10.1.0.12", 80).await;
        eventually("it was counted", || async { rig.hosts[0].restarts()[daemon] > 0 }).await;
    }
    // Our own end leaves everything running; the next one takes over what runs.
    let pids = |rig: &Rig| ["conf", "ovs-vswitchd", "ovn-controller"].map(|d| rig.pid(d));
    let before = pids(&rig);
    rig.hosts.clear();
    reached(&ga.netns, "10.1.0.12", 80).await;
    rig.hosts.push(OvsHost::ensure(rig.configs[0].clone()).await.unwrap());
    assert_eq!(pids(&rig), before);
    assert_eq!(rig.hosts[0].restarts().values().sum::<u64>(), 0);
    let mut both = vec![a.id.clone(), b.id.clone()];
    both.sort();
    assert_eq!(rig.hosts[0].network().plugged().await.unwrap(), both);
    reached(&ga.netns, "10.1.0.12", 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_that_was_deleted_under_the_switch_lives_again() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub: LSubnet = subnet(&net, "10.1.0.0/24");
    let (a, b) = (port(&sub, 11, &[&web]), port(&sub, 12, &[&web]));
    rig.backend.apply(&[put(net), put(sub.clone()), put(web), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.1.0.12", 80).await;
    let host = rig.configs[0].netns();
    link::delete(&host, &gb.tap).await.unwrap();
    assert_eq!(ask(&ga.netns, "10.1.0.12", 80).await, None);
    let gb = rig.ready_guest(0, &b, "").await;
    reached(&ga.netns, "10.1.0.12", 80).await;
    // A real tap: made, kept when asked for again, gone afterwards.
    let network = rig.hosts[0].network();
    network.unplug(&gb.port).await.unwrap();
    eventually("the port goes down", || async { !rig.backend.port_up(&b.id).await.unwrap() }).await;
    let spec = PlugSpec {
        port: b.id.clone(),
        network: sub.network.clone(),
        tap: gb.tap.clone(),
        mac: b.mac.clone(),
        mtu: 1400,
        multi_queue: false,
    };
    for _ in 0..2 {
        network.plug(&spec).await.unwrap();
        let tap = link::list(&host).await.unwrap().into_iter().find(|l| l.ifname == gb.tap).unwrap();
        assert_eq!((tap.mtu, tap.owner()), (1400, link::Owner::Port(b.id.clone())));
    }
    tokio::time::timeout(PATIENCE, rig.up(&b.id)).await.unwrap();
    assert!(network.counters().await.unwrap().contains_key(&b.id));
    // For a guest with several queues it is another device, and still the port's.
    for multi_queue in [true, true, false] {
        network.plug(&PlugSpec { multi_queue, ..spec.clone() }).await.unwrap();
        let tap = link::list(&host).await.unwrap().into_iter().find(|l| l.ifname == gb.tap).unwrap();
        assert_eq!((tap.is_multi_queue(), tap.owner()), (multi_queue, link::Owner::Port(b.id.clone())));
        tokio::time::timeout(PATIENCE, rig.up(&b.id)).await.unwrap();
    }
    let taken = PlugSpec { port: a.id.clone(), ..spec };
    assert_eq!(network.plug(&taken).await.unwrap_err().kind(), kernel::Kind::Conflict, "a device serves one port");
    network.unplug(&b.id).await.unwrap();
    assert!(!link::exists(&host, &gb.tap).await.unwrap());
}
