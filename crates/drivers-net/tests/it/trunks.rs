//! A guest with several networks on one interface.
//!
//! The kernels that tests run on need not know VLANs, so the guest's tagging is done by a switch of its own:
//!
//! ```text
//!   integration bridge ══ tap │ nic ══ guest's bridge ══ access port of VLAN 0  ══ eth0    in the guest's namespace
//!                                                     ══ access port of VLAN 42 ══ eth42
//! ```

use crate::rig::{Rig, ask, closed, echo_peer, reached, skipped};
use drivers_net::{
    conformance::objects::{network, port, put, remove, subnet, tcp_group},
    link,
    netns::{self, Netns},
};
use kernel::PortId;
use network::driver::{HostNetwork, LCarrier, LPort, NetworkBackend, PlugSpec};

/// What a guest's interface carries: the port and the VLAN; 0 for the parent itself.
struct Carried<'a> {
    port: &'a LPort,
    vlan: u16,
}

/// A guest whose one interface, the first port's, carries them all; answers with its namespace.
async fn guest(rig: &Rig, carried: &[Carried<'_>]) -> Netns {
    let (outer, parent) = (rig.configs[0].netns(), carried[0].port);
    let name = format!("{}-t{}", rig.prefix, &parent.id.as_str()[..8]);
    let (tap, nic, bridge) =
        (format!("tap{}", &parent.id.as_str()[..11]), format!("{}nic", rig.prefix), format!("{}gst", rig.prefix));
    netns::ensure(&name).await.unwrap();
    let inside = Netns::named(&name);
    outer.ip(&[format!("link add {tap} type veth peer name {nic}"), format!("link set {nic} up")]).await.unwrap();
    let mut commands = vec![
        format!("add-br {bridge} -- set bridge {bridge} datapath_type=netdev"),
        format!("add-port {bridge} {nic}"),
    ];
    for Carried { port, vlan } in carried {
        let (near, far) = (format!("{}v{vlan}", rig.prefix), format!("eth{vlan}"));
        outer
            .ip(&[format!("link add {near} type veth peer name {far} netns {name}"), format!("link set {near} up")])
            .await
            .unwrap();
        link::no_checksum_offload(&outer, &near).await.unwrap();
        link::no_checksum_offload(&inside, &far).await.unwrap();
        let lines = [
            format!("link set {far} address {} mtu 1400 up", port.mac),
            format!("address add {}/24 dev {far}", port.addresses[0].0),
        ];
        inside.ip(&lines).await.unwrap();
        commands.push(format!("add-port {bridge} {near} tag={vlan}"));
    }
    for end in [&tap, &nic] {
        link::no_checksum_offload(&outer, end).await.unwrap();
    }
    for command in commands {
        let database = format!("--db={}", rig.configs[0].database());
        outer.command("ovs-vsctl", std::iter::once(database.as_str()).chain(command.split(' '))).await.unwrap();
    }
    let (mac, network) = (parent.mac.clone(), parent.network.clone());
    rig.hosts[0]
        .network()
        .plug(&PlugSpec { port: parent.id.clone(), network, tap, mac, mtu: 1442, multi_queue: false })
        .await
        .unwrap();
    inside
}

fn carried_by(port: LPort, parent: &PortId, vlan: u16) -> LPort {
    LPort { carrier: Some(LCarrier { port: parent.clone(), vlan }), ..port }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_interface_carries_several_networks() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (native, red, blue, web) = (network(), network(), network(), tcp_group(&[80]));
    let subs = [subnet(&native, "10.7.0.0/24"), subnet(&red, "10.7.42.0/24"), subnet(&blue, "10.7.43.0/24")];
    let parent = port(&subs[0], 11, &[&web]);
    let on_red = carried_by(port(&subs[1], 11, &[&web]), &parent.id, 42);
    let on_blue = carried_by(port(&subs[2], 11, &[&web]), &parent.id, 43);
    let others = subs.each_ref().map(|s| port(s, 20, &[&web]));
    let mut objects = vec![put(native), put(red), put(blue), put(web)];
    objects.extend(subs.map(put));
    // A subport may come before its parent.
    objects.extend([put(on_red.clone()), put(on_blue.clone()), put(parent.clone())]);
    objects.extend(others.each_ref().map(|p| put(p.clone())));
    rig.backend.apply(&objects).await.unwrap();
    let carried = [(&parent, 0), (&on_red, 42), (&on_blue, 43)].map(|(port, vlan)| Carried { port, vlan });
    let trunked = guest(&rig, &carried).await;
    for id in [&parent.id, &on_red.id, &on_blue.id] {
        rig.up(id).await;
    }
    let mut peers = Vec::new();
    for other in &others {
        let peer = rig.ready_guest(0, other, "").await;
        echo_peer(&peer.netns, 80).await;
        echo_peer(&peer.netns, 81).await;
        peers.push(peer);
    }
    echo_peer(&trunked, 80).await;
    for (peer, net) in peers.iter().zip(["10.7.0", "10.7.42", "10.7.43"]) {
        assert_eq!(reached(&trunked, &format!("{net}.20"), 80).await, format!("{net}.11"), "out on its own network");
        assert_eq!(reached(&peer.netns, &format!("{net}.11"), 80).await, format!("{net}.20"), "and in");
        assert_eq!(ask(&trunked, &format!("{net}.20"), 81).await, None, "each network's groups hold");
    }
    // Another VLAN of the same interface, then none.
    rig.backend
        .apply(&[put(LPort { carrier: Some(LCarrier { port: parent.id.clone(), vlan: 44 }), ..on_red.clone() })])
        .await
        .unwrap();
    closed(&trunked, "10.7.42.20", 80).await;
    rig.backend.apply(&[put(on_red.clone())]).await.unwrap();
    reached(&trunked, "10.7.42.20", 80).await;
    rig.backend.apply(&[remove(on_red)]).await.unwrap();
    closed(&trunked, "10.7.42.20", 80).await;
    reached(&trunked, "10.7.43.20", 80).await;
}
