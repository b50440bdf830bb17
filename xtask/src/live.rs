//! `cargo xtask prove live-migration`: a real guest goes to and fro between two hosts of `tstack lab`, by pre-copy and by post-copy.
//!
//! Through all of it: one TCP stream is kept, on which the guest says a number after the other; it is pinged every 10 ms, and what was
//! longest not answered is how long it stood still; a port that its security group forbids is tried every 10 ms and never opens
//! (though somebody listens there, as is seen in the end, with a rule). After each move the guest says the checksums of a file in its
//! memory and of one on its disk, read past its caches, and how often it has booted.

use crate::cloud::{binary, write_report};
use cli::Cloud;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const BEAT: Duration = Duration::from_millis(10);
const FORBIDDEN: u16 = 81;
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Lab {
    binary: PathBuf,
    data: PathBuf,
    prefix: &'static str,
}

/// Hosts of a lab, and what tells it from others: the prefix of its names, its ports and a part of its addresses.
pub struct Ground {
    pub nodes: u8,
    pub prefix: &'static str,
    pub port: u16,
    pub part: u8,
}

impl Lab {
    pub fn tstack(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new(&self.binary).args(args).arg("--data").arg(&self.data).output();
        let output = output.map_err(|e| format!("starting {}: {e}", self.binary.display()))?;
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(text) } else { Err(format!("tstack {args:?}: {text}")) }
    }

    pub fn up(image: &Path, ground: &Ground) -> Result<Self, String> {
        let Ground { nodes, prefix, port, part } = ground;
        let data = format!("/var/tmp/tstack-prove-{prefix}-{}", std::process::id()).into();
        let lab = Self { binary: binary()?, data, prefix };
        let (underlay, external) = (format!("10.10.{part}.0/24"), format!("172.24.{part}.1/24"));
        let (nodes, port, image) = (nodes.to_string(), port.to_string(), image.display().to_string());
        let net = ["--underlay", &underlay, "--external", &external, "--prefix", prefix, "--port", &port];
        // The hosts of a lab share their processors: one that is late with a sign of life is not dead.
        let late = "network.gateway_heartbeat_ms=1000";
        let more = ["--set", "hypervisor.accel=tcg", "--set", late, "--image", &image];
        lab.tstack(&[&["lab", "up", "--nodes", &nodes][..], &net, &more].concat())?;
        Ok(lab)
    }

    pub fn clouds(&self) -> PathBuf {
        self.data.join("clouds.yaml")
    }

    pub fn ssh(&self, address: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-i").arg(self.data.join("demo-key"));
        for option in ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR"] {
            ssh.args(["-o", option]);
        }
        ssh.args(["-o", "ConnectTimeout=10"]).arg(format!("cirros@{address}"));
        ssh
    }

    /// What the guest says to a command, tried until it can be reached.
    pub fn guest(&self, address: &str, command: &str) -> Result<String, String> {
        let began = Instant::now();
        loop {
            let output = self.ssh(address).arg(command).output().map_err(|e| format!("starting ssh: {e}"))?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr)));
            }
            thread::sleep(Duration::from_secs(1));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(e) = self.tstack(&["lab", "down", "--prefix", self.prefix]) {
            eprintln!("{e}");
        }
    }
}

/// A stream on which the guest counts; it ends when the connection does.
struct Stream {
    child: Child,
    last: Arc<AtomicU64>,
    torn: Arc<AtomicBool>,
}

impl Stream {
    fn open(lab: &Lab, address: &str) -> Result<Self, String> {
        let mut ssh = lab.ssh(address);
        ssh.arg("n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done").stdout(Stdio::piped());
        let mut child = ssh.spawn().map_err(|e| format!("starting ssh: {e}"))?;
        let lines = BufReader::new(child.stdout.take().ok_or("ssh has no output")?).lines();
        let (last, torn) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, broken) = (Arc::clone(&last), Arc::clone(&torn));
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let number: u64 = line.trim().parse().unwrap_or(0);
                if number != counted.load(Ordering::Relaxed) + 1 {
                    break;
                }
                counted.store(number, Ordering::Relaxed);
            }
            broken.store(true, Ordering::Relaxed);
        });
        Ok(Self { child, last, torn })
    }

    /// It is whole, and goes on.
    fn check(&self) -> Result<u64, String> {
        let (before, began) = (self.last.load(Ordering::Relaxed), Instant::now());
        while self.last.load(Ordering::Relaxed) <= before {
            if self.torn.load(Ordering::Relaxed) {
                return Err(format!("the TCP stream was closed after {before}"));
            }
            if began.elapsed() > Duration::from_secs(30) {
                return Err(format!("the TCP stream stands still after {before}"));
            }
            thread::sleep(BEAT);
        }
        Ok(self.last.load(Ordering::Relaxed))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tries what is forbidden, again and again.
struct Probe {
    stop: Arc<AtomicBool>,
    tried: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl Probe {
    fn start(address: SocketAddr) -> Self {
        let probe = Self { stop: Arc::default(), tried: Arc::default(), passed: Arc::default() };
        let (stop, tried, passed) = (Arc::clone(&probe.stop), Arc::clone(&probe.tried), Arc::clone(&probe.passed));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let passed = Arc::clone(&passed);
                thread::spawn(move || {
                    if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                });
                tried.fetch_add(1, Ordering::Relaxed);
                thread::sleep(BEAT);
            }
        });
        probe
    }
}

/// Pings while something is done: the longest time without an answer. One that comes late (what waits in a queue while the guest
/// stands still is answered later) does not fill the gap before it.
fn silence<T>(address: &str, work: impl FnOnce() -> Result<T, String>) -> Result<(Duration, T), String> {
    let ping = Command::new("ping").args(["-n", "-D", "-i", "0.01", address]).stdout(Stdio::piped()).spawn();
    let ping = ping.map_err(|e| format!("starting ping: {e}"))?;
    thread::sleep(Duration::from_secs(1));
    let done = work();
    thread::sleep(Duration::from_secs(1));
    let _ = Command::new("kill").args(["-INT", &ping.id().to_string()]).status();
    let told = ping.wait_with_output().map_err(|e| format!("pinging: {e}"))?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let time = |line: &str| line.strip_prefix('[')?.split(']').next()?.parse::<f64>().ok();
    let answered: Vec<f64> = told.lines().filter(|l| l.contains("ttl=")).filter_map(time).collect();
    let longest = answered.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    if answered.len() < 100 {
        return Err(format!("pings are not answered: {told}"));
    }
    Ok((Duration::from_secs_f64(longest), done?))
}

fn median(all: &[u64]) -> u64 {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The guests' image: the one given, else one that is made.
pub fn image(given: Option<PathBuf>) -> Result<PathBuf, String> {
    if let Some(image) = given {
        return Ok(image);
    }
    let out = PathBuf::from("/var/tmp/tstack-prove-live.qcow2");
    crate::image::run(&["--out".to_owned(), out.display().to_string()])?;
    Ok(out)
}

pub fn run(rounds: u64, given: Option<PathBuf>) -> Result<(), String> {
    let lab = Lab::up(&image(given)?, &Ground { nodes: 2, prefix: "tspl", port: 5990, part: 95 })?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(moves(&lab, rounds))
}

/// A server with a floating ip: both ids, and the address.
pub async fn server(demo: &Cloud) -> Result<(String, String), String> {
    let text = |e: kernel::Error| e.internal_text();
    let id = async |service: &str, path: &str, key: &str, name: &str| {
        let found = demo.named(service, path, key, name).await.map_err(text)?;
        found.and_then(|v| v["id"].as_str().map(str::to_owned)).ok_or_else(|| format!("there is no {name}"))
    };
    let image = id("image", "/images?name=tinycloud", "images", "tinycloud").await?;
    let flavor = id("compute", "/flavors", "flavors", "m1.nano").await?;
    let network = id("network", "/networks?name=demo", "networks", "demo").await?;
    let public = id("network", "/networks?name=public", "networks", "public").await?;
    let body = json!({"server": {"name": "moving", "imageRef": image, "flavorRef": flavor, "key_name": "demo", "networks": [{"uuid": network}]}});
    let made = demo.post("compute", "/servers", body).await.map_err(text)?;
    let server = made["server"]["id"].as_str().unwrap_or_default().to_owned();
    at_rest(demo, &server).await?;
    let ports = demo.get("network", &format!("/ports?device_id={server}")).await.map_err(text)?;
    let body = json!({"floatingip": {"floating_network_id": public, "port_id": ports["ports"][0]["id"]}});
    let floating = demo.post("network", "/floatingips", body).await.map_err(text)?;
    Ok((server, floating["floatingip"]["floating_ip_address"].as_str().unwrap_or_default().to_owned()))
}

pub async fn at_rest(cloud: &Cloud, server: &str) -> Result<Value, String> {
    let began = Instant::now();
    loop {
        let seen = cloud.get("compute", &format!("/servers/{server}")).await.map_err(|e| e.internal_text())?;
        let seen = &seen["server"];
        match seen["status"].as_str() {
            Some("ACTIVE") if seen["OS-EXT-STS:task_state"].is_null() => return Ok(seen.clone()),
            Some("ERROR") => return Err(format!("the server is in ERROR: {}", seen["fault"])),
            _ if began.elapsed() > PATIENCE => return Err(format!("the server does not come to rest: {seen}")),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// What must be the same after each move.
const STATE: &str = "cat /proc/sys/kernel/random/boot_id; sha256sum /dev/shm/memory; sync; echo 3 | sudo tee /proc/sys/vm/drop_caches >/dev/null; sha256sum /home/cirros/disk; dmesg | grep -ciE 'BUG|oops|corrupt|I/O error' || true";

async fn moves(lab: &Lab, rounds: u64) -> Result<(), String> {
    let clouds = lab.clouds();
    let login = async |name: &str| Cloud::login(&clouds, name).await.map_err(|e| e.internal_text());
    let (demo, admin) = (login("tstack-demo").await?, login("tstack-admin").await?);
    let (id, address) = server(&demo).await?;
    // A port below 1024 is root's. The next command waits until somebody listens there, as the kernel has it (proc(5): 0A).
    let listen = format!(
        "(sudo sh -c 'while :; do nc -l -p {FORBIDDEN} </dev/null >/dev/null; sleep 0.1; done' </dev/null >/dev/null 2>&1 &); \
         until cat /proc/net/tcp* | grep -q ':{FORBIDDEN:04X} .* 0A '; do sleep 1; done"
    );
    lab.guest(&address, "dd if=/dev/urandom of=/dev/shm/memory bs=1M count=24 2>/dev/null; dd if=/dev/urandom of=/home/cirros/disk bs=1M count=24 2>/dev/null; sync")?;
    lab.guest(&address, &listen)?;
    let expected = lab.guest(&address, STATE)?;
    let stream = Stream::open(lab, &address)?;
    let target: SocketAddr = format!("{address}:{FORBIDDEN}").parse().map_err(|e| format!("{address}: {e}"))?;
    let probe = Probe::start(target);
    let (baseline, ()) = silence(&address, || {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    })?;
    println!("before any move nothing was answered for at most {baseline:?}");
    let mut report = json!({"proof": "live-migration", "rounds": rounds, "baseline_ms": baseline.as_millis() as u64});
    for way in ["pre-copy", "post-copy"] {
        let mut downs = Vec::new();
        for round in 1..=rounds {
            let handle = tokio::runtime::Handle::current();
            let (down, took) =
                tokio::task::block_in_place(|| silence(&address, || handle.block_on(one(&admin, &id, way))))?;
            stream.check()?;
            let state = tokio::task::block_in_place(|| lab.guest(&address, STATE))?;
            if state != expected {
                return Err(format!("{way} {round}: the guest is damaged: {state}, expected {expected}"));
            }
            println!("{way} {round}: silent for {down:?}, moved in {took:?}");
            downs.push(down.as_millis() as u64);
        }
        println!("{way}: median {} ms", median(&downs));
        report[way] = json!({"silent_ms": downs, "median_ms": median(&downs)});
    }
    probe.stop.store(true, Ordering::Relaxed);
    let (tried, passed) = (probe.tried.load(Ordering::Relaxed), probe.passed.load(Ordering::Relaxed));
    report["forbidden"] = json!({"tried": tried, "passed": passed});
    report["stream"] = json!(stream.check()?);
    if passed > 0 {
        return Err(format!("{passed} of {tried} forbidden connections passed"));
    }
    allowed(&demo, target).await?;
    lab.tstack(&["audit"])?;
    println!(
        "{tried} forbidden connections tried, none passed; report: {}",
        write_report("prove-live-migration", report)?.display()
    );
    Ok(())
}

/// With a rule the same connection is let through: so the rule was what kept it out.
async fn allowed(demo: &Cloud, target: SocketAddr) -> Result<(), String> {
    let text = |e: kernel::Error| e.internal_text();
    let group =
        demo.named("network", "/security-groups?name=default", "security_groups", "default").await.map_err(text)?;
    let group = group.ok_or("there is no group default")?["id"].clone();
    let rule = json!({"security_group_rule": {"security_group_id": group, "direction": "ingress", "protocol": "tcp",
                                              "port_range_min": FORBIDDEN, "port_range_max": FORBIDDEN}});
    demo.post("network", "/security-group-rules", rule).await.map_err(text)?;
    let began = Instant::now();
    while TcpStream::connect_timeout(&target, Duration::from_secs(1)).is_err() {
        if began.elapsed() > Duration::from_secs(60) {
            return Err("nobody listens on the forbidden port: that it never opened proves nothing".into());
        }
    }
    Ok(())
}

/// One move, to wherever the server is not.
async fn one(admin: &Cloud, id: &str, way: &str) -> Result<Duration, String> {
    let (began, text) = (Instant::now(), |e: kernel::Error| e.internal_text());
    let before = at_rest(admin, id).await?["OS-EXT-SRV-ATTR:host"].clone();
    let path = format!("/servers/{id}");
    let body = json!({"os-migrateLive": {"host": null, "block_migration": "auto"}});
    admin.post("compute", &format!("{path}/action"), body).await.map_err(text)?;
    if way == "post-copy" {
        hasten(admin, &path).await?;
    }
    let after = at_rest(admin, id).await?["OS-EXT-SRV-ATTR:host"].clone();
    if after == before { Err(format!("the server is still on {before}")) } else { Ok(began.elapsed()) }
}

/// Asks for the end as soon as memory is on its way.
async fn hasten(admin: &Cloud, path: &str) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let all = admin.get("compute", &format!("{path}/migrations")).await.map_err(|e| e.internal_text())?;
        if let Some(number) = all["migrations"][0]["id"].as_u64() {
            let force = json!({"force_complete": null});
            if admin.post("compute", &format!("{path}/migrations/{number}/action"), force).await.is_ok() {
                return Ok(());
            }
        }
        if began.elapsed() > PATIENCE {
            return Err("post-copy could not be asked for".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
