//! Hosts, guests and a small cloud's worth of logical objects.

use drivers_net::{
    lab::{Lab, LabConfig},
    link,
    netns::{self, Netns},
    ovn::{OvnBackend, OvnConfig, Settings},
    system::{CentralConfig, Datapath, External, HostNetConfig, OvnCentral, OvsHost},
};
use kernel::{PortId, SystemClock};
use network::driver::{HostNetwork, LPort, NetworkBackend, PlugSpec};
use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// How long a test waits for anything: never reached unless something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const PHYSICAL: &str = "public";

/// True if this machine is not to have OVN; says so once a test.
pub fn skipped() -> bool {
    let skip = std::env::var_os("TSTACK_NO_OVN").is_some_and(|v| v == "1");
    if skip {
        eprintln!("skipped: TSTACK_NO_OVN=1");
    }
    skip
}

/// Waits for a condition, and says what was waited for if it does not come.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn fresh_prefix() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let digit = |n: u32| char::from_digit(n % 36, 36).unwrap();
    let (pid, n) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    // A letter first; four characters leave room for a host's number.
    [char::from_digit(10 + n % 26, 36).unwrap(), digit(pid / 1296), digit(pid / 36), digit(pid)].into_iter().collect()
}

pub struct Rig {
    /// Whatever bears it is taken away with the rig.
    pub prefix: String,
    dir: PathBuf,
    lab: Option<LabConfig>,
    pub central: CentralConfig,
    pub configs: Vec<HostNetConfig>,
    pub hosts: Vec<OvsHost>,
    pub running: Option<OvnCentral>,
    pub backend: OvnBackend,
    /// A namespace on the external network that is no guest.
    pub outside: Netns,
}

impl Rig {
    /// One host, itself on the external network: what quickstart makes.
    pub async fn single() -> Self {
        let mut guard = Guard::new().await;
        let prefix = guard.prefix.clone();
        let netns = format!("{prefix}-h1");
        netns::ensure(&netns).await.unwrap();
        let dir = guard.dir();
        let central = CentralConfig { state_dir: dir.join("ovn"), netns: Some(netns.clone()), listen: None };
        let external = External {
            physical: PHYSICAL.into(),
            addresses: vec!["172.24.4.1/24".parse().unwrap()],
            masquerade: true,
            nic: None,
        };
        let config = HostNetConfig {
            state_dir: dir.join("h1"),
            netns: Some(netns.clone()),
            prefix: format!("{prefix}1"),
            system_id: "h1".into(),
            encap_ip: [127, 0, 0, 1].into(),
            underlay: None,
            datapath: Datapath::Auto,
            southbound: central.southbound().to_string(),
            external: vec![external],
            gateway: true,
        };
        let rig = Self::start(prefix, dir, None, central, vec![config], Netns::named(netns), Settings::default()).await;
        guard.armed = false;
        rig
    }

    /// Hosts joined by a cable for tunnels, and an outside that is none of them.
    pub async fn lab(nodes: u8, settings: Settings) -> Self {
        let mut guard = Guard::new().await;
        let prefix = guard.prefix.clone();
        let (dir, outside) = (guard.dir(), format!("{prefix}-outside"));
        let config = LabConfig { outside: Some(outside.clone()), ..LabConfig::new(prefix.clone(), nodes) };
        let nodes = Lab::up(&config).await.unwrap();
        let first = &nodes[0];
        let central = CentralConfig {
            state_dir: dir.join("ovn"),
            netns: Some(first.netns.clone()),
            listen: Some((first.address.into(), 6641, 6642)),
        };
        let southbound = |number: u8| match number {
            1 => central.southbound().to_string(),
            _ => format!("tcp:{}:6642", first.address),
        };
        let configs =
            nodes.iter().map(|n| n.network(dir.join(n.name.as_str()), PHYSICAL, southbound(n.number))).collect();
        let rig =
            Self::start(prefix, dir, Some(config), central.clone(), configs, Netns::named(outside), settings).await;
        guard.armed = false;
        rig
    }

    async fn start(
        prefix: String,
        dir: PathBuf,
        lab: Option<LabConfig>,
        central: CentralConfig,
        configs: Vec<HostNetConfig>,
        outside: Netns,
        settings: Settings,
    ) -> Self {
        let running = OvnCentral::ensure(&central).await.unwrap();
        let mut hosts = Vec::new();
        for config in &configs {
            hosts.push(OvsHost::ensure(config.clone()).await.unwrap());
        }
        let backend = OvnBackend::start(OvnConfig {
            northbound: vec![central.northbound()],
            southbound: vec![central.southbound()],
            settings,
            clock: SystemClock::shared(),
        });
        backend.ready(PATIENCE).await.unwrap();
        Self { prefix, dir, lab, central, configs, hosts, running: Some(running), backend, outside }
    }

    /// A namespace with one device, plugged as this port's on this host (counted from 0). It has the port's MAC, but no
    /// address yet.
    pub async fn guest(&self, host: usize, port: &LPort) -> Guest {
        let name = format!("{}-g{}", self.prefix, &port.id.as_str()[..8]);
        let tap = format!("tap{}", &port.id.as_str()[..11]);
        netns::ensure(&name).await.unwrap();
        let (inside, outer) = (Netns::named(&name), self.configs[host].netns());
        outer.ip(&[format!("link add {tap} type veth peer name eth0 netns {name}")]).await.unwrap();
        link::no_checksum_offload(&outer, &tap).await.unwrap();
        link::no_checksum_offload(&inside, "eth0").await.unwrap();
        inside.ip(&[format!("link set eth0 address {} mtu 1442 up", port.mac)]).await.unwrap();
        let (mac, network) = (port.mac.clone(), port.network.clone());
        let spec = PlugSpec { port: port.id.clone(), network, tap: tap.clone(), mac, mtu: 1442, multi_queue: false };
        self.hosts[host].network().plug(&spec).await.unwrap();
        Guest { netns: inside, port: port.id.clone(), tap }
    }

    /// As [`Rig::guest`], with the port's addresses set by hand and a default route, and waits until its port is up.
    pub async fn ready_guest(&self, host: usize, port: &LPort, gateway: &str) -> Guest {
        let guest = self.guest(host, port).await;
        let mut lines = Vec::new();
        for (address, _) in &port.addresses {
            let length = if address.is_ipv4() { 24 } else { 64 };
            lines.push(format!(
                "address replace {address}/{length} dev eth0 {}",
                if length == 64 { "nodad" } else { "" }
            ));
        }
        if !gateway.is_empty() {
            lines.push(format!("route replace default via {gateway}"));
        }
        guest.netns.ip(&lines).await.unwrap();
        self.up(&port.id).await;
        guest
    }

    pub fn northbound(&self) -> String {
        self.central.northbound().to_string()
    }

    /// Of a daemon of the first host; empty while it has none.
    pub fn pid(&self, daemon: &str) -> String {
        let file = self.configs[0].state_dir.join(format!("{daemon}.pid"));
        std::fs::read_to_string(file).unwrap_or_default().trim().to_owned()
    }

    pub async fn up(&self, port: &PortId) {
        eventually("the port comes up", || async { self.backend.port_up(port).await.unwrap() }).await;
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let (lab, central, configs) = (self.lab.take(), self.central.clone(), std::mem::take(&mut self.configs));
        // The supervisions go first: they would start again what is stopped below.
        self.hosts.clear();
        self.running = None;
        if std::thread::panicking() {
            keep_logs(&self.dir);
        }
        let (prefix, dir) = (self.prefix.clone(), self.dir.clone());
        blocking(async move {
            let mut failed = Vec::new();
            for config in &configs {
                failed.extend(OvsHost::down(config).await.err());
            }
            failed.extend(OvnCentral::down(&central).await.err());
            if let Some(lab) = &lab {
                failed.extend(Lab::down(lab).await.err());
            }
            sweep(&prefix).await;
            let _ = std::fs::remove_dir_all(dir);
            assert!(failed.is_empty() || std::thread::panicking(), "taking the rig down: {failed:?}");
        });
    }
}

/// Takes away what a rig that did not come to be has made.
struct Guard {
    prefix: String,
    armed: bool,
}

const DIRS: &str = "tsnet-";
/// In a rig's directory: the process of its test.
const OWNER: &str = "owner";

impl Guard {
    /// Of a rig that is about to be made.
    async fn new() -> Self {
        of_the_dead().await;
        Self { prefix: fresh_prefix(), armed: true }
    }

    fn dir(&self) -> PathBuf {
        let dir = Path::new("/tmp").join(format!("{DIRS}{}", self.prefix));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(OWNER), std::process::id().to_string()).unwrap();
        dir
    }
}

/// Takes away what tests have left that were killed.
async fn of_the_dead() {
    for entry in std::fs::read_dir("/tmp").into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some(prefix) = name.strip_prefix(DIRS) else { continue };
        let Ok(owner) = std::fs::read_to_string(entry.path().join(OWNER)) else { continue };
        if !Path::new("/proc").join(owner).exists() {
            kill_all(&entry.path());
            for name in netns::list(prefix) {
                let _ = netns::kill_inside(&name).await;
            }
            sweep(prefix).await;
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.armed {
            let prefix = self.prefix.clone();
            keep_logs(&self.dir());
            kill_all(&self.dir());
            let dir = self.dir();
            blocking(async move { sweep(&prefix).await });
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

fn keep_logs(dir: &Path) {
    for entry in walk(dir).into_iter().filter(|p| p.extension().is_some_and(|e| e == "log")) {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        let bad = |line: &&str| ["|WARN|", "|ERR|", "|EMER|"].iter().any(|level| line.contains(level));
        eprintln!("--- {}", entry.display());
        text.lines().filter(bad).take(20).for_each(|line| eprintln!("{line}"));
    }
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    entries.flat_map(|p| if p.is_dir() { walk(&p) } else { vec![p] }).collect()
}

/// Ends the processes whose pidfiles lie below the directory.
fn kill_all(dir: &Path) {
    for pidfile in walk(dir).into_iter().filter(|p| p.extension().is_some_and(|e| e == "pid")) {
        let pid = std::fs::read_to_string(pidfile).unwrap_or_default();
        let _ = std::process::Command::new("kill").args(["-9", pid.trim()]).status();
    }
}

async fn sweep(prefix: &str) {
    for name in netns::list(prefix) {
        let _ = netns::remove(&name).await;
    }
}

/// Runs to the end on a thread of its own: from a destructor, also while a runtime is running.
fn blocking(work: impl Future<Output = ()> + Send + 'static) {
    let body = move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    let done = std::thread::spawn(body).join();
    if let (Err(panic), false) = (done, std::thread::panicking()) {
        std::panic::resume_unwind(panic);
    }
}

pub struct Guest {
    pub netns: Netns,
    pub port: PortId,
    pub tap: String,
}

/// Answers every connection on this port with the peer's address, as long as the test runs.
pub async fn echo_peer(netns: &Netns, port: u16) {
    let listener = netns.run(move || TcpListener::bind(("::", port))).await.unwrap().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let peer = stream.peer_addr().map(|p| p.ip().to_canonical().to_string()).unwrap_or_default();
            let _ = stream.write_all(peer.as_bytes());
        }
    });
}

/// What the server on the other side answers, or `None` if nothing answers within a second.
pub async fn ask(netns: &Netns, to: &str, port: u16) -> Option<String> {
    ask_within(netns, to, port, Duration::from_secs(1)).await
}

/// As [`ask`], giving up sooner: a vain attempt takes all of `patience`, which is then how finely a change is timed.
pub async fn ask_within(netns: &Netns, to: &str, port: u16, patience: Duration) -> Option<String> {
    let to = SocketAddr::new(to.parse::<IpAddr>().unwrap(), port);
    let asking = move || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&to, patience)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    netns.run(asking).await.unwrap().ok()
}

/// Waits until the server answers, and says what.
pub async fn reached(netns: &Netns, to: &str, port: u16) -> String {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask(netns, to, port).await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{to}:{port} cannot be reached from {:?}", netns.name());
    }
}

/// Waits until nothing answers any more.
pub async fn closed(netns: &Netns, to: &str, port: u16) {
    eventually("nothing answers", || async { ask(netns, to, port).await.is_none() }).await;
}
