//! `cargo xtask prove NAME`: proofs that take longer than a test may.

use crate::cloud::{Hosts, TestCloud, write_report};
use cli::Cloud;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

pub fn run(args: &[String]) -> Result<(), String> {
    let option = |name: &str, default: u64| {
        let at = args.iter().position(|a| a == name);
        at.and_then(|i| args.get(i + 1)).and_then(|v| v.parse().ok()).unwrap_or(default)
    };
    let image = args.iter().position(|a| a == "--image").and_then(|at| args.get(at + 1)).map(Into::into);
    match args.first().map(String::as_str) {
        Some("killed") => {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
            let pace = if args.iter().any(|a| a == "--real") { &REAL } else { &FAKE };
            runtime.block_on(killed(pace, option("--rounds", 100), option("--seed", 1)))
        }
        Some("data") => crate::data::run(&crate::data::Extent {
            rounds: option("--rounds", 100),
            guest_rounds: option("--guest-rounds", 25),
            seed: option("--seed", 1),
            ceph: args.iter().any(|a| a == "--ceph"),
        }),
        Some("fuzz") => crate::longer::fuzz(option("--percent", 100), option("--seed", 1)),
        Some("live-migration") => crate::live::run(option("--rounds", 5), image),
        Some("live-limits") => crate::shape::run(image),
        Some("net-why") => crate::longer::net_why(option("--rounds", 1000), option("--seed", 1)),
        Some("net-rules") => crate::longer::net_rules(option("--rules", 10_000)),
        _ => Err("there are: killed [--rounds N] [--seed N] [--real], data [--rounds N] [--guest-rounds N] [--seed N] [--ceph], fuzz [--percent N] [--seed N], live-migration [--rounds N] [--image FILE], live-limits [--image FILE], net-why [--rounds N] [--seed N], net-rules [--rules N]".into()),
    }
}

/// What a round is like: real guests take their time.
struct Pace {
    name: &'static str,
    hosts: Hosts,
    /// Requests under way at a time.
    clients: usize,
    /// Between two creations of a client: a host of real guests is small, and what is being deleted still takes its place.
    pause: Duration,
    /// Milliseconds from the first request to the kill.
    until_killed: Range<u64>,
    patience: Duration,
}

const FAKE: Pace = Pace {
    name: "killed",
    hosts: Hosts::Fake,
    clients: 3,
    pause: Duration::ZERO,
    until_killed: 5..900,
    patience: Duration::from_secs(60),
};
const REAL: Pace = Pace {
    name: "killed-real",
    hosts: Hosts::Real,
    clients: 2,
    pause: Duration::from_millis(800),
    until_killed: 50..6000,
    patience: Duration::from_secs(180),
};

/// Creates and deletes servers while the process is killed or frozen at random moments; after each restart every server must
/// come to rest, and the audit must be clean.
async fn killed(pace: &Pace, rounds: u64, seed: u64) -> Result<(), String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut cloud = TestCloud::new(pace.name, pace.hosts)?;
    cloud.start()?;
    cloud.prepare()?;
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let (mut recoveries, mut caught) = (Vec::new(), 0);
    for round in 1..=rounds {
        let demo = Arc::new(login(&cloud).await?);
        let mut clients = JoinSet::new();
        for _ in 0..pace.clients {
            clients.spawn(load(Arc::clone(&demo), pace.pause, StdRng::seed_from_u64(rng.random())));
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(pace.until_killed.clone()))).await;
        if rng.random_bool(0.3) {
            freeze(cloud.pid(), Duration::from_millis(rng.random_range(100..1500)));
        }
        cloud.kill();
        clients.abort_all();
        cloud.start()?;
        let began = Instant::now();
        let states = settled(&cloud, pace).await.map_err(|e| format!("round {round}, seed {seed}: {e}"))?;
        caught += cloud.metric("tstack_flows_adopted_total");
        recoveries.push(began.elapsed());
        for state in states {
            *ends.entry(state).or_default() += 1;
        }
        audited(&cloud).await.map_err(|e| format!("round {round}, seed {seed}: {e}"))?;
        if round % 10 == 0 || pace.hosts == Hosts::Real {
            println!(
                "round {round}: {caught} flows broken off and taken up again; {ends:?}, slowest recovery {:?}",
                recoveries.iter().max()
            );
        }
    }
    recoveries.sort();
    let slowest = recoveries.last().copied().unwrap_or_default();
    let report = json!({"proof": pace.name, "rounds": rounds, "seed": seed, "flows_broken_off": caught, "ends": ends, "slowest_recovery_ms": slowest.as_millis() as u64});
    println!(
        "{rounds} rounds passed, {caught} flows broken off and taken up again: {ends:?}; report: {}",
        write_report(&format!("prove-{}", pace.name), report)?.display()
    );
    Ok(())
}

async fn login(cloud: &TestCloud) -> Result<Cloud, String> {
    let began = Instant::now();
    loop {
        match Cloud::login(&cloud.clouds(), "tstack-demo").await {
            Ok(demo) => return Ok(demo),
            Err(e) if began.elapsed() > Duration::from_secs(20) => return Err(e.internal_text()),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Creates servers and deletes them, some at once, until the cloud is gone.
async fn load(demo: Arc<Cloud>, pause: Duration, mut rng: StdRng) {
    let find = async |service: &str, path: &str, key: &str, name: &str| {
        demo.named(service, path, key, name).await.ok().flatten().and_then(|v| v["id"].as_str().map(str::to_owned))
    };
    let (Some(image), Some(flavor), Some(network)) = (
        find("image", "/images?name=tinycloud", "images", "tinycloud").await,
        find("compute", "/flavors", "flavors", "m1.nano").await,
        find("network", "/networks?name=demo", "networks", "demo").await,
    ) else {
        return;
    };
    let mut kept = Vec::new();
    loop {
        let body =
            json!({"server": {"name": "k", "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}]}});
        let Ok(made) = demo.post("compute", "/servers", body).await else { return };
        kept.push(format!("/servers/{}", made["server"]["id"].as_str().unwrap_or_default()));
        while kept.len() > 2 || (!kept.is_empty() && rng.random_bool(0.3)) {
            let path = kept.swap_remove(rng.random_range(0..kept.len()));
            if demo.call("DELETE", "compute", &path, None).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Stops the process for a while: its clocks and leases go on.
fn freeze(pid: u32, time: Duration) {
    let signal = |name: &str| {
        let _ = std::process::Command::new("kill").args([name, &pid.to_string()]).status();
    };
    signal("-STOP");
    std::thread::sleep(time);
    signal("-CONT");
}

/// Waits until no server is on its way; then deletes all and waits until they are gone. The states they rested in.
async fn settled(cloud: &TestCloud, pace: &Pace) -> Result<Vec<String>, String> {
    let demo = login(cloud).await?;
    let servers = at_rest(&demo, pace.patience).await?;
    let mut states = Vec::new();
    for server in &servers {
        let status = server["status"].as_str().unwrap_or_default().to_owned();
        let reason = server["fault"]["message"].as_str().unwrap_or_default();
        match status.as_str() {
            "ACTIVE" => states.push(status),
            "ERROR" if !reason.is_empty() => states.push(format!("ERROR: {reason}")),
            _ => return Err(format!("server {} came to rest as {status} {reason}", server["id"])),
        }
        let path = format!("/servers/{}", server["id"].as_str().unwrap_or_default());
        demo.call("DELETE", "compute", &path, None).await.map_err(|e| e.internal_text())?;
    }
    let left = at_rest(&demo, pace.patience).await?;
    if !left.is_empty() {
        return Err(format!("{} servers are left after their deletion: {}", left.len(), left[0]));
    }
    Ok(states)
}

async fn servers(demo: &Cloud) -> Result<Vec<Value>, String> {
    let list = demo.get("compute", "/servers/detail").await.map_err(|e| e.internal_text())?;
    Ok(list["servers"].as_array().cloned().unwrap_or_default())
}

fn is_moving(server: &Value) -> bool {
    server["status"] == "BUILD" || !server["OS-EXT-STS:task_state"].is_null()
}

async fn at_rest(demo: &Cloud, patience: Duration) -> Result<Vec<Value>, String> {
    let began = Instant::now();
    loop {
        let servers = servers(demo).await?;
        if !servers.iter().any(is_moving) {
            return Ok(servers);
        }
        if began.elapsed() > patience {
            let stuck: Vec<_> = servers
                .iter()
                .filter(|s| is_moving(s))
                .map(|s| format!("{} {} {}", s["id"], s["status"], s["OS-EXT-STS:task_state"]))
                .collect();
            return Err(format!("servers that do not come to rest: {}", stuck.join("; ")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn audited(cloud: &TestCloud) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let (clean, text) = cloud.run(&["audit"])?;
        if clean {
            return Ok(());
        }
        // What a flow is still taking down is no leak; a minute later it would be.
        if began.elapsed() > Duration::from_secs(15) {
            return Err(format!("the audit is not clean:\n{text}"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
