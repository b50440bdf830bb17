//! What is left behind is found, what is taken down leaves nothing, and what is missing is named.

use crate::rig::{Rig, eventually, skipped};
use async_trait::async_trait;
use drivers_net::{
    audit::{Claims, LeakKind, audit},
    conformance::objects::{metadata_port, network, port, put, subnet},
    link,
    netns::{self, Netns},
    ovn::Settings,
    system::{self, OvsHost},
};
use ipnet::IpNet;
use network::driver::{
    HostNetwork, MetadataHandler, MetadataRequest, MetadataResponse, MetadataSpec, NetworkBackend, PlugSpec,
};
use std::{collections::BTreeSet, sync::Arc};

struct Silent;

#[async_trait]
impl MetadataHandler for Silent {
    async fn answer(&self, _: MetadataRequest) -> MetadataResponse {
        MetadataResponse { status: 404, content_type: "text/plain", body: vec![] }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_what_nobody_claims_and_down_leaves_nothing() {
    if skipped() {
        return;
    }
    let mut rig = Rig::lab(1, Settings::default()).await;
    let config = rig.configs[0].clone();
    let (host, netns) = (rig.hosts[0].network(), config.netns());
    let net = network();
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, metadata) = (port(&sub, 11, &[]), metadata_port(&sub));
    rig.backend.apply(&[put(net.clone()), put(sub), put(a.clone()), put(metadata.clone())]).await.unwrap();
    let spec = PlugSpec {
        port: a.id.clone(),
        network: net.id.clone(),
        tap: "tap-audit".into(),
        mac: a.mac.clone(),
        mtu: 1442,
        multi_queue: false,
    };
    host.plug(&spec).await.unwrap();
    let addresses: Vec<IpNet> = vec!["10.1.0.2/24".parse().unwrap()];
    let (mac, port) = (metadata.mac.clone(), metadata.id.clone());
    host.serve_metadata(&[MetadataSpec { network: net.id.clone(), port, mac, addresses, mtu: 1442 }], Arc::new(Silent))
        .await
        .unwrap();
    let all = Claims { ports: BTreeSet::from([a.id.clone()]), metadata: BTreeSet::from([net.id.clone()]) };
    assert_eq!(audit(&config, &all).await.unwrap(), []);

    netns.ip(&["link add stranger type bridge".into()]).await.unwrap();
    netns.nft(format!("table ip {}_forgotten {{\n}}\n", config.prefix)).await.unwrap();
    let kinds: Vec<_> = audit(&config, &Claims::default()).await.unwrap().into_iter().map(|l| l.kind).collect();
    let expect = [
        LeakKind::Device,
        LeakKind::Device,
        LeakKind::SwitchPort,
        LeakKind::SwitchPort,
        LeakKind::Namespace,
        LeakKind::NftTable,
    ];
    assert_eq!(
        kinds, expect,
        "the tap and the pair, their ports, the namespace and the table; not the stranger's bridge"
    );
    netns.nft(format!("delete table ip {}_forgotten\n", config.prefix)).await.unwrap();

    // The worst way to end: everything is killed, then taken down by somebody who knows the configuration only.
    let underlay = || async { netns.command("ip", ["-br", "address", "show", "dev", "eth0"]).await.unwrap() };
    assert!(!underlay().await.contains("10.10.0.1"), "the bridge has the address");
    rig.hosts.clear();
    for daemon in ["ovs-vswitchd", "ovn-controller", "conf"] {
        std::process::Command::new("kill").args(["-KILL", &rig.pid(daemon)]).status().unwrap();
    }
    eventually("all have ended", || async { OvsHost::processes(&config).is_empty() }).await;
    let leaks = audit(&config, &all).await.unwrap();
    assert!(leaks.iter().any(|l| l.name == config.integration_bridge()), "{leaks:?}");
    assert!(leaks.iter().any(|l| l.name == "tap-audit"), "claims of a host that is down are in vain: {leaks:?}");
    for _ in 0..2 {
        OvsHost::down(&config).await.unwrap();
        assert_eq!(audit(&config, &Claims::default()).await.unwrap(), []);
    }
    assert!(underlay().await.contains("10.10.0.1/24"), "the card has its address back");
    assert!(link::exists(&netns, "stranger").await.unwrap());
    assert_eq!(netns.command("nft", ["list", "tables"]).await.unwrap().trim(), "");
    assert!(!config.state_dir.exists() && netns::list(&config.metadata_namespaces()).is_empty());
    assert_eq!(
        Netns::named(config.netns.clone().unwrap())
            .command("ip", ["-br", "link", "show", "type", "tun"])
            .await
            .unwrap(),
        ""
    );
    // And it can come back.
    rig.hosts.push(OvsHost::ensure(config.clone()).await.unwrap());
    assert!(!underlay().await.contains("10.10.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_working_host_well_and_names_what_is_wrong() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let good = system::doctor(&rig.configs[0]).await;
    assert!(good.iter().all(|f| f.ok), "{good:?}");
    let broken =
        system::HostNetConfig { underlay: Some("eth77".into()), prefix: "UP".into(), ..rig.configs[0].clone() };
    let bad: Vec<_> = system::doctor(&broken).await.into_iter().filter(|f| !f.ok).collect();
    assert!(bad.iter().all(|f| !f.mend.is_empty()));
    assert_eq!(
        bad.iter().map(|f| f.check.as_str()).collect::<Vec<_>>(),
        ["network configuration", "tunnel network card"]
    );
}
