//! The process that owns the driver is killed with SIGKILL, anywhere; guests go on, and the next driver has them all.
//!
//! The test runs itself again as the victim (`victim` below, told so by the environment). The victim drives a few guests through
//! random changes until it dies. Then the test opens a driver on the same directory and looks: every guest is in a state that
//! the victim could have left, has one process or none, obeys, and goes without a trace.

use crate::{
    bench::{QemuBench, processes, without_qemu},
    guest,
};
use compute::driver::*;
use drivers_virt::{
    conformance::{BOOTED, Bench, Manners, PATIENCE, eventually},
    qemu::{Qemu, QemuConfig},
};
use kernel::ServerId;
use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::{BuildHasher, Hasher},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

const TOLD: &str = "TSTACK_TEST_VICTIM";
const FENCE: Fence = Fence { generation: 1 };

/// Runs this binary again as a victim.
fn victim_of(bench: &QemuBench, specs: &[VmSpec], seed: u64) -> Child {
    let told = serde_json::json!({"dir": bench.dir.path(), "specs": specs, "seed": seed});
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "killed::victim", "--nocapture"]).env(TOLD, told.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[derive(serde::Deserialize)]
struct Told {
    dir: PathBuf,
    specs: Vec<VmSpec>,
    seed: u64,
}

/// Not a test of its own: what the killed process does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Ok(told) = env::var(TOLD) else { return };
    let told: Told = serde_json::from_str(&told).unwrap();
    let driver = Qemu::open(victims_config(&told.dir)).await.unwrap();
    println!("\nopen");
    let mut random = Random(told.seed);
    loop {
        let spec = &told.specs[random.below(told.specs.len() as u64) as usize];
        let (server, disk) = (&spec.server, extra_disk(&told.dir, spec));
        let soft = RebootMode::Soft { timeout: Duration::from_secs(60) };
        let copy = told.dir.join(format!("copy-{server}"));
        // What is refused in a state is refused; only death matters here.
        let _ = match random.below(10) {
            0..3 => driver.start(spec, FENCE).await,
            3 => driver.stop(server, StopMode::Force, FENCE).await,
            4 => driver.pause(server, FENCE).await,
            5 => driver.resume(server, FENCE).await,
            6 => driver.reboot(spec, if random.below(2) == 0 { soft } else { RebootMode::Hard }, FENCE).await,
            7 => driver.attach_disk(server, &disk, FENCE).await,
            8 => driver.copy_disk(server, "root", &copy, Quiesce::No).await,
            _ => driver.destroy(server, FENCE).await,
        };
    }
}

fn victims_config(dir: &Path) -> QemuConfig {
    crate::bench::config(dir)
}

fn extra_disk(dir: &Path, spec: &VmSpec) -> Disk {
    let path = dir.join(format!("extra-{}", spec.server));
    Disk {
        id: "extra".into(),
        source: DiskSource::File { path, format: DiskFormat::Raw },
        boot_index: None,
        slot: 1,
        ..spec.disks[0].clone()
    }
}

struct Random(u64);

impl Random {
    /// xorshift64*
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

async fn guests(bench: &QemuBench) -> Vec<VmSpec> {
    let mut specs = Vec::new();
    for _ in 0..3 {
        let spec = bench.spec(Manners::Obeys).await;
        fs::write(bench.dir.path().join(format!("extra-{}", spec.server)), vec![0; 1 << 20]).unwrap();
        specs.push(spec);
    }
    specs
}

/// Kills the victim at a moment of the seed's choosing, after it has opened its driver.
fn kill_victim(mut victim: Child, after: Duration) {
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "open"), "the victim opens its driver");
    std::thread::sleep(after);
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_killed_anywhere_is_taken_over() {
    if without_qemu() || env::var_os(TOLD).is_some() {
        return;
    }
    let rounds = env::var("TSTACK_KILL_ROUNDS").map_or(6, |n| n.parse().unwrap());
    let seed =
        env::var("TSTACK_SEED").map_or_else(|_| RandomState::new().build_hasher().finish() | 1, |s| s.parse().unwrap());
    println!("TSTACK_SEED={seed}");
    let mut random = Random(seed);
    let bench = QemuBench::closed(|_| {});
    let specs = guests(&bench).await;
    for round in 0..rounds {
        let after = Duration::from_millis(random.below(3000));
        kill_victim(victim_of(&bench, &specs, random.0), after);
        bench.open().await;
        for spec in &specs {
            let what = format!("seed {seed}, round {round}, server {}", spec.server);
            check(&bench, spec, &what).await;
        }
        bench.close().await;
    }
    bench.open().await;
    for spec in &specs {
        bench.driver().destroy(&spec.server, FENCE).await.unwrap();
        assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
    }
}

async fn check(bench: &QemuBench, spec: &VmSpec, what: &str) {
    let (driver, server) = (bench.driver(), &spec.server);
    let status = driver.status(server).await.unwrap();
    println!("{what}: {:?} {:?}", status.state, status.disks);
    let alive = processes(server).len();
    match status.state {
        VmState::Running | VmState::Paused => assert_eq!(alive, 1, "{what}"),
        VmState::Absent => assert_eq!(bench.leftovers(server).await, Vec::<String>::new(), "{what}"),
        VmState::Shutdown => assert_eq!(alive, 0, "{what}"),
        VmState::Suspended => panic!("{what}: nothing was suspended here"),
        VmState::Crashed => panic!("{what}: nothing crashed here"),
        VmState::Arriving => panic!("{what}: nothing comes from elsewhere"),
    }
    if status.state == VmState::Paused {
        driver.resume(server, FENCE).await.unwrap();
    }
    if alive == 1 {
        let hardware = bench.hardware(server).await;
        assert_eq!(hardware.iter().any(|d| d.ends_with(" extra")), status.disks.contains(&"extra".into()), "{what}");
        // Its driver's death was no reason for a guest to fall silent.
        let soft = RebootMode::Soft { timeout: PATIENCE };
        eventually(what, async || up(&driver, server).await >= 1).await;
        let before = up(&driver, server).await;
        driver.reboot(spec, soft, FENCE).await.unwrap();
        eventually(what, async || up(&driver, server).await > before).await;
    } else {
        driver.start(spec, FENCE).await.unwrap();
    }
}

async fn up(driver: &std::sync::Arc<dyn Hypervisor>, server: &ServerId) -> usize {
    driver.console_log(server, Tail::All).await.unwrap().matches(BOOTED).count()
}

#[test]
fn the_guest_fits_a_sector() {
    let dir = tempfile::tempdir().unwrap();
    guest::write_disk(&dir.path().join("x"));
}
