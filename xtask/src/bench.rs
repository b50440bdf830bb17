//! `cargo xtask bench`: speed and CPU-milliseconds per operation of a cloud on fakes, asked over HTTP from this process.
//!
//! The server is a process of its own, so its CPU time is its own; a report goes to `docs/reports/`.

mod blocks;
mod identity;
mod image;
mod network;
mod placement;
mod volume;

use crate::cloud::{Hosts, TestCloud, write_report};
use cli::Cloud;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const NAMES: &[&str] = &["store", "api", "identity", "network", "image", "volume", "blocks", "placement"];

pub fn run(args: &[String]) -> Result<(), String> {
    let wanted: Vec<&str> = args.iter().map(String::as_str).collect();
    if let Some(unknown) = wanted.iter().find(|w| !NAMES.contains(w)) {
        return Err(format!("no benchmark {unknown}; there are {}", NAMES.join(", ")));
    }
    let asked = |name: &str| wanted.is_empty() || wanted.contains(&name);
    if asked("store") {
        let run = ["run", "--quiet", "--package", "store", "--example", "bench"];
        let status = crate::cargo().args(run).args(profile()).status();
        status.map_err(|e| format!("starting cargo: {e}"))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    if asked("identity") {
        runtime.block_on(identity::run())?;
    }
    if asked("api") {
        runtime.block_on(api())?;
    }
    if asked("network") {
        runtime.block_on(network::run())?;
    }
    if asked("image") {
        runtime.block_on(image::run())?;
    }
    if asked("placement") {
        placement::run()?;
    }
    if asked("volume") {
        runtime.block_on(volume::run())?;
    }
    if asked("blocks") {
        runtime.block_on(blocks::run())?;
    }
    Ok(())
}

/// What is measured is built as released, unless the binary that `TSTACK_BINARY` names says that this is a rehearsal.
fn profile() -> &'static [&'static str] {
    let named = std::env::var("TSTACK_BINARY").unwrap_or_default();
    if named.contains("/debug/") { &[] } else { &["--release"] }
}

/// One measured series.
struct Measure {
    latencies: Vec<Duration>,
    wall: Duration,
    cpu: Duration,
}

impl Measure {
    fn report(&mut self, name: &str) -> Value {
        self.latencies.sort();
        let n = self.latencies.len().max(1);
        let ms = |d: Duration| (d.as_secs_f64() * 1e5).round() / 100.0;
        let at = |p: usize| ms(self.latencies.get((n * p / 100).min(n - 1)).copied().unwrap_or_default());
        let rate = (n as f64 / self.wall.as_secs_f64() * 10.0).round() / 10.0;
        let cpu = (self.cpu.as_secs_f64() * 1e6 / n as f64).round() / 1000.0;
        println!("{name:<38} n {n:>6}  p50 {:>8} ms  p99 {:>8} ms  {rate:>9}/s  {cpu:>8} CPU-ms", at(50), at(99));
        json!({"name": name, "n": n, "p50_ms": at(50), "p99_ms": at(99), "per_second": rate, "cpu_ms": cpu})
    }
}

async fn api() -> Result<(), String> {
    let mut cloud = TestCloud::new("bench", Hosts::Fake)?;
    let cold = cloud.start()?;
    println!("cold start {cold:?}");
    cloud.prepare()?;
    let admin = Arc::new(Cloud::login(&cloud.clouds(), "tstack-admin").await.map_err(|e| e.internal_text())?);
    quotas(&admin).await?;
    let bench = Bench { cloud: &cloud, admin: Arc::clone(&admin) };
    let mut rows = vec![
        bench
            .repeat("token: validate (GET /v3/auth/tokens)", 4000, 8, |c, _| async move { c.validate_self().await })
            .await?,
        bench
            .repeat("flavors with details", 2000, 8, |c, _| async move { c.get("compute", "/flavors/detail").await })
            .await?,
        bench.boots("server: create to ACTIVE, alone", 30, 1).await?,
        bench.boots("server: create to ACTIVE, burst of 300 at 32", 300, 32).await?,
    ];
    rows.push(bench.boots("server: create to ACTIVE, up to 1,000", 670, 32).await?);
    rows.push(
        bench
            .repeat("servers: 1,000 with details", 20, 1, |c, _| async move {
                c.get("compute", "/servers/detail?limit=1000").await
            })
            .await?,
    );
    let idle = {
        let a = cloud.cpu();
        tokio::time::sleep(Duration::from_secs(10)).await;
        (cloud.cpu() - a).as_secs_f64() * 10.0
    };
    println!("memory {} MiB, idle {idle:.2} % of a core, with 1,000 servers", cloud.memory_mib());
    let report = json!({
        "benchmark": "api on fakes, redb, HTTP from another process",
        "cold_start_ms": cold.as_millis() as u64,
        "memory_mib_with_1000_servers": cloud.memory_mib(),
        "idle_percent_of_a_core": (idle * 100.0).round() / 100.0,
        "rows": rows,
    });
    println!("report: {}", write_report("bench-api", report)?.display());
    Ok(())
}

async fn quotas(admin: &Cloud) -> Result<(), String> {
    let text = |e: kernel::Error| e.internal_text();
    let set = json!({"quota_set": {"instances": -1, "cores": -1, "ram": -1}});
    admin.call("PUT", "compute", &format!("/os-quota-sets/{}", admin.project), Some(&set)).await.map_err(text)?;
    let set = json!({"quota": {"port": -1, "security_group": -1, "security_group_rule": -1}});
    admin.call("PUT", "network", &format!("/quotas/{}", admin.project), Some(&set)).await.map_err(text)?;
    Ok(())
}

struct Bench<'a> {
    cloud: &'a TestCloud,
    admin: Arc<Cloud>,
}

impl Bench<'_> {
    /// `n` requests by `workers` in parallel.
    async fn repeat<F, Fut>(&self, name: &str, n: usize, workers: usize, ask: F) -> Result<Value, String>
    where
        F: Fn(Arc<Cloud>, usize) -> Fut + Copy,
        Fut: Future<Output = kernel::Result<Value>>,
    {
        let (cpu, began) = (self.cloud.cpu(), Instant::now());
        let worker = |w: usize| async move {
            let mut latencies = Vec::new();
            for i in (w..n).step_by(workers) {
                let began = Instant::now();
                ask(Arc::clone(&self.admin), i).await.map_err(|e| e.internal_text())?;
                latencies.push(began.elapsed());
            }
            Ok::<_, String>(latencies)
        };
        let latencies = join_all((0..workers).map(worker)).await.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        Ok(Measure { latencies, wall: began.elapsed(), cpu: self.cloud.cpu() - cpu }.report(name))
    }

    async fn boots(&self, name: &str, n: usize, workers: usize) -> Result<Value, String> {
        let text = |e: kernel::Error| e.internal_text();
        let id = |found: Option<Value>| {
            found.and_then(|v| v["id"].as_str().map(str::to_owned)).ok_or("the cloud lacks what the benchmark needs")
        };
        let image =
            id(self.admin.named("image", "/images?name=tinycloud", "images", "tinycloud").await.map_err(text)?)?;
        let flavor = id(self.admin.named("compute", "/flavors", "flavors", "m1.nano").await.map_err(text)?)?;
        let network = id(self.network().await.map_err(text)?)?;
        let body = json!({"server": {"name": "bench", "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}]}});
        let body = &body;
        self.repeat(name, n, workers, |cloud, _| async move {
            let server = cloud.post("compute", "/servers", body.clone()).await?["server"]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            loop {
                let shown = cloud.get("compute", &format!("/servers/{server}")).await?;
                match shown["server"]["status"].as_str() {
                    Some("BUILD") => tokio::time::sleep(Duration::from_millis(3)).await,
                    Some("ACTIVE") => return Ok(shown),
                    other => {
                        return Err(kernel::Error::conflict(format!(
                            "the server is {other:?}: {}",
                            shown["server"]["fault"]
                        )));
                    }
                }
            }
        })
        .await
    }

    /// A network with room for all.
    async fn network(&self) -> kernel::Result<Option<Value>> {
        if let Some(found) = self.admin.named("network", "/networks?name=bench", "networks", "bench").await? {
            return Ok(Some(found));
        }
        let network =
            self.admin.post("network", "/networks", json!({"network": {"name": "bench"}})).await?["network"].clone();
        let subnet = json!({"subnet": {"network_id": network["id"], "ip_version": 4, "cidr": "10.60.0.0/16"}});
        self.admin.post("network", "/subnets", subnet).await?;
        Ok(Some(network))
    }
}
