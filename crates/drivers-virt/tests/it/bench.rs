//! A host for the QEMU driver: its directory, taps, a control group, and hands in its guests.

use crate::{guest, litter};
use async_trait::async_trait;
use cluster::{Authority, NodeIdentity};
use compute::driver::*;
use drivers_virt::{
    conformance::{Bench, Manners, Meanwhile, PATIENCE, eventually, plain_spec},
    key_file::KeyFile,
    qemu::{Acceleration, Crossing, Qemu, QemuConfig},
};
use kernel::{HostName, NetworkId, PortId, ServerId};
use parking_lot::Mutex;
use ports::KeyBytes;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

/// The tests of this file need QEMU and root. They do not skip by themselves: whoever has neither says so.
pub fn without_qemu() -> bool {
    std::env::var_os("TSTACK_NO_QEMU").is_some()
}

const HERE: &str = "h1";

pub struct QemuBench {
    pub dir: TempDir,
    pub config: QemuConfig,
    driver: Mutex<Option<Arc<Qemu>>>,
    other: tokio::sync::OnceCell<Arc<Qemu>>,
    taps: Mutex<Vec<String>>,
    held: Mutex<HashMap<ServerId, Arc<AtomicBool>>>,
}

impl QemuBench {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut QemuConfig)) -> Self {
        let bench = Self::closed(change);
        bench.open().await;
        bench
    }

    /// A host on which no driver is open yet.
    pub fn closed(change: impl FnOnce(&mut QemuConfig)) -> Self {
        litter::of_the_dead();
        let dir = litter::dir();
        let mut config = config(dir.path());
        change(&mut config);
        Self {
            dir,
            config,
            driver: Mutex::new(None),
            other: Default::default(),
            taps: Mutex::default(),
            held: Mutex::default(),
        }
    }

    pub async fn open(&self) {
        let driver = Qemu::open(self.config.clone()).await.unwrap();
        *self.driver.lock() = Some(Arc::new(driver));
    }

    pub async fn close(&self) {
        let driver = self.driver.lock().take().unwrap();
        Arc::into_inner(driver).expect("nobody uses the driver any more").close().await;
    }

    pub fn qemu(&self) -> Arc<Qemu> {
        self.driver.lock().clone().unwrap()
    }

    pub fn vm_dir(&self, server: &ServerId) -> PathBuf {
        self.config.state_dir.join("vms").join(server.as_str())
    }

    /// Speaks to QEMU past the driver.
    pub fn ask(&self, server: &ServerId, command: &str, arguments: Value) -> Value {
        ask(&self.vm_dir(server).join("mon.sock"), command, arguments)
    }

    pub fn pid(&self, server: &ServerId) -> u32 {
        fs::read_to_string(self.vm_dir(server).join("pid")).unwrap().trim().parse().unwrap()
    }

    /// A tap of this bench's own, for so many queues.
    pub fn tap(&self, queues: u32) -> String {
        let name = litter::tap();
        let multi: &[&str] = if queues > 1 { &["multi_queue"] } else { &[] };
        ip(&[&["tuntap", "add", "dev", &name, "mode", "tap"], multi].concat());
        self.taps.lock().push(name.clone());
        name
    }
}

/// Answers like qemu-ga, for a guest that is too small for one, where QEMU would bring the questions to it.
fn serve_agent(listener: UnixListener, held: Arc<AtomicBool>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let held = Arc::clone(&held);
        std::thread::spawn(move || {
            let mut answers = stream.try_clone().unwrap();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let asked: Value = serde_json::from_str(&line).unwrap();
                let answer = match asked["execute"].as_str().unwrap() {
                    "guest-sync" => json!({"return": asked["arguments"]["id"]}),
                    "guest-fsfreeze-freeze" if held.swap(true, Ordering::SeqCst) => {
                        json!({"error": {"class": "GenericError", "desc": "the command is not allowed"}})
                    }
                    "guest-fsfreeze-freeze" => json!({"return": 1}),
                    "guest-fsfreeze-thaw" => json!({"return": u64::from(held.swap(false, Ordering::SeqCst))}),
                    other => panic!("the agent was asked for {other}"),
                };
                if writeln!(answers, "{answer}").is_err() {
                    return;
                }
            }
        });
    }
}

/// A host of a region, with a certificate of its own.
fn crossing(dir: &Path, name: &str) -> Crossing {
    let authority = Authority::open(&dir.join("ca")).unwrap();
    let identity = dir.join("identity").join(name);
    NodeIdentity::of_member(&identity, &authority, name, &["127.0.0.1".into()]).unwrap();
    Crossing { name: name.into(), address: [127, 0, 0, 1].into(), ports: Crossing::PORTS, identity }
}

pub fn config(dir: &Path) -> QemuConfig {
    QemuConfig {
        crossing: Some(crossing(dir, HERE)),
        acceleration: Acceleration::Tcg,
        run_dir: dir.join("run"),
        cgroup: litter::group(dir),
        detach_patience: Duration::from_secs(20),
        ..QemuConfig::new(dir.join("virt"))
    }
}

fn ip(args: &[&str]) {
    let done = Command::new("ip").args(args).output().unwrap();
    assert!(done.status.success(), "ip {args:?} (these tests need root): {done:?}");
}

pub fn ask(socket: &Path, command: &str, arguments: Value) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for (command, arguments) in [("qmp_capabilities", json!({})), (command, arguments)] {
        writeln!(stream, "{}", json!({"execute": command, "arguments": arguments})).unwrap();
    }
    // The greeting, the answer to the first command, and whatever happens meanwhile.
    let mut answers = lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let answer = answers.by_ref().filter(|m| m.get("return").is_some() || m.get("error").is_some()).nth(1).unwrap();
    answer.get("return").cloned().unwrap_or_else(|| panic!("{command}: {answer}"))
}

pub fn kill(pid: u32, signal: &str) {
    let done = Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(done.success());
}

pub async fn gone(pid: u32) {
    eventually("the process is gone", async || {
        fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    })
    .await;
}

/// Pids of processes with `word` in their command line.
pub fn processes(word: &str) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|e| e.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        *pid != std::process::id()
            && fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|c| String::from_utf8_lossy(&c).contains(word))
    })
    .collect()
}

#[async_trait]
impl Bench for QemuBench {
    fn driver(&self) -> Arc<dyn Hypervisor> {
        self.driver.lock().clone().unwrap()
    }

    async fn reopen(&self, meanwhile: &[Meanwhile<'_>]) {
        self.close().await;
        for happening in meanwhile {
            match happening {
                Meanwhile::PowersOff(server) => {
                    self.power_off(server).await;
                    eventually("the guest is off", async || {
                        self.ask(server, "query-status", json!({}))["status"] == "shutdown"
                    })
                    .await;
                }
                Meanwhile::Crashes(server) => self.crash(server).await,
            }
        }
        self.open().await;
    }

    async fn spec(&self, manners: Manners) -> VmSpec {
        let mut spec = plain_spec();
        spec.disks = vec![Disk { id: "root".into(), boot_index: Some(0), ..self.disk(&spec, 0).await }];
        let DiskSource::File { path, .. } = &spec.disks[0].source else { unreachable!() };
        if manners == Manners::Obeys {
            guest::write_disk(path);
        }
        spec.nics = vec![self.nic(&spec, 0).await];
        spec
    }

    async fn disk(&self, spec: &VmSpec, slot: u8) -> Disk {
        let path = self.dir.path().join(format!("{}-{slot}.raw", spec.server));
        fs::write(&path, vec![0; 1 << 20]).unwrap();
        Disk {
            id: format!("disk-{slot}"),
            source: DiskSource::File { path, format: DiskFormat::Raw },
            bus: DiskBus::Virtio,
            serial: format!("serial-{slot}"),
            boot_index: None,
            read_only: false,
            slot,
            volume: None,
            io: IoLimits::default(),
            encryption: DiskEncryption::None,
        }
    }

    async fn other(&self) -> Arc<dyn Hypervisor> {
        let open = async || {
            let dir = self.dir.path();
            let crossing = Some(crossing(dir, "h2"));
            let config =
                QemuConfig { state_dir: dir.join("other"), run_dir: dir.join("run2"), crossing, ..self.config.clone() };
            Arc::new(Qemu::open(config).await.unwrap())
        };
        Arc::clone(self.other.get_or_init(open).await) as Arc<dyn Hypervisor>
    }

    async fn twin(&self, spec: &VmSpec) -> VmSpec {
        let mut twin = spec.clone();
        for disk in twin.disks.iter_mut().filter(|d| d.volume.is_none()) {
            let DiskSource::File { path, .. } = &mut disk.source else { unreachable!() };
            let size = fs::metadata(&*path).unwrap().len();
            *path = path.with_extension("other");
            fs::File::create(path).unwrap().set_len(size).unwrap();
        }
        if let Some(tpm) = &mut twin.hardware.tpm {
            tpm.state = tpm.state.with_extension("other");
            fs::create_dir_all(&tpm.state).unwrap();
        }
        twin.nics.iter_mut().for_each(|nic| nic.tap = self.tap(spec.hardware.queues_of(&nic.model)));
        twin
    }

    fn name(&self) -> HostName {
        HERE.into()
    }

    async fn encrypted_disk(&self, spec: &VmSpec, slot: u8, key: &KeyBytes) -> Disk {
        let disk = self.disk(spec, slot).await;
        let DiskSource::File { path, .. } = &disk.source else { unreachable!() };
        let key = KeyFile::new(key).unwrap();
        let secret = format!("secret,id=key,file={}", key.path().display());
        let options = "key-secret=key,cipher-alg=aes-256,cipher-mode=xts,iter-time=10";
        // QEMU gives up where it cannot measure its speed; the next try is another measurement.
        eventually("a header is written", async || {
            let mut create = Command::new("qemu-img");
            create.args(["create", "-q", "-f", "luks", "--object", &secret, "-o", options]).arg(path).arg("4M");
            create.status().unwrap().success()
        })
        .await;
        disk
    }

    async fn tpm(&self, spec: &VmSpec, version: TpmVersion, model: TpmModel) -> Tpm {
        let state = self.dir.path().join(format!("{}-tpm", spec.server));
        fs::create_dir(&state).unwrap();
        Tpm { state, key: Some(KeyBytes::new(b"a passphrase".to_vec())), ..Tpm::new(version, model) }
    }

    async fn nic(&self, spec: &VmSpec, slot: u8) -> Nic {
        Nic {
            port: PortId::new(),
            network: NetworkId::new(),
            mac: format!("52:54:00:12:34:{slot:02x}"),
            mtu: 1450,
            tap: self.tap(spec.hardware.queues_of("virtio")),
            slot,
            model: "virtio".into(),
            addresses: Vec::new(),
        }
    }

    async fn power_off(&self, server: &ServerId) {
        self.ask(server, "system_powerdown", json!({}));
    }

    async fn crash(&self, server: &ServerId) {
        let pid = self.pid(server);
        kill(pid, "-9");
        gone(pid).await;
    }

    /// Name, bus, slot and function of every PCI device.
    async fn hardware(&self, server: &ServerId) -> Vec<String> {
        fn collect(devices: &Value, all: &mut Vec<String>) {
            for d in devices.as_array().into_iter().flatten() {
                let id = d["qdev_id"].as_str().unwrap_or_default();
                all.push(format!("{}:{}.{} {} {id}", d["bus"], d["slot"], d["function"], d["id"]["device"]));
                collect(&d["pci_bridge"]["devices"], all);
            }
        }
        let mut all = Vec::new();
        for bus in self.ask(server, "query-pci", json!({})).as_array().unwrap() {
            collect(&bus["devices"], &mut all);
        }
        let machine = self.ask(server, "qom-get", json!({"path": "/machine", "property": "type"}));
        all.push(format!("machine {}", machine.as_str().unwrap().trim_end_matches("-machine")));
        for tpm in self.ask(server, "query-tpm", json!({})).as_array().unwrap() {
            let model = if tpm["model"] == "tpm-crb" { TpmModel::Crb } else { TpmModel::Tis };
            all.push(format!("tpm {model:?}"));
        }
        all.sort();
        all
    }

    async fn agent(&self, server: &ServerId) {
        let (socket, held) = (self.vm_dir(server).join("agent.sock"), Arc::<AtomicBool>::default());
        fs::remove_file(&socket).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        self.held.lock().insert(server.clone(), Arc::clone(&held));
        std::thread::spawn(move || serve_agent(listener, held));
    }

    async fn is_held(&self, server: &ServerId) -> bool {
        self.held.lock()[server].load(Ordering::SeqCst)
    }

    /// As the kernel counts them: those in use, and those that the guest has not begun to use yet.
    async fn queues(&self, server: &ServerId, port: &PortId) -> u32 {
        let record: Value = serde_json::from_slice(&fs::read(self.vm_dir(server).join("spec.json")).unwrap()).unwrap();
        let nics = record["spec"]["nics"].as_array().unwrap().clone();
        let nic = nics.iter().find(|nic| nic["port"] == port.as_str()).unwrap();
        let shown =
            Command::new("ip").args(["-d", "-j", "link", "show", nic["tap"].as_str().unwrap()]).output().unwrap();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let info = &shown[0]["linkinfo"]["info_data"];
        if info["multi_queue"] != true {
            return 1;
        }
        let queues = (info["numqueues"].as_u64().unwrap() + info["numdisabled"].as_u64().unwrap()) as u32;
        let device = format!("/machine/peripheral/nic-{port}");
        let property = |name: &str| self.ask(server, "qom-get", json!({"path": device, "property": name}));
        assert_eq!((property("mq"), property("vectors")), (json!(true), json!(2 * queues + 2)));
        queues
    }

    async fn leftovers(&self, server: &ServerId) -> Vec<String> {
        let mut left: Vec<_> = processes(server).iter().map(|pid| format!("process {pid}")).collect();
        let groups = ["cpu", "unified", ""].map(|h| Path::new("/sys/fs/cgroup").join(h).join(&self.config.cgroup));
        let paths = groups.iter().map(|g| g.join(server.as_str())).chain([self.vm_dir(server)]);
        left.extend(paths.filter(|p| p.exists()).map(|p| p.display().to_string()));
        left
    }

    fn scratch(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for QemuBench {
    /// A failed case leaves guests, and their groups.
    fn drop(&mut self) {
        drop(self.driver.lock().take());
        drop(self.other.take());
        self.taps.lock().iter().for_each(|tap| litter::remove_tap(tap));
        litter::remove_host(self.dir.path());
    }
}

/// A process that ends with its test.
pub struct Served(pub Child);

impl Served {
    /// Serves a raw file as the export `volume`.
    pub fn new(socket: &Path, file: &Path) -> Self {
        let mut nbd = Command::new("qemu-nbd");
        nbd.args(["-f", "raw", "-t", "-e", "4", "-x", "volume", "-k"]).arg(socket).arg(file);
        Self(nbd.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
