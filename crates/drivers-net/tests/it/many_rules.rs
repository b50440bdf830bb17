//! Groups of many rules: a change reaches the tap, and a connection that stands does not pay for them.
//!
//! `TSTACK_RULES` rules (300); how long it takes and what it costs is told, not judged: `cargo xtask prove net-rules`.

use crate::rig::{Rig, ask, ask_within, closed, eventually, reached, skipped};
use drivers_net::conformance::objects::{group, network, port, put, rule, subnet};
use network::driver::{Direction, LRule, LSecurityGroup, NetworkBackend, Remote};
use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

const FEW: usize = 10;
const DATAGRAMS: u32 = 20_000;
const REST: Duration = Duration::from_secs(4);

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// This many rules, none like another, of connections from addresses that nobody here has; and datagrams, and these ports.
fn rules(many: usize, open: &[u16]) -> impl Iterator<Item = LRule> {
    let strangers = (0..many).map(|n| {
        let [_, _, high, low] = u32::try_from(n / 100).unwrap().to_be_bytes();
        let (remote, port) =
            (Remote::Prefix(format!("192.{high}.{low}.0/24").parse().unwrap()), 1000 + (n % 100) as u16);
        rule(Direction::Ingress, Some(6), Some((port, port)), remote)
    });
    let open: Vec<_> = open.iter().map(|p| rule(Direction::Ingress, Some(6), Some((*p, *p)), Remote::Any)).collect();
    strangers.chain(open).chain([rule(Direction::Ingress, Some(17), None, Remote::Any)])
}

/// What the switch has used of a processor, in ticks of 10 ms.
fn ticks(pid: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    [11, 12].iter().map(|n| fields[*n].parse::<u64>().unwrap()).sum()
}

/// Ticks of the switch in a second in which nobody sends: it looks after its rules all the time.
async fn at_rest(rig: &Rig) -> f64 {
    let (before, started) = (ticks(&rig.pid("ovs-vswitchd")), Instant::now());
    tokio::time::sleep(REST).await;
    (ticks(&rig.pid("ovs-vswitchd")) - before) as f64 / started.elapsed().as_secs_f64()
}

/// Datagrams one after another, each answered: how many ticks of the switch they cost, and how many it took beside them.
async fn cost(rig: &Rig, from: &drivers_net::netns::Netns, to: &'static str) -> (f64, f64, u32) {
    let rest = at_rest(rig).await;
    let (before, started) = (ticks(&rig.pid("ovs-vswitchd")), Instant::now());
    let work = move || {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut buffer = [0; 64];
        let mut answered = 0;
        for n in 0..DATAGRAMS {
            socket.send_to(&n.to_be_bytes(), (to, 7)).unwrap();
            answered += u32::from(socket.recv(&mut buffer).is_ok());
        }
        answered
    };
    let answered = from.run(work).await.unwrap();
    let (used, resting) = (ticks(&rig.pid("ovs-vswitchd")) - before, rest * started.elapsed().as_secs_f64());
    (used as f64 - resting, resting, answered)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_among_many_holds_and_is_gone() {
    if skipped() {
        return;
    }
    let many = setting("TSTACK_RULES", 300);
    let rig = Rig::single().await;
    let (net, own) = (network(), group(rules(FEW, &[])));
    let with = |many, open: &[u16]| put(LSecurityGroup { id: own.id.clone(), ..group(rules(many, open)) });
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, b) = (port(&sub, 11, &[&own]), port(&sub, 12, &[&own]));
    rig.backend.apply(&[put(net), put(sub), put(own.clone()), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    crate::outages::echo(&gb.netns).await;
    crate::rig::echo_peer(&gb.netns, 80).await;
    let holds = async || {
        eventually("the rule holds", || async {
            ask_within(&ga.netns, "10.1.0.12", 80, Duration::from_millis(100)).await.is_some()
        })
        .await;
    };
    rig.backend.apply(&[with(FEW, &[80])]).await.unwrap();
    reached(&ga.netns, "10.1.0.12", 80).await;
    let (few_ticks, few_rest, answered) = cost(&rig, &ga.netns, "10.1.0.12").await;
    assert!(answered > DATAGRAMS * 9 / 10, "{answered} answered");

    rig.backend.apply(&[with(many, &[])]).await.unwrap();
    closed(&ga.netns, "10.1.0.12", 80).await;
    let (mut opened, mut shut, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let started = Instant::now();
        rig.backend.apply(&[with(many, &[80])]).await.unwrap();
        written.push(started.elapsed());
        holds().await;
        opened.push(started.elapsed());
        let started = Instant::now();
        rig.backend.apply(&[with(many, &[])]).await.unwrap();
        eventually("the rule is gone", || async {
            ask_within(&ga.netns, "10.1.0.12", 80, Duration::from_millis(100)).await.is_none()
        })
        .await;
        shut.push(started.elapsed().saturating_sub(Duration::from_millis(100)));
    }
    assert_eq!(ask(&ga.netns, "10.1.0.12", 81).await, None);
    let (many_ticks, many_rest, answered) = cost(&rig, &ga.netns, "10.1.0.12").await;
    assert!(answered > DATAGRAMS * 9 / 10, "{answered} answered");
    println!(
        "rules {many}: one more holds on the tap after {opened:?} (of which written after {written:?}), and is gone after {shut:?}"
    );
    println!(
        "rules {DATAGRAMS} datagrams and their answers cost the switch {:.0} ms among {FEW} rules, {:.0} ms among {many}; the rules took \
         {:.0} and {:.0} ms meanwhile",
        few_ticks * 10.0,
        many_ticks * 10.0,
        few_rest * 10.0,
        many_rest * 10.0
    );
}
