//! `cargo xtask prove live-limits`: a real guest is limited, and given another flavor, while it runs; what it gets is measured in it.
//!
//! - CPU: rounds of a loop that the guest makes in a time, against what it makes in a second of its vCPU's time, as its host counts it. So
//!   a busy machine does no harm. Nor does an idle one, whose processors slow down while a limited guest waits for its next turn: they
//!   are kept awake ([`Awake`]). What the host gave it is told beside it.
//! - Disk, volume and network: the guest's `dd` says what it took. A volume's QoS specs are enforced by the hypervisor, and by its pool.
//! - A resize: its vCPUs, its memory and how long it has been up.
//!
//! After each change `tstack`'s own API is asked until it says that the limit is in force; that is how long the change took.

use crate::{
    cloud::write_report,
    live::{Ground, Lab, at_rest, image, server},
};
use cli::Cloud;
use serde_json::{Map, Value, json};
use std::{
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// What must hold of a limit.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(2);
const TOLERANCE: f64 = 0.1;
/// Seconds of the guest's clock that it loops.
const LOOP_SECONDS: u64 = 12;

pub fn run(given: Option<PathBuf>) -> Result<(), String> {
    let lab = Lab::up(&image(given)?, &Ground { nodes: 1, prefix: "tsps", port: 5996, part: 96 })?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(prove(&lab))
}

/// Keeps the processors awake with what anything else goes before.
struct Awake(Vec<Child>);

impl Awake {
    fn start() -> Result<Self, String> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let spin = || Command::new("chrt").args(["--idle", "0", "sh", "-c", "while :; do :; done"]).spawn();
        let started: Result<_, _> = (0..cores).map(|_| spin()).collect();
        started.map(Self).map_err(|e| format!("starting chrt: {e}"))
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Proof<'a> {
    lab: &'a Lab,
    admin: Cloud,
    demo: Cloud,
    id: String,
    address: String,
    report: Map<String, Value>,
    /// What is not as it must be.
    wrong: Vec<String>,
    /// The flavor whose limits are changed.
    flavor: String,
}

fn text(e: kernel::Error) -> String {
    e.internal_text()
}

async fn prove(lab: &Lab) -> Result<(), String> {
    let login = async |name: &str| Cloud::login(&lab.clouds(), name).await.map_err(text);
    let (demo, admin) = (login("tstack-demo").await?, login("tstack-admin").await?);
    let (id, address) = server(&demo).await?;
    let mut proof = Proof { lab, admin, demo, id, address, report: Map::new(), wrong: Vec::new(), flavor: "42".into() };
    proof.guest("true")?;
    proof.resize().await?;
    for iops in [100, 50] {
        proof.disk(iops).await?;
    }
    for kbps in [4000, 8000] {
        proof.network(kbps).await?;
    }
    for kilobytes in [500, 1000] {
        proof.interface(kilobytes).await?;
    }
    for consumer in ["front-end", "back-end"] {
        proof.volume(consumer).await?;
    }
    for quota in [400, 200] {
        proof.cpu(quota).await?;
    }
    let audit = lab.tstack(&["audit"])?;
    let path = write_report("prove-live-limits", Value::Object(proof.report))?;
    println!("audit: {}; report: {}", audit.trim(), path.display());
    match proof.wrong.is_empty() {
        true => Ok(()),
        false => Err(proof.wrong.join("; ")),
    }
}

impl Proof<'_> {
    fn guest(&self, command: &str) -> Result<String, String> {
        self.lab.guest(&self.address, command)
    }

    /// Gives the guest's flavor limits, and waits until the guest's host says that they are in force.
    async fn limit(&self, specs: Value, holds: impl Fn(&Value) -> bool) -> Result<Duration, String> {
        let body = json!({"extra_specs": specs});
        self.admin.post("compute", &format!("/flavors/{}/os-extra_specs", self.flavor), body).await.map_err(text)?;
        self.in_force(holds).await
    }

    async fn in_force(&self, holds: impl Fn(&Value) -> bool) -> Result<Duration, String> {
        let began = Instant::now();
        let path = format!("/servers/{}/limits", self.id);
        loop {
            let told = self.demo.get("cloud", &path).await.map_err(text)?;
            if holds(&told) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > 10 * IN_FORCE_WITHIN {
                return Err(format!("the limit is not in force: {told}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What was measured against what was set: wrong if they differ by too much, or it took too long.
    fn note(&mut self, name: &str, took: Duration, (set, got): (f64, f64)) {
        println!("{name}: set {set}, measured {got:.1}, in force after {} ms", took.as_millis());
        self.report
            .insert(name.to_owned(), json!({"set": set, "measured": got, "in_force_ms": took.as_millis() as u64}));
        let off = (got / set - 1.0).abs();
        if off > TOLERANCE || took > IN_FORCE_WITHIN {
            self.wrong.push(format!("{name}: {:.0} % off, in force after {took:?}", off * 100.0));
        }
    }

    /// Nanoseconds that the guest's vCPUs have run.
    async fn cpu_time(&self) -> Result<f64, String> {
        let told = self.admin.get("compute", &format!("/servers/{}/diagnostics", self.id)).await.map_err(text)?;
        let each = told["cpu_details"].as_array().into_iter().flatten().filter_map(|cpu| cpu["time"].as_f64());
        Ok(each.sum())
    }

    /// Rounds of a loop in the guest, by its own clock: rounds a second.
    fn rounds(&self) -> Result<f64, String> {
        let end = format!("e=$(($(cut -d. -f1 /proc/uptime)+{LOOP_SECONDS}))");
        let body = "n=0; b=$(cut -d' ' -f1 /proc/uptime); while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; n=$((n+1)); \
                    read u _ < /proc/uptime; [ ${u%.*} -ge $e ] && break; done; echo $n $b $u";
        let told = self.guest(&format!("{end}; {body}"))?;
        let numbers: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers.as_slice() {
            [rounds, began, ended] if ended > began => Ok(rounds / (ended - began)),
            _ => Err(format!("the guest says {told:?} of its loop")),
        }
    }

    /// Rounds that the guest makes in a second, and the part of a processor that it has for them. That is looked at in the middle of
    /// the loop, not while the guest is logged in to.
    fn pace(&self) -> Result<(f64, f64), String> {
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            thread::scope(|scope| {
                let rounds = scope.spawn(|| self.rounds());
                thread::sleep(Duration::from_secs(LOOP_SECONDS / 2));
                let (before, began) = (runtime.block_on(self.cpu_time())?, Instant::now());
                thread::sleep(Duration::from_secs(LOOP_SECONDS / 3));
                let busy = (runtime.block_on(self.cpu_time())? - before) / 1e9 / began.elapsed().as_secs_f64();
                let rounds = rounds.join().map_err(|_| "the guest's loop was lost".to_owned())??;
                println!("the guest loops {rounds:.1} times a second, with {busy:.3} of a processor");
                Ok((rounds, busy))
            })
        })
    }

    /// `milli`: thousandths of a core.
    async fn cpu(&mut self, milli: u64) -> Result<(), String> {
        let lifted = |told: &Value| told["limits"]["in_force"]["cpu_quota_milli"].is_null();
        let path = format!("/flavors/{}/os-extra_specs/quota:cpu_quota", self.flavor);
        // What a second of a processor is worth changes with what else the machine does: one is measured beside the other.
        let (mut took, mut shares, mut given) = (Duration::ZERO, Vec::new(), Vec::new());
        let _awake = Awake::start()?;
        for _ in 0..3 {
            let (rounds, busy) = self.pace()?;
            let per_second = rounds / busy;
            let vcpus = self.vcpus().await?;
            let holds = move |told: &Value| told["limits"]["in_force"]["cpu_quota_milli"] == milli;
            let each = (milli * 100 / vcpus).to_string();
            took = took.max(self.limit(json!({"quota:cpu_quota": each}), holds).await?);
            let (rounds, busy) = self.pace()?;
            shares.push(1000.0 * rounds / per_second);
            given.push(1000.0 * busy);
            self.admin.call("DELETE", "compute", &path, None).await.map_err(text)?;
            self.in_force(lifted).await?;
        }
        println!("shares of a processor: {shares:.0?}, given by the host: {given:.0?}");
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        self.note(&format!("cpu_{milli}"), took, (milli as f64, mean(&shares)));
        self.note(&format!("cpu_{milli}_given"), took, (milli as f64, mean(&given)));
        Ok(())
    }

    async fn vcpus(&self) -> Result<u64, String> {
        let told = self.demo.get("cloud", &format!("/servers/{}/limits", self.id)).await.map_err(text)?;
        told["limits"]["in_force"]["vcpus"].as_u64().ok_or_else(|| format!("how many vCPUs? {told}"))
    }

    /// Takes a limit off the guest's flavor.
    async fn lift(&self, spec: &str) -> Result<(), String> {
        let path = format!("/flavors/{}/os-extra_specs/{spec}", self.flavor);
        self.admin.call("DELETE", "compute", &path, None).await.map_err(text).map(drop)
    }

    async fn disk(&mut self, iops: u64) -> Result<(), String> {
        let holds = move |told: &Value| told["limits"]["in_force"]["disks"]["root"]["read_iops_sec"] == iops;
        let took = self.limit(json!({"quota:disk_read_iops_sec": iops.to_string()}), holds).await?;
        let got = self.reads("vda", iops)?;
        self.lift("quota:disk_read_iops_sec").await?;
        self.note(&format!("iops_{iops}"), took, (iops as f64, got));
        Ok(())
    }

    /// Reads of 4 KiB a second, past the guest's caches. What may come at once is used up first.
    fn reads(&self, disk: &str, iops: u64) -> Result<f64, String> {
        let count = iops * LOOP_SECONDS;
        let told = self.guest(&format!(
            "sudo dd if=/dev/{disk} of=/dev/null bs=4k count={iops} iflag=direct 2>/dev/null; b=$(cut -d' ' -f1 /proc/uptime); \
             sudo dd if=/dev/{disk} of=/dev/null bs=4k skip=1000 count={count} iflag=direct 2>/dev/null; \
             echo $b $(cut -d' ' -f1 /proc/uptime)"
        ))?;
        Ok(count as f64 / span(&told)?)
    }

    /// A volume whose type has QoS specs: as they are when the guest is given it, and after they have changed.
    async fn volume(&mut self, consumer: &str) -> Result<(), String> {
        let specs = json!({"name": format!("slow-{consumer}"), "consumer": consumer, "read_iops_sec": "100"});
        let specs = self.block("POST", "/qos-specs", json!({"qos_specs": specs})).await?["qos_specs"]["id"].clone();
        let specs = specs.as_str().unwrap_or_default();
        let kind = self.block("POST", "/types", json!({"volume_type": {"name": format!("slow-{consumer}")}})).await?;
        let kind = kind["volume_type"]["id"].as_str().unwrap_or_default();
        self.block("GET", &format!("/qos-specs/{specs}/associate?vol_type_id={kind}"), Value::Null).await?;
        let wanted = json!({"volume": {"size": 1, "volume_type": kind}});
        let made = self.demo.post("volumev3", "/volumes", wanted).await.map_err(text)?;
        let volume = made["volume"]["id"].as_str().unwrap_or_default().to_owned();
        self.volume_is(&volume, "available").await?;
        let attach = json!({"volumeAttachment": {"volumeId": volume}});
        let path = format!("/servers/{}/os-volume_attachments", self.id);
        let attached = self.demo.post("compute", &path, attach).await.map_err(text)?;
        let device = attached["volumeAttachment"]["device"].as_str().unwrap_or_default().replace("/dev/", "");
        self.volume_is(&volume, "in-use").await?;
        // A pool serves what was never written without a look at its disks, and beside their limits.
        self.guest(&format!("sudo dd if=/dev/urandom of=/dev/{device} bs=1M count=16 oflag=direct 2>/dev/null"))?;
        for iops in [100, 50] {
            let change = json!({"qos_specs": {"read_iops_sec": iops.to_string()}});
            self.block("PUT", &format!("/qos-specs/{specs}"), change).await?;
            let (volume, front) = (volume.clone(), consumer == "front-end");
            let holds = move |told: &Value| match front {
                true => told["limits"]["in_force"]["disks"][format!("vol-{volume}")]["read_iops_sec"] == iops,
                false => told["volumes"][0]["in_force"]["read_iops_sec"] == iops,
            };
            let took = self.in_force(holds).await?;
            let got = self.reads(&device, iops)?;
            self.note(&format!("volume_{consumer}_{iops}"), took, (iops as f64, got));
        }
        self.demo.call("DELETE", "compute", &format!("{path}/{volume}"), None).await.map_err(text)?;
        self.volume_is(&volume, "available").await
    }

    /// A request of an administrator to the block storage API.
    async fn block(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        let body = (!body.is_null()).then_some(&body);
        self.admin.call(method, "volumev3", path, body).await.map_err(text)
    }

    async fn volume_is(&self, id: &str, status: &str) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let seen = self.demo.get("volumev3", &format!("/volumes/{id}")).await.map_err(text)?;
            if seen["volume"]["status"] == status {
                return Ok(());
            }
            if began.elapsed() > Duration::from_secs(120) {
                return Err(format!("a volume does not become {status}: {seen}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the guest sends, by the QoS policy of its port.
    async fn network(&mut self, kbps: u64) -> Result<(), String> {
        let policy = json!({"policy": {"name": format!("limit-{kbps}"), "shared": true}});
        let policy = self.admin.post("network", "/qos/policies", policy).await.map_err(text)?["policy"]["id"].clone();
        let rule = json!({"bandwidth_limit_rule": {"max_kbps": kbps, "direction": "egress"}});
        let path = format!("/qos/policies/{}/bandwidth_limit_rules", policy.as_str().unwrap_or_default());
        self.admin.post("network", &path, rule).await.map_err(text)?;
        let ports = self.demo.get("network", &format!("/ports?device_id={}", self.id)).await.map_err(text)?;
        let port = format!("/ports/{}", ports["ports"][0]["id"].as_str().unwrap_or_default());
        let change = json!({"port": {"qos_policy_id": policy}});
        self.admin.call("PUT", "network", &port, Some(&change)).await.map_err(text)?;
        let took = self.in_force(sends(kbps)).await?;
        let got = self.sent(kbps)?;
        let none = json!({"port": {"qos_policy_id": null}});
        self.admin.call("PUT", "network", &port, Some(&none)).await.map_err(text)?;
        self.note(&format!("kbps_{kbps}"), took, (kbps as f64, got));
        Ok(())
    }

    /// The same, by its flavor.
    async fn interface(&mut self, kilobytes: u64) -> Result<(), String> {
        let kbps = kilobytes * 8;
        let took = self.limit(json!({"quota:vif_outbound_average": kilobytes.to_string()}), sends(kbps)).await?;
        let got = self.sent(kbps)?;
        self.lift("quota:vif_outbound_average").await?;
        self.note(&format!("vif_kbps_{kbps}"), took, (kbps as f64, got));
        Ok(())
    }

    /// Kilobits that come from the guest in a second. What may come at once is used up first.
    fn sent(&self, kbps: u64) -> Result<f64, String> {
        let kib = kbps * LOOP_SECONDS / 8;
        let told = self.guest(&format!(
            "dd if=/dev/zero bs=1k count={} 2>/dev/null; b=$(cut -d' ' -f1 /proc/uptime); dd if=/dev/zero bs=1k count={kib} 2>/dev/null; \
             echo; echo $b $(cut -d' ' -f1 /proc/uptime)",
            kib / 5
        ))?;
        Ok(kib as f64 * 8.192 / span(told.lines().last().unwrap_or_default())?)
    }

    /// Until the server waits for its owner's word.
    async fn verify(&self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let seen =
                self.demo.get("compute", &format!("/servers/{}", self.id)).await.map_err(text)?["server"].clone();
            match seen["status"].as_str() {
                Some("VERIFY_RESIZE") => return Ok(()),
                Some("ACTIVE") if seen["OS-EXT-STS:task_state"].is_null() => {
                    return Err(format!("refused: {}", seen["fault"]));
                }
                _ if began.elapsed() > Duration::from_secs(120) => {
                    return Err(format!("it is still {}", seen["status"]));
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Larger while it runs, and smaller again.
    async fn resize(&mut self) -> Result<(), String> {
        const SHAPE: &str = "nproc; awk '/MemTotal/ {print int($2/1024)}' /proc/meminfo; cut -d. -f1 /proc/uptime";
        let flavor =
            |name: &str, vcpus: u32, ram: u64| json!({"flavor": {"name": name, "vcpus": vcpus, "ram": ram, "disk": 1}});
        let mut steps = Vec::new();
        let before = self.guest(SHAPE)?;
        for (name, vcpus, ram) in [("two", 2, 128), ("large", 2, 512), ("less", 2, 256)] {
            let made = self.admin.post("compute", "/flavors", flavor(name, vcpus, ram)).await.map_err(text)?;
            let began = Instant::now();
            let body = json!({"resize": {"flavorRef": made["flavor"]["id"], "tstack:way": "live"}});
            let action = format!("/servers/{}/action", self.id);
            self.demo.post("compute", &action, body).await.map_err(text)?;
            self.verify().await?;
            let took = began.elapsed();
            self.demo.post("compute", &action, json!({"confirmResize": null})).await.map_err(text)?;
            at_rest(&self.admin, &self.id).await?;
            tokio::time::sleep(Duration::from_secs(3)).await;
            self.flavor = made["flavor"]["id"].as_str().unwrap_or_default().to_owned();
            let shape = self.guest(SHAPE)?;
            println!("{name}: {vcpus} vCPUs, {ram} MiB after {took:?}; the guest: {}", shape.replace('\n', " "));
            steps.push(json!({"vcpus": vcpus, "ram_mib": ram, "took_ms": took.as_millis() as u64, "guest": shape}));
        }
        self.report.insert("resize".into(), json!({"before": before, "steps": steps}));
        Ok(())
    }
}

/// The guest's interface is held to so much.
fn sends(kbps: u64) -> impl Fn(&Value) -> bool {
    move |told| told["ports"][0]["in_force"]["egress"]["kbps"] == kbps
}

/// Between two moments of the guest's clock.
fn span(told: &str) -> Result<f64, String> {
    let moments: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match moments.as_slice() {
        [began, ended] if ended > began => Ok(ended - began),
        _ => Err(format!("the guest says {told:?} of the time it took")),
    }
}
