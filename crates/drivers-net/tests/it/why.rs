//! `network::why` against `ovn-trace`: small clouds made at random, and packets between whatever is in them. What we say
//! becomes of each must be what OVN says.
//!
//! `TSTACK_WHY_ROUNDS` clouds (2), the first of `TSTACK_WHY_SEED` (7); a failure tells the seed of its cloud. The first frame of
//! each cloud is traced as `tstack net why --prove` does it, the others by an `ovn-trace` that has read the flows once.

use crate::rig::{PHYSICAL, Rig, skipped};
use drivers_net::conformance::objects::{
    floating_ip, gateway, group, interface, network, port, provider, put, router, rule, subnet,
};
use drivers_net::ovn::trace;
use ipnet::IpNet;
use kernel::{NetworkId, PortId, RouterId};
use network::{
    driver::{
        Change, Direction, LFloatingIp, LPort, LRouter, LRule, LSecurityGroup, LSubnet, Logical, NetworkBackend, Remote,
    },
    why::{Agreement, Answer, Arrival, Frame, Origin, Plan, Question, Trace, What, frame, why},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    process::{Command, Output},
};

const PACKETS: usize = 40;
const TENANTS: u8 = 4;
/// A southbound database keeps what routers once learnt and grows with every cloud it has seen, and a trace reads all of it.
const CLOUDS_A_RIG: usize = 50;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

struct World {
    objects: Vec<Logical>,
    outside: LSubnet,
    ports: Vec<LPort>,
    /// Where a packet may be sent.
    targets: Vec<IpAddr>,
}

fn random_rule(dice: &mut StdRng, groups: &[LSecurityGroup]) -> LRule {
    let direction = if dice.random_bool(0.7) { Direction::Ingress } else { Direction::Egress };
    let (protocol, range) = match dice.random_range(0..6) {
        0 => (None, None),
        1 => (Some(1), None),
        2 => (Some(17), Some((53, 53))),
        3 => (Some(6), None),
        4 => (Some(6), Some((80, 90))),
        _ => (Some(6), Some((22, 22))),
    };
    let remote = match dice.random_range(0..4) {
        0 | 1 => Remote::Any,
        2 => Remote::Prefix(format!("10.0.{}.0/24", dice.random_range(0..TENANTS)).parse().unwrap()),
        _ => groups.choose(dice).map_or(Remote::Any, |g| Remote::Group(g.id.clone())),
    };
    rule(direction, protocol, range, remote)
}

/// Groups whose rules name each other; some let nothing out, some are stateless.
fn random_groups(dice: &mut StdRng) -> Vec<LSecurityGroup> {
    let mut groups: Vec<LSecurityGroup> = Vec::new();
    for _ in 0..4 {
        let rules: Vec<_> = (0..dice.random_range(0..4)).map(|_| random_rule(dice, &groups)).collect();
        let mut made = group(rules);
        if dice.random_bool(0.25) {
            made.rules.retain(|r| r.direction == Direction::Ingress);
        }
        made.stateful = dice.random_bool(0.8);
        groups.push(made);
    }
    groups
}

/// A provider network, tenants' networks on two routers that a transit network joins, guests, floating IPs.
fn random_world(dice: &mut StdRng) -> World {
    let public = provider(PHYSICAL);
    let outside = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let groups = random_groups(dice);
    let transit = network();
    let between = LSubnet { gateway: None, ..subnet(&transit, "10.9.9.0/24") };
    let mut objects: Vec<Logical> = vec![public.into(), outside.clone().into()];
    let (mut ports, mut nets) = (Vec::new(), Vec::new());
    for n in 0..TENANTS {
        let mut net = network();
        net.admin_up = dice.random_bool(0.95);
        let mut sub = subnet(&net, &format!("10.0.{n}.0/24"));
        if dice.random_bool(0.1) {
            sub.gateway = None;
        }
        objects.push(net.into());
        nets.push(sub);
    }
    objects.extend([transit.into(), between.clone().into()]);
    objects.extend(nets.iter().cloned().map(Logical::from));
    objects.extend(groups.iter().cloned().map(Logical::from));
    for sub in &nets {
        for n in 0..dice.random_range(2..4) {
            let own: Vec<_> = groups.iter().filter(|_| dice.random_bool(0.4)).collect();
            let mut made = LPort { host: Some("h1".into()), ..port(sub, 11 + n, &own) };
            made.admin_up = dice.random_bool(0.95);
            if dice.random_bool(0.15) {
                (made.port_security, made.groups) = (false, Default::default());
            }
            ports.push(made);
        }
    }
    let mut targets: Vec<IpAddr> = ports.iter().map(|p| p.addresses[0].0).collect();
    let ends: [IpAddr; 2] = [[10, 9, 9, 1].into(), [10, 9, 9, 2].into()];
    let (mut last, mut fips): (Vec<Logical>, Vec<LFloatingIp>) = (Vec::new(), Vec::new());
    for (which, half) in nets.chunks(2).enumerate() {
        let own: Vec<_> = half.iter().filter(|s| s.gateway.is_some() && dice.random_bool(0.9)).collect();
        let mut r = LRouter { admin_up: dice.random_bool(0.95), ..router() };
        if dice.random_bool(0.8) {
            let mut way_out = gateway(&outside, 10 + which, &own);
            way_out.snat = dice.random_bool(0.8);
            r.gateway = Some(way_out);
        }
        // To the other router's networks, and sometimes to nowhere.
        if dice.random_bool(0.8) {
            let other = 2 * (1 - which);
            r.routes.push((format!("10.0.{other}.0/23").parse().unwrap(), ends[1 - which]));
        }
        if dice.random_bool(0.2) {
            r.routes.push(("192.0.2.0/24".parse().unwrap(), [10, 0, 2 * which as u8, 11].into()));
        }
        let mut far = interface(&r, &between);
        far.addresses = vec![format!("{}/24", ends[which]).parse().unwrap()];
        targets.push(ends[which]);
        if r.gateway.is_some() {
            for guest in ports.iter().filter(|p| own.iter().any(|s| s.network == p.network)) {
                if dice.random_bool(0.4) {
                    let external = Ipv4Addr::new(172, 24, 4, 50 + u8::try_from(fips.len()).unwrap());
                    fips.push(floating_ip(&r, external, guest));
                }
            }
        }
        last.extend(own.iter().map(|s| interface(&r, s).into()));
        last.push(far.into());
        objects.push(r.into());
    }
    targets.extend(fips.iter().map(|f| IpAddr::V4(f.external)));
    targets.extend([[172, 24, 4, 77], [9, 9, 9, 9], [192, 0, 2, 1], [10, 0, 0, 1], [172, 24, 4, 10]].map(IpAddr::from));
    objects.extend(ports.iter().cloned().map(Logical::from));
    objects.extend(last);
    objects.extend(fips.into_iter().map(Logical::from));
    World { objects, outside, ports, targets }
}

fn random_question(dice: &mut StdRng, world: &World) -> Question {
    let what = match dice.random_range(0..6) {
        0 | 1 => What::Ping,
        2 => What::Udp(53),
        3 => What::Tcp(85),
        4 => What::Tcp(443),
        _ => What::Tcp(22),
    };
    let from = if dice.random_bool(0.85) {
        Origin::Port(world.ports.choose(dice).unwrap().id.clone())
    } else {
        Origin::Outside { network: world.outside.network.clone(), address: [172, 24, 4, 200].into() }
    };
    Question { from, to: *world.targets.choose(dice).unwrap(), what }
}

fn synced(rig: &Rig) {
    let done = Command::new("ovn-nbctl").arg(format!("--db={}", rig.northbound())).args(["--wait=sb", "sync"]).status();
    assert!(done.unwrap().success(), "northd has caught up");
}

fn sbctl(rig: &Rig, args: impl IntoIterator<Item = String>) -> String {
    let mut sbctl = Command::new("ovn-sbctl");
    let output = sbctl.arg(format!("--db={}", rig.central.southbound())).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An `ovn-trace` that has read the flows of one cloud and is asked for each of its frames.
struct Tracer(PathBuf);

impl Tracer {
    fn start(rig: &Rig) -> Self {
        let socket = rig.central.state_dir.join("trace.ctl");
        let mut command = Command::new("ovn-trace");
        command.arg(format!("--db={}", rig.central.southbound())).arg(format!("--unixctl={}", socket.display()));
        command.args(["--detach", "--no-chdir", "--no-leader-only", "--no-friendly-names", "-vsyslog:off"]);
        // Not told anew for each frame, but used up by all of them.
        command.args(std::iter::repeat_n("--ct=new", trace::TRACKED * PACKETS));
        assert!(command.status().unwrap().success(), "ovn-trace has read the flows");
        Self(socket)
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        Command::new("ovn-appctl").arg("-t").arg(&self.0).args(arguments).output().unwrap()
    }

    fn trace(&self, frame: &Frame) -> Trace {
        let output = self.ask(&["trace", "--minimal", &trace::expression(frame)]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        trace::read(String::from_utf8(output.stdout).unwrap(), &frame.to_mac)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.ask(&["exit"]);
    }
}

/// Tells routers what they would learn of each other; the former cloud's went with its routers.
fn taught(rig: &Rig, neighbours: &[(String, String, String)]) {
    let list = ["--bare", "--format=csv", "--columns=logical_port,datapath", "list", "Port_Binding"].map(str::to_owned);
    let known = sbctl(rig, list);
    let datapaths: BTreeMap<_, _> = known.lines().filter_map(|line| line.split_once(',')).collect();
    let row = |(port, address, mac): &(String, String, String)| {
        // A router that is switched off has no ports there.
        let datapath = datapaths.get(port.as_str())?;
        let set = [format!("logical_port={port}"), format!("ip=\"{address}\""), format!("mac=\"{mac}\"")];
        let create = ["--", "create", "MAC_Binding"].map(str::to_owned).into_iter();
        Some(create.chain(set).chain([format!("datapath={datapath}")]).collect::<Vec<_>>())
    };
    let rows: Vec<_> = neighbours.iter().filter_map(row).flatten().collect();
    if !rows.is_empty() {
        sbctl(rig, rows);
    }
}

/// A router's end on a network, and the addresses it answers for there.
struct End<'a> {
    network: &'a NetworkId,
    router: &'a RouterId,
    port: &'a PortId,
    mac: &'a str,
    addresses: Vec<IpAddr>,
}

fn end<'a>(world: &'a World, object: &'a Logical) -> Option<End<'a>> {
    let own = |nets: &[IpNet]| nets.iter().map(IpNet::addr).collect::<Vec<_>>();
    match object {
        Logical::Router(LRouter { id, gateway: Some(g), .. }) => {
            let mut addresses = own(&g.addresses);
            addresses.extend(world.objects.iter().filter_map(|o| match o {
                Logical::FloatingIp(f) if f.router == *id => Some(IpAddr::V4(f.external)),
                _ => None,
            }));
            Some(End { network: &g.network, router: id, port: &g.port, mac: &g.mac, addresses })
        }
        Logical::RouterInterface(i) => {
            let addresses = own(&i.addresses);
            Some(End { network: &i.network, router: &i.router, port: &i.port, mac: &i.mac, addresses })
        }
        _ => None,
    }
}

/// What routers learn of each other by asking, which a trace does not wait for: port, address and MAC address.
fn neighbours(world: &World) -> Vec<(String, String, String)> {
    let ends: Vec<_> = world.objects.iter().filter_map(|o| end(world, o)).collect();
    let pairs = ends.iter().flat_map(|near| ends.iter().map(move |far| (near, far)));
    let met = pairs.filter(|(near, far)| near.network == far.network && near.router != far.router);
    let learnt = |(near, far): (&End<'_>, &End<'_>)| {
        let line = |address: &IpAddr| (format!("lrp-{}", near.port), address.to_string(), far.mac.to_owned());
        far.addresses.iter().map(line).collect::<Vec<_>>()
    };
    met.flat_map(learnt).collect()
}

fn told(answer: &Answer) -> String {
    let steps: Vec<_> = answer.steps.iter().map(|s| format!("  {}: {}", s.by, s.says)).collect();
    format!("{:?}\n{}", answer.arrives, steps.join("\n"))
}

/// One cloud, its packets compared and what became of them counted.
async fn held_against_ovn(rig: &Rig, seed: u64, kinds: &mut BTreeMap<&'static str, usize>) {
    let mut dice = StdRng::seed_from_u64(seed);
    let world = random_world(&mut dice);
    rig.backend.apply(&world.objects.iter().cloned().map(put).collect::<Vec<_>>()).await.unwrap();
    synced(rig);
    taught(rig, &neighbours(&world));
    let plan: Plan = world.objects.iter().cloned().collect();
    let (tracer, mut first) = (Tracer::start(rig), true);
    for _ in 0..PACKETS {
        let question = random_question(&mut dice, &world);
        let answer = why(&plan, &question);
        let kind = match answer.arrives {
            Arrival::Port(_) => "a port",
            Arrival::Router(_) => "a router",
            Arrival::Outside(_) => "outside",
            Arrival::Stopped => "nowhere",
        };
        *kinds.entry(kind).or_default() += 1;
        let Some(frame) = frame(&plan, &question, &answer) else { continue };
        let trace = match std::mem::take(&mut first) {
            true => rig.backend.trace(&frame).await.unwrap().unwrap(),
            false => tracer.trace(&frame),
        };
        let agreement = trace.compare(&plan, &answer);
        assert_eq!(
            agreement,
            Agreement::Same,
            "cloud {seed}\n{question:?}\nwe: {}\nOVN: {}",
            told(&answer),
            trace.text
        );
    }
    let gone = world.objects.iter().rev().map(|o| Change::Remove(o.key())).collect::<Vec<_>>();
    rig.backend.apply(&gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_say_is_what_ovn_says() {
    if skipped() {
        return;
    }
    let (rounds, first) = (setting("TSTACK_WHY_ROUNDS", 2), setting("TSTACK_WHY_SEED", 7));
    let seeds: Vec<u64> = (first..first + rounds).collect();
    let mut kinds = BTreeMap::new();
    for some in seeds.chunks(CLOUDS_A_RIG) {
        let rig = Rig::single().await;
        for seed in some {
            held_against_ovn(&rig, *seed, &mut kinds).await;
        }
        eprintln!("{} of {rounds} clouds", some[some.len() - 1] - first + 1);
    }
    println!("why {rounds} clouds from seed {first}, {PACKETS} packets each: {kinds:?}");
}
