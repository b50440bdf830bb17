//! What is acknowledged stays, whoever is killed when.

use crate::rig::{HOST, Pool, holds, kill, run, size_of, text, url, write};
use crate::support::guest::Guest;
use drivers_blk::{
    conformance::volumes::{Outcome, PoolBench, eventually, fence, make, no_fetch},
    file_volumes::FileVolumes,
};
use kernel::{SnapshotId, VolumeId};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use volume::driver::{Target, VolumeBackend, VolumeSource};

const PATIENCE: Duration = Duration::from_secs(60);

async fn exported(pool: &Pool) -> (VolumeId, Target) {
    let id = make(pool, 1, VolumeSource::Blank).await;
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    (id, target)
}

async fn serves(target: &Target) -> bool {
    run("qemu-img", &["info", "-f", "raw", &url(target)]).await.status.success()
}

/// The one daemon there is.
fn daemon(pool: &Pool) -> i32 {
    let pids = pool.pids();
    assert_eq!(pids.len(), 1, "{pids:?}");
    pids[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_the_daemon() {
    let pool = Pool::new();
    let (id, target) = exported(&pool).await;
    let mut guest = Guest::on(&target);
    // Each write lands in a cluster of its own, so each one changes the image's tables.
    for round in 0..6u64 {
        for n in 0..5 {
            guest.write((round * 5 + n) << 17, 4096, 1 + round as u8).await;
        }
        kill(daemon(&pool));
    }
    guest.write(100 << 20, 4096, 0x77).await;
    drop(guest);
    for round in 0..6u64 {
        for n in 0..5 {
            assert!(holds(&target, (round * 5 + n) << 17, 4096, 1 + round as u8).await, "round {round}, write {n}");
        }
    }
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    let image = pool.config.dir.join(format!("volumes/{id}/volume.qcow2"));
    let check = run("qemu-img", &["check", "-f", "qcow2", image.to_str().unwrap()]).await;
    // 3 is leaked clusters: what a killed writer may leave. 2 would be corruption.
    assert!(matches!(check.status.code(), Some(0 | 3)), "{}", text(&check));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_is_started_again_though_nobody_asks() {
    let pool = Pool::new();
    let (id, target) = exported(&pool).await;
    let first = daemon(&pool);
    kill(first);
    eventually("another daemon serves", async || !pool.pids().contains(&first) && serves(&target).await).await;
    assert_eq!(write(&target, 0, 512, 1).await, Outcome::Done);
    // Also one that died while nobody was there to see it, as in a host's reboot.
    pool.close().await;
    let second = daemon(&pool);
    kill(second);
    eventually("no daemon", async || pool.pids().is_empty()).await;
    pool.open().await;
    eventually("a third daemon serves", async || serves(&target).await).await;
    assert_eq!(pool.pids().len(), 1);
    assert!(holds(&target, 0, 512, 1).await);
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    assert_eq!(pool.pids(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_are_adopted_untouched() {
    let pool = Pool::new();
    let (id, target) = exported(&pool).await;
    let before = daemon(&pool);
    let mut guest = Guest::on(&target);
    guest.write(0, 4096, 1).await;
    pool.reopen().await;
    assert_eq!(pool.driver().export(&id, HOST, false, fence(1)).await.unwrap(), target);
    assert_eq!(daemon(&pool), before);
    guest.write(4096, 4096, 2).await;
    // A pidfile that names somebody else is not believed.
    let pidfile = pool.config.dir.join(format!("volumes/{id}/disk/pid"));
    fs::write(&pidfile, std::process::id().to_string()).unwrap();
    pool.reopen().await;
    pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(daemon(&pool), before);
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    assert_eq!(pool.pids(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_daemon_can_be_got_rid_of() {
    let mut pool = Pool::new();
    let (id, _) = exported(&pool).await;
    pool.config.patience = Duration::from_secs(2);
    pool.reopen().await;
    let pid = rustix::process::Pid::from_raw(daemon(&pool)).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let e = pool.driver().extend(&id, 2, fence(1)).await.unwrap_err();
    assert!(e.is(kernel::Kind::Unavailable), "nobody knows: {e:?}");
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    assert_eq!(pool.pids(), Vec::<i32>::new());
    pool.driver().extend(&id, 2, fence(1)).await.unwrap();
}

/// A guest that writes while its disk grows, is copied and grows again: nothing it was told is lost, and the copy is of one moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_writes_on_while_its_volume_is_changed() {
    let pool = Pool::new();
    let (id, target) = exported(&pool).await;
    let mut guest = Guest::on(&target);
    let driver = pool.driver();
    let snapshots: Vec<SnapshotId> = (0..3).map(|_| SnapshotId::new()).collect();
    let change = async {
        for (n, snapshot) in snapshots.iter().enumerate() {
            driver.create_snapshot(&id, snapshot, fence(1)).await.unwrap();
            driver.extend(&id, 2 + n as u64, fence(1)).await.unwrap();
        }
    };
    // Sector after sector, each of the number's byte.
    let mut written = 0u64;
    {
        let mut change = std::pin::pin!(change);
        loop {
            tokio::select! {
                () = &mut change => break,
                () = guest.write(written * 65_536, 512, (written % 250) as u8 + 1) => written += 1,
            }
        }
    }
    assert!(written > 3, "it wrote {written}");
    for n in 0..written {
        assert!(holds(&target, n * 65_536, 512, (n % 250) as u8 + 1).await, "write {n} of {written}");
    }
    assert_eq!(size_of(&target).await, 4 << 30);
    // In each snapshot, the writes before some moment, and none after it.
    let mut last = 0;
    for snapshot in &snapshots {
        let shown = shown_in(&pool, &id, snapshot, written).await;
        assert!(shown >= last, "{shown} < {last}");
        last = shown;
    }
}

/// How many writes a snapshot shows, which must be the first ones.
async fn shown_in(pool: &Pool, id: &VolumeId, snapshot: &SnapshotId, written: u64) -> u64 {
    let source = VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: id.clone() };
    let copy = make(pool, 4, source).await;
    let target = pool.driver().export(&copy, HOST, true, fence(1)).await.unwrap();
    let mut shown = 0;
    while shown < written && holds(&target, shown * 65_536, 512, (shown % 250) as u8 + 1).await {
        shown += 1;
    }
    for n in shown..written {
        assert!(holds(&target, n * 65_536, 512, 0).await, "write {n} is shown, {shown} is not");
    }
    shown
}

/// The test's own program as another process, which is killed: see [`victim`].
struct Victim {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    fn new(dir: &Path, id: &VolumeId) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["killed::victim", "--exact", "--nocapture", "--include-ignored"])
            .env("BLK_VICTIM", dir)
            .env("BLK_VOLUME", id.as_str())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    async fn says(&mut self, word: &str) {
        let line = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if line.contains(word) {
                    return;
                }
            }
            panic!("the victim never said {word}");
        };
        timeout(PATIENCE, line).await.expect("the victim works");
    }
}

/// Works on a volume for ever: makes, exports, snapshots, grows, removes. No test by itself: it is what [`Victim`] runs.
#[tokio::test]
async fn victim() {
    let Some(dir) = std::env::var_os("BLK_VICTIM").map(PathBuf::from) else { return };
    let id = VolumeId::from(std::env::var("BLK_VOLUME").unwrap());
    let config = drivers_blk::file_volumes::FileVolumesConfig::new("test", HOST, dir);
    let pool = FileVolumes::open(config).unwrap();
    let spec = volume::driver::VolumeSpec { id: id.clone(), size_gib: 1, source: VolumeSource::Blank };
    let snapshot = SnapshotId::new();
    loop {
        println!("round");
        pool.create(&spec, fence(1), no_fetch()).await.unwrap();
        pool.export(&id, HOST, false, fence(1)).await.unwrap();
        pool.create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
        pool.extend(&id, 2, fence(1)).await.unwrap();
        pool.unexport(&id, fence(1)).await.unwrap();
        pool.delete_snapshot(&id, &snapshot, fence(1)).await.unwrap();
        pool.delete(&id, fence(1)).await.unwrap();
    }
}

/// Our own process killed at any moment: whatever it was at, the next one finds a pool in order and ends what was begun.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_death_at_any_moment() {
    let pool = Pool::new();
    let id = VolumeId::new();
    for round in 0..15u64 {
        pool.close().await;
        let mut victim = Victim::new(&pool.config.dir, &id);
        victim.says("round").await;
        // Somewhere in a round of a few tens of milliseconds; where does not matter, only that it differs.
        tokio::time::sleep(Duration::from_millis(round * 17)).await;
        victim.process.kill().await.unwrap();
        pool.open().await;
        assert_in_order(&pool, &id).await;
    }
}

async fn assert_in_order(pool: &Pool, id: &VolumeId) {
    let driver = pool.driver();
    let held = driver.inventory().await.unwrap();
    let spec = volume::driver::VolumeSpec { id: id.clone(), size_gib: 2, source: VolumeSource::Blank };
    driver.create(&spec, fence(1), no_fetch()).await.unwrap();
    driver.extend(id, 2, fence(1)).await.unwrap();
    let target = driver.export(id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(size_of(&target).await, 2 << 30, "{held:?}, {}", url(&target));
    assert_eq!(write(&target, (2 << 30) - 512, 512, 9).await, Outcome::Done);
    daemon(pool);
    driver.unexport(id, fence(1)).await.unwrap();
    for (_, snapshot) in driver.inventory().await.unwrap().snapshots {
        driver.delete_snapshot(id, &snapshot, fence(1)).await.unwrap();
    }
    driver.delete(id, fence(1)).await.unwrap();
    assert_eq!(pool.leftovers(id).await, Vec::<String>::new());
    assert_eq!(pool.pids(), Vec::<i32>::new());
}
