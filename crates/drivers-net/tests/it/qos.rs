//! Limits hold, measured in packets.

use crate::{
    rig::{PHYSICAL, Rig, echo_peer, eventually, reached, skipped},
    traffic::{Meter, flood, pour},
};
use drivers_net::{
    conformance::objects::{
        floating_ip, gateway, group, interface, network, port, provider, put, router, rule, subnet,
    },
    netns::Netns,
};
use network::driver::{
    Direction, LFloatingIp, LFloatingLimit, LGateway, LPort, LQos, LRate, LRouter, LSecurityGroup, LSubnet,
    NetworkBackend, Remote,
};

fn all_in() -> LSecurityGroup {
    group([rule(Direction::Ingress, None, None, Remote::Any)])
}

fn rate(kbps: u32) -> Option<LRate> {
    Some(LRate { kbps, burst_kbits: 0 })
}

/// Within a tenth of what was promised: never more than that, and as much within three windows. A sender that the machine
/// kept waiting in the first of them sends less than it may, which says nothing about the limit.
async fn close<F: Future<Output = f64>>(what: &str, promised: f64, measure: impl Fn() -> F) {
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let measured = measure().await;
        eprintln!("{what}: {measured:.0} of {promised:.0} kbit/s");
        assert!(measured < 1.1 * promised, "{what}: {measured:.0} of {promised:.0} kbit/s");
        if measured > 0.9 * promised {
            return;
        }
        seen.push(measured);
    }
    panic!("{what}: {seen:.0?} of {promised:.0} kbit/s");
}

/// How many packets with this mark came to the guest.
async fn marked(guest: &Netns) -> u64 {
    let list = guest.command("nft", ["list", "counter", "inet", "marks", "ef"]).await.unwrap();
    let count = list.split_whitespace().skip_while(|w| *w != "packets").nth(1);
    count.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no counter in {list}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ports_limits_hold_in_both_directions() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, open) = (network(), all_in());
    let sub = subnet(&net, "10.1.0.0/24");
    let qos = LQos { egress: rate(6000), ingress: rate(4000), dscp: Some(46), guaranteed_kbps: None };
    let (a, b) = (port(&sub, 11, &[&open]), LPort { qos, ..port(&sub, 12, &[&open]) });
    rig.backend.apply(&[put(net), put(sub), put(open), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    let count = "table inet marks {\n counter ef {\n }\n chain in {\n type filter hook input priority 0;\n ip dscp ef counter name \"ef\"\n }\n}\n";
    ga.netns.nft(count.into()).await.unwrap();
    let (at_a, at_b) = (Meter::at(&ga.netns, 5000).await, Meter::at(&gb.netns, 5000).await);
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.1.0.12", 80).await;
    {
        let (_one, _other) =
            (flood(&ga.netns, "10.1.0.12", 5000, 12_000).await, flood(&gb.netns, "10.1.0.11", 5000, 12_000).await);
        tokio::join!(
            close("datagrams to the guest", 4000.0, || at_b.udp()),
            close("datagrams from the guest", 6000.0, || at_a.udp()),
        );
        assert!(marked(&ga.netns).await > 100, "what the guest sends bears the mark");
    }
    {
        let _pouring = pour(&gb.netns, "10.1.0.11", 5000).await;
        close("a TCP stream from the guest", 6000.0, || at_a.tcp()).await;
    }
    {
        let _pouring = pour(&ga.netns, "10.1.0.12", 5000).await;
        close("a TCP stream to the guest", 4000.0, || at_b.tcp()).await;
    }
    // Changed while it flows, then lifted.
    let _flowing = flood(&ga.netns, "10.1.0.12", 5000, 12_000).await;
    let changed = LQos { ingress: rate(8000), ..LQos::default() };
    rig.backend.apply(&[put(LPort { qos: changed, ..b.clone() })]).await.unwrap();
    close("datagrams after a change", 8000.0, || at_b.udp()).await;
    let before = marked(&ga.netns).await;
    reached(&ga.netns, "10.1.0.12", 80).await;
    assert_eq!(marked(&ga.netns).await, before, "and no mark any more");
    rig.backend.apply(&[put(LPort { qos: LQos::default(), ..b })]).await.unwrap();
    eventually("the limit is lifted", || async { at_b.udp().await > 9500.0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floating_ips_and_gateways_have_limits_of_their_own() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (inside, public, open) = (network(), provider(PHYSICAL), all_in());
    let sub = subnet(&inside, "10.1.0.0/24");
    let ps = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let all = LQos { egress: rate(4000), ..LQos::default() };
    let way_out = LGateway { qos: all, ..gateway(&ps, 10, &[&sub]) };
    let r = LRouter { gateway: Some(way_out.clone()), ..router() };
    let (a, b) = (port(&sub, 11, &[&open]), port(&sub, 12, &[&open]));
    let one = LQos { egress: rate(6000), ingress: rate(5000), ..LQos::default() };
    let limit = LFloatingLimit { network: public.id.clone(), qos: one };
    let fip = LFloatingIp { limit: Some(limit), ..floating_ip(&r, [172, 24, 4, 50].into(), &a) };
    let near = interface(&r, &sub);
    let objects = [
        put(inside),
        put(public),
        put(sub.clone()),
        put(ps),
        put(open),
        put(r),
        put(a.clone()),
        put(b.clone()),
        put(near),
        put(fip),
    ];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "10.1.0.1").await, rig.ready_guest(0, &b, "10.1.0.1").await);
    let (inner, outer) = (Meter::at(&ga.netns, 5000).await, Meter::at(&rig.outside, 5000).await);
    echo_peer(&ga.netns, 80).await;
    reached(&rig.outside, "172.24.4.50", 80).await;
    {
        let _in = flood(&rig.outside, "172.24.4.50", 5000, 15_000).await;
        close("to the floating ip", 5000.0, || inner.udp()).await;
    }
    {
        let _out = flood(&ga.netns, "172.24.4.1", 5000, 15_000).await;
        close("from the floating ip", 6000.0, || outer.udp()).await;
    }
    let _out = flood(&gb.netns, "172.24.4.1", 5000, 15_000).await;
    close("from behind the gateway", 4000.0, || outer.udp()).await;
}
