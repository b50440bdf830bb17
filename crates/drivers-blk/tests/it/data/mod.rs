//! The truth of data: whatever is killed at whatever moment, no acknowledged byte is wrong.
//!
//! ```text
//!   writer ── NBD ──▶ export ──▶ pool          killed at random: the storage daemon (the guest's QEMU, over Ceph), the agent at its
//!      │                          ▲            work, an OSD; the writer's connection is cut
//!      └ what it was told         └ keeper (the agent): snapshots, extends, backs up meanwhile
//! ```
//!
//! After each round all that was ever written is read and compared with what the writer was told. A snapshot that was taken meanwhile
//! must show one moment; a backup, made of it on top of the one before, gives back the snapshot byte by byte; a volume that grew
//! is written to its end. `cargo xtask prove data` sets more rounds (`TSTACK_DATA_ROUNDS`) and another seed (`TSTACK_DATA_SEED`).

mod disk;
mod keeper;

use crate::{
    rig::{kill, pids_of},
    support::{
        ceph::Ceph,
        pattern::{BLOCK, History},
    },
};
use disk::{Disk, Safe};
use keeper::{Keeper, Place};
use kernel::VolumeId;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};
use volume::driver::Target;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// A guest's QEMU as far as its disk goes, over Ceph: it serves the image on a socket, so that the same writer can write.
struct Qemu {
    process: Child,
    image: String,
    socket: PathBuf,
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Qemu {
    fn start(target: &Target, socket: &Path) -> Self {
        let Target::Rbd { pool, namespace, image, user, conf, .. } = target else { panic!("{target:?}") };
        let mut node = serde_json::json!({
            "driver": "rbd", "node-name": "disk", "pool": pool, "image": image, "user": user, "conf": conf,
        });
        if let Some(namespace) = namespace {
            node["namespace"] = serde_json::json!(namespace);
        }
        let export = VolumeId::from(image.trim_start_matches("volume-"));
        let process = spawn(&node.to_string(), &export, socket);
        Self { process, image: node.to_string(), socket: socket.to_owned() }
    }

    /// `kill -9`, and another in its place.
    fn kill(&mut self, export: &VolumeId) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(&self.image, export, &self.socket);
    }
}

fn spawn(node: &str, export: &VolumeId, socket: &Path) -> Child {
    // The socket of one that was killed.
    let _ = std::fs::remove_file(socket);
    Command::new("qemu-storage-daemon")
        .args(["--blockdev", node, "--nbd-server"])
        .arg(format!("addr.type=unix,addr.path={},max-connections=8", socket.display()))
        .args(["--export", &format!("type=nbd,id=e,node-name=disk,name={export},writable=on")])
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Everything of one proof.
struct Stage {
    place: Place,
    volume: VolumeId,
    keeper: Keeper,
    disk: Disk,
    qemu: Option<Qemu>,
    gib: u64,
    /// The newest backup: its name.
    backup: Option<String>,
    killed: BTreeMap<&'static str, u32>,
    moments: u32,
}

/// Storage daemons outlive whoever started them.
impl Drop for Stage {
    fn drop(&mut self) {
        self.keeper.end();
        pids_of(&self.place.dir).into_iter().for_each(kill);
    }
}

impl Stage {
    fn new(place: Place) -> Self {
        let volume = VolumeId::new();
        let mut keeper = Keeper::start(&place, &volume);
        keeper.asked("create 1");
        let mut stage = Self {
            disk: Disk {
                socket: PathBuf::new(),
                export: volume.to_string(),
                safe: if place.ceph.is_some() { Safe::AfterFlush } else { Safe::AtOnce },
                history: Arc::new(Mutex::new(History::default())),
                cut: Arc::default(),
            },
            place,
            volume: volume.clone(),
            keeper,
            qemu: None,
            gib: 1,
            backup: None,
            killed: BTreeMap::new(),
            moments: 0,
        };
        let (socket, qemu) = stage.served(&volume);
        (stage.disk.socket, stage.qemu) = (socket, qemu);
        stage
    }

    /// Where a volume can be written to.
    fn served(&mut self, id: &VolumeId) -> (PathBuf, Option<Qemu>) {
        let target: Target = serde_json::from_str(&self.keeper.asked(&format!("export {id}"))).unwrap();
        match &target {
            Target::NbdUnix { socket, .. } => (socket.clone(), None),
            _ => {
                let socket = self.place.dir.join(format!("{}.q", &id.as_str()[..8]));
                (socket.clone(), Some(Qemu::start(&target, &socket)))
            }
        }
    }

    /// Kills something; a QEMU over Ceph not while a snapshot is being taken, which then is of no moment that the writer knows.
    fn kill(&mut self, rng: &mut StdRng, at_work: bool, ceph: Option<&Mutex<Ceph>>) {
        let victim = match rng.random_range(0..4) {
            0 => "agent",
            1 => "connection",
            2 if ceph.is_some() => "OSD",
            _ if ceph.is_some() && at_work => "agent",
            _ if ceph.is_some() => "QEMU",
            _ => "storage daemon",
        };
        match victim {
            "agent" => self.keeper.kill(),
            "connection" => self.disk.cut.store(true, Ordering::Relaxed),
            "OSD" => {
                let (osd, ceph) = (format!("osd.{}", rng.random_range(0..3)), ceph.expect("there is one"));
                ceph.lock().kill(&osd);
                thread::sleep(Duration::from_millis(rng.random_range(0..500)));
                ceph.lock().spawn(&osd);
            }
            "QEMU" => self.qemu.as_mut().expect("over Ceph there is one").kill(&self.volume),
            _ => pids_of(&self.place.dir).into_iter().for_each(kill),
        }
        *self.killed.entry(victim).or_default() += 1;
    }

    /// Writes, meanwhile works on the volume, and kills; then reads everything.
    fn round(&mut self, rng: &mut StdRng, ceph: Option<&Mutex<Ceph>>) {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = self.disk.writer(StdRng::seed_from_u64(rng.random()), Arc::clone(&stop));
        let pause = |rng: &mut StdRng, most: u64| thread::sleep(Duration::from_millis(rng.random_range(5..most)));
        pause(rng, 200);
        let snapshot = kernel::SnapshotId::new();
        let (work, least) = match rng.random_range(0..4) {
            0 => {
                self.gib += 1;
                (Some(format!("extend {}", self.gib)), None)
            }
            1 | 2 => (Some(format!("snapshot {snapshot}")), Some(self.disk.history.lock().last_acknowledged())),
            _ => (None, None),
        };
        if let Some(work) = &work {
            self.keeper.begin(work);
        }
        pause(rng, 300);
        let agents = self.killed.get("agent").copied();
        self.kill(rng, work.is_some(), ceph);
        if let Some(work) = &work {
            // Whoever comes after one that was killed is asked again.
            if self.killed.get("agent").copied() == agents {
                self.keeper.heard()
            } else {
                Some(self.keeper.asked(work))
            }
            .expect("it was done");
        }
        pause(rng, 200);
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("the writer comes through");
        if work.as_ref().is_some_and(|w| w.starts_with("extend")) {
            self.grown();
        }
        if let Some(least) = least {
            self.moment(snapshot.as_str(), least);
        }
        self.disk.verify();
    }

    fn grown(&mut self) {
        if let Some(qemu) = &mut self.qemu {
            // What a guest is told by `block_resize`, this one learns by starting anew.
            qemu.kill(&self.volume);
        }
        self.disk.reaches_its_end(self.gib << 30);
    }

    /// What a copy of the volume shows.
    fn copied(&mut self, what: &str, of: &str) -> BTreeMap<u64, u64> {
        let id = VolumeId::new();
        self.keeper.asked(&format!("copy {id} {what} {of} {}", self.gib));
        let (socket, qemu) = self.served(&id);
        let shown = Disk { socket, export: id.to_string(), ..self.disk.clone() }.shown();
        drop(qemu);
        self.keeper.asked(&format!("remove {id}"));
        shown
    }

    /// The snapshot is of one moment; the backup of it, on top of the last, is the same.
    fn moment(&mut self, snapshot: &str, least: u64) {
        let shown = self.copied("snapshot", snapshot);
        self.disk.history.lock().is_a_moment(&shown, least).unwrap_or_else(|e| panic!("snapshot {snapshot}: {e}"));
        self.moments += 1;
        let name = format!("b{}", self.moments);
        let parent = self.backup.replace(name.clone()).unwrap_or("-".into());
        self.keeper.asked(&format!("backup {name} {snapshot} {parent}"));
        assert!(
            self.copied("backup", &name) == shown,
            "backup {name}, an increment of {parent}, is not what snapshot {snapshot} shows"
        );
        self.keeper.asked(&format!("unsnap {snapshot}"));
    }
}

fn prove(name: &str, place: Place, rounds: u64, ceph: Option<&Mutex<Ceph>>) {
    let seed = setting("TSTACK_DATA_SEED", 1);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut stage = Stage::new(place);
    let began = Instant::now();
    for round in 1..=rounds {
        stage.round(&mut rng, ceph);
        if round % 10 == 0 {
            println!("round {round} of {rounds}, {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    let blocks = stage.disk.verify();
    println!(
        "data {name}: {rounds} rounds from seed {seed}, {} writes over {blocks} blocks of {BLOCK} bytes, killed {:?}, {} snapshots each of one moment and each the same from its backup, grown to {} GiB: no acknowledged byte is wrong",
        stage.disk.history.lock().last_acknowledged(),
        stage.killed,
        stage.moments,
        stage.gib
    );
    let volume = stage.volume.clone();
    drop(stage.qemu.take());
    stage.keeper.asked(&format!("remove {volume}"));
}

#[test]
fn files_keep_what_they_acknowledged() {
    let dir = tempfile::Builder::new().prefix("data").tempdir().unwrap();
    prove("file", Place { dir: dir.path().to_owned(), ceph: None }, setting("TSTACK_DATA_ROUNDS", 6), None);
}

/// Part of [`crate::rbd`]'s test where it is short: a cluster takes long to make.
pub fn images_keep_what_they_acknowledged(ceph: &Mutex<Ceph>, rounds: u64) {
    let dir = tempfile::Builder::new().prefix("data").tempdir().unwrap();
    // Each lock is let go before the next is taken.
    let conf = ceph.lock().conf();
    let pool = ceph.lock().namespace("data");
    prove("rbd", Place { dir: dir.path().to_owned(), ceph: Some((conf, pool)) }, rounds, Some(ceph));
}

#[test]
fn a_cluster_keeps_what_it_acknowledged() {
    let rounds = setting("TSTACK_DATA_CEPH_ROUNDS", 0);
    if rounds > 0 {
        let dir = tempfile::Builder::new().prefix("ceph").tempdir().unwrap();
        images_keep_what_they_acknowledged(&Mutex::new(Ceph::start(dir.path(), 3)), rounds);
    }
}
