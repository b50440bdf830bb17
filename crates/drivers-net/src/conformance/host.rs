use super::{
    Subject, eventually,
    objects::{MTU, metadata_port, network, port, put, remove, subnet, tcp_group},
};
use async_trait::async_trait;
use ipnet::IpNet;
use kernel::{Kind, NetworkId, PortId};
use network::driver::{LPort, LSubnet, MetadataHandler, MetadataRequest, MetadataResponse, MetadataSpec, PlugSpec};
use std::sync::Arc;

struct Silent;

#[async_trait]
impl MetadataHandler for Silent {
    async fn answer(&self, _: MetadataRequest) -> MetadataResponse {
        MetadataResponse { status: 404, content_type: "text/plain", body: vec![] }
    }
}

fn plug_of(port: &LPort) -> PlugSpec {
    let tap = format!("tap{}", &port.id.as_str()[..11]);
    PlugSpec {
        port: port.id.clone(),
        network: port.network.clone(),
        tap,
        mac: port.mac.clone(),
        mtu: MTU,
        multi_queue: false,
    }
}

pub async fn a_port_is_up_while_it_is_put_and_plugged(subject: &dyn Subject) {
    let (backend, host, net, group) = (subject.backend(), subject.host(), network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.0.0.0/24");
    let a = LPort { host: Some(subject.host_name()), ..port(&sub, 5, &[&group]) };
    let up = async || backend.port_up(&a.id).await.unwrap();
    assert!(!up().await, "nobody knows it yet");
    backend.apply(&[put(net.clone()), put(sub.clone()), put(group.clone()), put(a.clone())]).await.unwrap();
    assert!(!up().await, "nothing is plugged");
    host.plug(&plug_of(&a)).await.unwrap();
    eventually("the port comes up", &up).await;
    let elsewhere = LPort { host: Some("another-host".into()), ..a.clone() };
    backend.apply(&[put(elsewhere)]).await.unwrap();
    eventually("a port that belongs to another host goes down here", async || !up().await).await;
    backend.apply(&[put(a.clone())]).await.unwrap();
    eventually("the port comes up again", &up).await;
    host.unplug(&a.id).await.unwrap();
    eventually("the port goes down", async || !up().await).await;
    host.plug(&plug_of(&a)).await.unwrap();
    eventually("the port comes up once more", &up).await;
    backend.apply(&[remove(a.clone())]).await.unwrap();
    assert!(!up().await, "what is not there is not up");
    host.unplug(&a.id).await.unwrap();
    backend.apply(&[remove(group), remove(sub), remove(net)]).await.unwrap();
}

pub async fn plugging_and_unplugging_are_idempotent(subject: &dyn Subject) {
    let (host, net) = (subject.host(), network());
    let sub = subnet(&net, "10.0.0.0/24");
    let ports = [port(&sub, 5, &[]), port(&sub, 6, &[])];
    let mut ids: Vec<PortId> = ports.iter().map(|p| p.id.clone()).collect();
    ids.sort();
    host.unplug(&ids[0]).await.expect("what is not plugged can be unplugged");
    for _ in 0..2 {
        for port in &ports {
            host.plug(&plug_of(port)).await.unwrap();
        }
        let mut plugged = host.plugged().await.unwrap();
        plugged.sort();
        assert_eq!(plugged, ids);
    }
    let counted: Vec<PortId> = host.counters().await.unwrap().into_keys().collect();
    assert_eq!(counted, ids);
    for left in [1, 1, 0] {
        host.unplug(&ids[left]).await.unwrap();
    }
    assert_eq!(host.plugged().await.unwrap(), Vec::<PortId>::new());
    assert!(host.counters().await.unwrap().is_empty());
}

pub async fn a_device_serves_one_port(subject: &dyn Subject) {
    let (host, net) = (subject.host(), network());
    let sub = subnet(&net, "10.0.0.0/24");
    let (a, b) = (port(&sub, 5, &[]), port(&sub, 6, &[]));
    let stolen = PlugSpec { tap: plug_of(&a).tap, ..plug_of(&b) };
    host.plug(&plug_of(&a)).await.unwrap();
    assert_eq!(host.plug(&stolen).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(host.plugged().await.unwrap(), std::slice::from_ref(&a.id));
    host.unplug(&a.id).await.unwrap();
    host.plug(&stolen).await.expect("it is free now");
    host.unplug(&b.id).await.unwrap();
}

pub async fn metadata_is_served_for_exactly_the_networks_named(subject: &dyn Subject) {
    let (backend, host) = (subject.backend(), subject.host());
    let (left, right) = (network(), network());
    let specs = [&left, &right].map(|net| {
        let sub: LSubnet = subnet(net, "10.0.0.0/24");
        let port = metadata_port(&sub);
        let addresses = port.addresses.iter().filter_map(|(a, _)| IpNet::new(*a, 24).ok()).collect();
        let spec =
            MetadataSpec { network: net.id.clone(), port: port.id.clone(), mac: port.mac.clone(), addresses, mtu: MTU };
        (spec, port)
    });
    backend
        .apply(&[put(left.clone()), put(right.clone()), put(specs[0].1.clone()), put(specs[1].1.clone())])
        .await
        .unwrap();
    for wanted in [&[0, 1][..], &[0, 1], &[1], &[0], &[]] {
        let list: Vec<_> = wanted.iter().map(|i| specs[*i].0.clone()).collect();
        host.serve_metadata(&list, Arc::new(Silent)).await.unwrap();
        let mut expect: Vec<NetworkId> = list.into_iter().map(|spec| spec.network).collect();
        expect.sort();
        let mut served = host.metadata_networks().await.unwrap();
        served.sort();
        assert_eq!(served, expect);
    }
    assert!(host.plugged().await.unwrap().is_empty(), "a metadata port is no guest's");
    backend
        .apply(&[remove(specs[0].1.clone()), remove(specs[1].1.clone()), remove(left), remove(right)])
        .await
        .unwrap();
}

pub async fn the_host_is_known_and_alive(subject: &dyn Subject) {
    let name = subject.host_name();
    eventually("the host is known and alive", || async {
        subject.backend().hosts().await.unwrap().contains(&(name.clone(), true))
    })
    .await;
}
