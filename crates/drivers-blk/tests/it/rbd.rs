//! Volumes in Ceph: the suite, and what only this pool has. One test for all, since a cluster takes ten seconds to make.

use crate::{
    rig::{HOST, Local, holds, size_of, small_image, write},
    support::{ceph::Ceph, guest::Guest},
};
use async_trait::async_trait;
use drivers_blk::{
    conformance::volumes::{Case, Outcome, PoolBench, eventually, fence, make, no_fetch, spec, together},
    rbd_volumes::{RbdVolumes, RbdVolumesConfig, doctor},
    volume_conformance,
};
use kernel::{Kind, SnapshotId, VolumeId};
use parking_lot::Mutex;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use volume::driver::{BackupPlace, BackupSpec, ImageBytes, ImageFetch, Target, VolumeBackend, VolumeSource};

/// The cluster that all cases of this process stand on.
static CEPH: OnceLock<Mutex<Ceph>> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

fn ceph() -> &'static Mutex<Ceph> {
    CEPH.get().expect("the test has started it")
}

struct Pool {
    config: RbdVolumesConfig,
    driver: Mutex<Option<RbdVolumes>>,
    scratch: PathBuf,
    dir: tempfile::TempDir,
}

impl Pool {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("rbd").tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        let ceph = ceph().lock();
        let place = ceph.namespace(&format!("case-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let config = RbdVolumesConfig { conf: ceph.conf(), ..RbdVolumesConfig::new(&place, dir.path().join("state")) };
        let driver = Mutex::new(Some(RbdVolumes::open(config.clone()).unwrap()));
        Self { config, driver, scratch, dir }
    }

    fn driver(&self) -> RbdVolumes {
        self.driver.lock().clone().expect("the pool is open")
    }

    fn place(&self) -> String {
        format!("{}/{}", self.config.pool, self.config.namespace.as_deref().unwrap_or_default())
    }

    /// What is in the pool, as the administrator sees it.
    fn images(&self) -> Vec<String> {
        let list = ceph().lock().run("rbd", &["ls", &self.place()]);
        list.lines().map(str::to_owned).collect()
    }

    fn rbd(&self, command: &[&str], image: &str) -> String {
        let at = format!("{}/{image}", self.place());
        ceph().lock().run("rbd", &[command, &[at.as_str()]].concat())
    }
}

#[async_trait]
impl PoolBench for Pool {
    fn pool(&self) -> Arc<dyn VolumeBackend> {
        Arc::new(self.driver())
    }

    async fn reopen(&self) {
        drop(self.driver.lock().take());
        *self.driver.lock() = Some(RbdVolumes::open(self.config.clone()).unwrap());
    }

    fn host(&self) -> &str {
        HOST
    }

    async fn write(&self, target: &Target, offset: u64, length: u64, byte: u8) -> Outcome {
        write(target, offset, length, byte).await
    }

    async fn holds(&self, target: &Target, offset: u64, length: u64, byte: u8) -> bool {
        holds(target, offset, length, byte).await
    }

    async fn size(&self, target: &Target) -> u64 {
        size_of(target).await
    }

    async fn image(&self) -> (ImageBytes, Arc<dyn ImageFetch>) {
        small_image(self.dir.path()).await
    }

    async fn leftovers(&self, id: &VolumeId) -> Vec<String> {
        let unfinished = ["making-", "made-", "husk-"];
        let left = |name: &String| unfinished.iter().any(|p| name.starts_with(p)) || name.contains(id.as_str());
        self.images().into_iter().filter(left).collect()
    }

    fn keeps_bytes(&self) -> bool {
        true
    }

    fn guards_writes(&self) -> bool {
        false
    }

    fn scratch(&self) -> &Path {
        &self.scratch
    }
}

const MIB: u64 = 1 << 20;

/// An image's bytes come to the pool once; what is made of them shares them until it is written to.
async fn images_are_fetched_once() {
    let pool = Pool::new();
    let (image, _) = pool.image().await;
    let fetch = Local::at(pool.dir.path().join("image.qcow2"));
    let specs = [1, 2].map(|size| spec(size, VolumeSource::Image(image.clone())));
    for spec in &specs {
        pool.driver().create(spec, fence(1), fetch.clone()).await.unwrap();
    }
    assert_eq!(fetch.fetched.load(Ordering::Relaxed), 1);
    assert!(pool.rbd(&["info"], &format!("volume-{}", specs[0].id)).contains("parent: "), "it is a clone");
    // By another hash they are other bytes, until they have been looked at.
    let bad = ImageBytes { hash: "0".repeat(128), ..image };
    let e = pool.driver().create(&spec(1, VolumeSource::Image(bad)), fence(1), fetch.clone()).await.unwrap_err();
    assert!(e.is(Kind::BadRequest), "{e:?}");
    assert_eq!(pool.images().iter().filter(|n| n.starts_with("image-")).count(), 1);
}

async fn encrypted_volumes() {
    crate::encrypted::pools_hold_no_clear_byte(&Pool::new()).await;
}

/// What was cloned stands by itself once its source goes.
async fn children_outlive_their_parents() {
    let pool = Pool::new();
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(write(&target, 0, MIB, 0x41).await, Outcome::Done);
    let snapshot = SnapshotId::new();
    pool.driver().create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    let source = VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: id.clone() };
    let children = [make(&pool, 1, source).await, make(&pool, 2, VolumeSource::Volume { volume: id.clone() }).await];
    let parent = |child: &VolumeId| pool.rbd(&["info"], &format!("volume-{child}")).contains("parent: ");
    assert!(children.iter().all(parent), "copies are made on write");
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    pool.driver().delete_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    pool.driver().delete(&id, fence(1)).await.unwrap();
    assert!(!children.iter().any(parent));
    for child in &children {
        let target = pool.driver().export(child, HOST, true, fence(1)).await.unwrap();
        assert!(holds(&target, 0, MIB, 0x41).await && holds(&target, MIB, MIB, 0).await);
    }
    assert_eq!(pool.images().len(), 2);
}

/// A volume written over again and again keeps its snapshots, each in what the volume then was, and nothing else of them.
async fn husks_go_with_their_last_snapshot() {
    let pool = Pool::new();
    let (id, driver) = (make(&pool, 1, VolumeSource::Blank).await, pool.driver());
    let snapshots: Vec<SnapshotId> = (0..2).map(|_| SnapshotId::new()).collect();
    for (n, snapshot) in snapshots.iter().enumerate() {
        let target = driver.export(&id, HOST, false, fence(1)).await.unwrap();
        assert_eq!(write(&target, 0, MIB, 1 + n as u8).await, Outcome::Done);
        driver.create_snapshot(&id, snapshot, fence(1)).await.unwrap();
        driver.unexport(&id, fence(1)).await.unwrap();
        let blank = volume::driver::VolumeSpec { id: id.clone(), size_gib: 1, source: VolumeSource::Blank };
        driver.rewrite(&blank, fence(1), no_fetch()).await.unwrap();
    }
    // Whoever holds the driver holds the pool.
    drop(driver);
    pool.reopen().await;
    let driver = pool.driver();
    let mut held = driver.inventory().await.unwrap().snapshots;
    held.sort();
    let mut expect: Vec<_> = snapshots.iter().map(|s| (id.clone(), s.clone())).collect();
    expect.sort();
    assert_eq!(held, expect);
    for (n, snapshot) in snapshots.iter().enumerate() {
        let source = VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: id.clone() };
        let copy = make(&pool, 1, source).await;
        let target = driver.export(&copy, HOST, true, fence(1)).await.unwrap();
        assert!(holds(&target, 0, MIB, 1 + n as u8).await);
    }
    let husks = || pool.images().iter().filter(|name| name.starts_with("husk-")).count();
    assert_eq!(husks(), 2);
    for (n, snapshot) in snapshots.iter().enumerate() {
        driver.delete_snapshot(&id, snapshot, fence(1)).await.unwrap();
        assert_eq!(husks(), 1 - n);
    }
}

/// Only the difference is read, and only the newest mark for the next one is kept.
async fn increments_start_from_the_last_backup() {
    let pool = Pool::new();
    let (id, driver) = (make(&pool, 1, VolumeSource::Blank).await, pool.driver());
    let target = driver.export(&id, HOST, false, fence(1)).await.unwrap();
    let place = |n: u64| BackupPlace { backup: format!("b{n}"), container: "kept".into() };
    for n in 0..3 {
        assert_eq!(write(&target, n * 8 * MIB, 4096, 0x10 + n as u8).await, Outcome::Done);
        let parent = n.checked_sub(1).map(place);
        let made = driver.back_up(&id, &BackupSpec { place: place(n), snapshot: None, parent }).await.unwrap();
        assert_eq!(made.object_count, 2, "one chunk and the list of them, round {n}");
        let marks = pool.rbd(&["snap", "ls"], &format!("volume-{id}"));
        assert!(marks.contains(&format!("backup-b{n}")) && marks.matches("backup-").count() == 1, "{marks}");
    }
    for n in 0..3 {
        let restored = make(&pool, 1, VolumeSource::Backup(place(n))).await;
        let target = driver.export(&restored, HOST, true, fence(1)).await.unwrap();
        for m in 0..3 {
            let byte = if m <= n { 0x10 + m as u8 } else { 0 };
            assert!(holds(&target, m * 8 * MIB, 4096, byte).await, "backup {n}, write {m}");
        }
    }
    driver.unexport(&id, fence(1)).await.unwrap();
    driver.delete(&id, fence(1)).await.unwrap();
}

/// A guest whose export has ended cannot write any more, whatever it holds open; others can.
async fn who_lost_its_export_is_shut_out() {
    let pool = Pool::new();
    let (id, driver) = (make(&pool, 1, VolumeSource::Blank).await, pool.driver());
    let target = driver.export(&id, HOST, false, fence(1)).await.unwrap();
    let mut guest = Guest::on(&target);
    guest.write(0, 4096, 1).await;
    guest.flush().await;
    driver.unexport(&id, fence(2)).await.unwrap();
    // A write may end in the client's cache; of a flush that fails QEMU speaks.
    let mut said = String::new();
    for _ in 0..10 {
        said += &guest.tries("write -P 2 0 4096").await;
        said += &guest.tries("flush").await;
    }
    assert!(said.contains("failed") || said.contains("rror"), "{said}");
    drop(guest);
    let target = driver.export(&id, HOST, false, fence(3)).await.unwrap();
    assert!(holds(&target, 0, 4096, 1).await);
    assert_eq!(write(&target, 0, 4096, 3).await, Outcome::Done);
    driver.unexport(&id, fence(3)).await.unwrap();
    driver.delete(&id, fence(3)).await.unwrap();
}

/// A process of ours that was killed anywhere.
async fn what_a_kill_leaves_is_swept() {
    let pool = Pool::new();
    let (id, half) = (make(&pool, 1, VolumeSource::Blank).await, make(&pool, 1, VolumeSource::Blank).await);
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(write(&target, 0, 4096, 1).await, Outcome::Done);
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    let (volume, place) = (format!("volume-{id}"), pool.place());
    pool.rbd(&["create", "--size", "1G"], "making-0123-1");
    pool.rbd(&["snap", "create"], "making-0123-1@base");
    pool.rbd(&["snap", "create"], &format!("{volume}@moment-0123-2"));
    // A rewriting that had its new image whole; one that was between both renamings.
    pool.rbd(&["create", "--size", "2G"], &format!("made-{id}"));
    pool.rbd(&["create", "--size", "3G"], &format!("made-{half}"));
    pool.rbd(&["rename", &format!("{place}/volume-{half}")], &format!("husk-{half}-0123-3"));
    pool.reopen().await;
    let driver = pool.driver();
    let mut expect = vec![volume, format!("volume-{half}")];
    expect.sort();
    assert_eq!(driver.stats().await.unwrap().provisioned_gib, 5);
    assert_eq!(pool.images(), expect);
    let target = driver.export(&id, HOST, false, fence(1)).await.unwrap();
    assert!(holds(&target, 0, 4096, 0).await && size_of(&target).await == 2 << 30);
}

/// No cluster is no reason not to start, and no reason to believe that anything was done.
async fn a_cluster_that_does_not_answer() {
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path().join("ceph.conf");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fs::write(&conf, format!("[global]\nmon_host=v2:{nobody}\n[client]\nkeyring={}/k\n", dir.path().display()))
        .unwrap();
    fs::write(dir.path().join("k"), "[client.tstack]\nkey = AQA02wJrib2eMxAAfrsicbr9bupwhQQj2vO8fg==\n").unwrap();
    let patience = Duration::from_secs(2);
    let config =
        RbdVolumesConfig { conf: conf.clone(), patience, ..RbdVolumesConfig::new("volumes", dir.path().join("s")) };
    let well = doctor(&config);
    assert!(well.iter().all(|f| f.ok), "{well:?}");
    let driver = RbdVolumes::open(config.clone()).unwrap();
    let refused = driver.create(&spec(1, VolumeSource::Blank), fence(1), no_fetch()).await.unwrap_err();
    assert!(refused.is(Kind::Unavailable), "{refused:?}");
    assert!(driver.stats().await.unwrap_err().is(Kind::Unavailable));
    let missing = doctor(&RbdVolumesConfig { conf: "/nowhere".into(), ..config });
    assert!(missing.iter().any(|f| !f.ok && f.check == "Ceph's configuration"), "{missing:?}");
}

/// Guests go on when an OSD dies under them and when one is added, and the pool is larger afterwards.
async fn osds_come_and_go_under_a_guest() {
    let pool = Pool::new();
    let (id, driver) = (make(&pool, 1, VolumeSource::Blank).await, pool.driver());
    let target = driver.export(&id, HOST, false, fence(1)).await.unwrap();
    let mut guest = Guest::on(&target);
    let before = driver.stats().await.unwrap();
    let mut n = 0;
    let mut burst = async || {
        for _ in 0..10 {
            guest.write(n * 65_536, 4096, (n % 250) as u8 + 1).await;
            guest.flush().await;
            n += 1;
        }
        n
    };
    burst().await;
    ceph().lock().kill("osd.1");
    burst().await;
    ceph().lock().spawn("osd.1");
    burst().await;
    // On this thread, which lives as long as the test: daemons end with the thread that started them.
    ceph().lock().healthy();
    ceph().lock().add_osds(1);
    let written = burst().await;
    eventually("the pool is larger", async || driver.stats().await.unwrap().total_mib > before.total_mib * 5 / 4).await;
    drop(guest);
    for n in 0..written {
        assert!(holds(&target, n * 65_536, 4096, (n % 250) as u8 + 1).await, "write {n} of {written}");
    }
}

#[test]
fn volumes_in_ceph() {
    if std::env::var_os("TSTACK_NO_CEPH").is_some() {
        return;
    }
    let dir = tempfile::Builder::new().prefix("ceph").tempdir().unwrap();
    let began = std::time::Instant::now();
    let _ = CEPH.set(Mutex::new(Ceph::start(dir.path(), 3)));
    println!("a cluster: {:.1} s", began.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    macro_rules! cases {
        ($($case:ident),+ $(,)?) => { vec![$((stringify!($case), Box::pin($case()) as _)),+] };
    }
    let own: Vec<Case> = cases![
        images_are_fetched_once,
        children_outlive_their_parents,
        husks_go_with_their_last_snapshot,
        increments_start_from_the_last_backup,
        who_lost_its_export_is_shut_out,
        what_a_kill_leaves_is_swept,
        a_cluster_that_does_not_answer,
        encrypted_volumes,
    ];
    runtime.block_on(async {
        volume_conformance!(together, Pool::new()).await;
        together(own).await;
        // Alone: it changes the ground of all.
        osds_come_and_go_under_a_guest().await;
    });
    crate::data::images_keep_what_they_acknowledged(ceph(), 3);
    // The daemons, too, end with the test.
    drop(runtime);
    drop(std::mem::take(&mut *ceph().lock()));
}
