//! Guests ask the metadata address, and we know which network asks.

use crate::rig::{Guest, PATIENCE, Rig, eventually, skipped};
use async_trait::async_trait;
use drivers_net::conformance::objects::{MTU, metadata_port, network, port, put, subnet, tcp_group};
use ipnet::IpNet;
use kernel::NetworkId;
use network::driver::{
    HostNetwork, LPort, LSubnet, MetadataHandler, MetadataRequest, MetadataResponse, MetadataSpec, NetworkBackend,
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

/// Says what it was asked.
struct Mirror(&'static str);

#[async_trait]
impl MetadataHandler for Mirror {
    async fn answer(&self, request: MetadataRequest) -> MetadataResponse {
        let header = request.headers.iter().find(|(name, _)| name == "x-test").map_or("", |(_, value)| value.as_str());
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let says = [
            self.0,
            request.network.as_str(),
            &request.from.ip().to_string(),
            &request.method,
            &request.path,
            header,
            &body,
        ]
        .join(" ");
        MetadataResponse { status: 203, content_type: "text/plain", body: says.into_bytes() }
    }
}

fn spec(sub: &LSubnet, port: &LPort) -> MetadataSpec {
    let addresses = port.addresses.iter().map(|(a, _)| IpNet::new(*a, sub.cidr.prefix_len()).unwrap()).collect();
    MetadataSpec { network: sub.network.clone(), port: port.id.clone(), mac: port.mac.clone(), addresses, mtu: MTU }
}

/// The whole answer to one request, or nothing.
async fn request(guest: &Guest, v6: bool) -> Option<String> {
    let asking = move || -> std::io::Result<String> {
        let to: SocketAddr = if v6 {
            let index = std::fs::read_to_string("/proc/thread-self/net/if_inet6")?;
            let scope = index
                .lines()
                .find(|l| l.ends_with("eth0"))
                .and_then(|l| l.split_whitespace().nth(1))
                .unwrap_or("0")
                .to_owned();
            let scope = u32::from_str_radix(&scope, 16).unwrap_or(0);
            std::net::SocketAddrV6::new("fe80::a9fe:a9fe".parse().unwrap(), 80, 0, scope).into()
        } else {
            ([169, 254, 169, 254], 80).into()
        };
        let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"POST /openstack/latest?x=1 HTTP/1.1\r\nhost: metadata\r\nx-test: h\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    guest.netns.run(asking).await.unwrap().ok()
}

async fn answered(guest: &Guest, v6: bool, expect: &str) {
    let last = std::sync::Mutex::new(None);
    let waiting = eventually("the metadata service answers", || async {
        let answer = request(guest, v6).await;
        let done = answer.as_deref().is_some_and(|a| a.starts_with("HTTP/1.1 203") && a.ends_with(expect));
        *last.lock().unwrap() = answer;
        done
    });
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "wanted {expect:?}, got {:?}", last.lock().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_network_has_its_own_metadata_service() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let host = rig.hosts[0].network();
    let web = tcp_group(&[80]);
    // Two networks with the same addresses, which only the namespace can tell apart.
    let mut sides = Vec::new();
    for _ in 0..2 {
        let net = network();
        let (sub, six) = (subnet(&net, "10.9.0.0/24"), subnet(&net, "fd00:9::/64"));
        let (metadata, mut a) = (metadata_port(&sub), port(&sub, 11, &[&web]));
        a.addresses.push(("fd00:9::11".parse().unwrap(), six.id.clone()));
        let objects = [put(net), put(sub.clone()), put(six), put(web.clone()), put(metadata.clone()), put(a.clone())];
        rig.backend.apply(&objects).await.unwrap();
        let guest = rig.ready_guest(0, &a, "").await;
        guest.netns.ip(&["route add 169.254.169.254/32 via 10.9.0.2".to_owned()]).await.unwrap();
        sides.push((spec(&sub, &metadata), guest));
    }
    let specs: Vec<_> = sides.iter().map(|(spec, _)| spec.clone()).collect();
    let says = |who: &str, network: &NetworkId, from: &str| {
        format!("{who} {network} {from} POST /openstack/latest?x=1 h body")
    };
    host.serve_metadata(&specs, Arc::new(Mirror("first"))).await.unwrap();
    for (spec, guest) in &sides {
        answered(guest, false, &says("first", &spec.network, "10.9.0.11")).await;
        answered(guest, true, " POST /openstack/latest?x=1 h body").await;
    }
    let mut served = host.metadata_networks().await.unwrap();
    served.sort();
    let mut expect: Vec<_> = specs.iter().map(|s| s.network.clone()).collect();
    expect.sort();
    assert_eq!(served, expect);

    // Another handler takes over, the other network is served no more.
    host.serve_metadata(&specs[..1], Arc::new(Mirror("second"))).await.unwrap();
    answered(&sides[0].1, false, &says("second", &specs[0].network, "10.9.0.11")).await;
    eventually("the other one is gone", || async { request(&sides[1].1, false).await.is_none() }).await;
    assert_eq!(host.metadata_networks().await.unwrap(), [specs[0].network.clone()]);

    // What somebody tore down is made again.
    let namespace = drivers_net::netns::list(&rig.configs[0].metadata_namespaces());
    assert_eq!(namespace.len(), 1, "{namespace:?}");
    drivers_net::netns::remove(&namespace[0]).await.unwrap();
    host.serve_metadata(&specs[..1], Arc::new(Mirror("third"))).await.unwrap();
    answered(&sides[0].1, false, &says("third", &specs[0].network, "10.9.0.11")).await;
    host.serve_metadata(&[], Arc::new(Mirror("none"))).await.unwrap();
    assert!(drivers_net::netns::list(&rig.configs[0].metadata_namespaces()).is_empty());
}
