//! Volumes as files: the suite, and what only this pool has.

use crate::rig::{HOST, Local, Pool, holds, kill, write};
use drivers_blk::{
    conformance::volumes::{Outcome, PoolBench, eventually, fence, make, spec},
    file_volumes::{FileVolumes, FileVolumesConfig, TcpExports, doctor},
    qemu_img::Compress,
    volume_conformance,
};
use kernel::{Kind, SnapshotId};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    sync::atomic::Ordering,
    time::Duration,
};
use volume::driver::{BackupPlace, BackupSpec, ImageBytes, VolumeBackend, VolumeSource};

volume_conformance!(Pool::new());

#[tokio::test]
async fn one_driver_per_pool() {
    let pool = Pool::new();
    let e = FileVolumes::open(pool.config.clone()).map(drop).unwrap_err();
    assert!(e.is(Kind::Conflict) && e.message().contains("stop it first"), "{e:?}");
    pool.reopen().await;
}

/// A data directory may lie deeper than a socket's name can say.
#[tokio::test]
async fn a_deep_pool_works_as_any_other() {
    let pool = Pool::with(|config| config.dir = config.dir.join("x".repeat(120)));
    drivers_blk::conformance::volumes::written_stays(&pool).await;
    drivers_blk::conformance::volumes::extend_exported(&pool).await;
}

/// An image's bytes come to the pool once, for as long as it is among those used last.
#[tokio::test(flavor = "multi_thread")]
async fn images_are_fetched_once() {
    let pool = Pool::with(|config| config.images_kept = 1);
    let one = pool.image().await.0;
    let fetch = Local::at(pool.dir().join("image.qcow2"));
    let create = async |image: &ImageBytes| {
        let spec = spec(1, VolumeSource::Image(image.clone()));
        pool.driver().create(&spec, fence(1), fetch.clone()).await.map(|()| spec.id)
    };
    let (a, b) = tokio::join!(create(&one), create(&one));
    assert_eq!(fetch.fetched.load(Ordering::Relaxed), 1);
    for id in [a.unwrap(), b.unwrap(), create(&one).await.unwrap()] {
        let target = pool.driver().export(&id, HOST, true, fence(1)).await.unwrap();
        assert!(holds(&target, 0, 65_536, 0x42).await && holds(&target, 65_536, 65_536, 0).await);
    }
    let kept = || fs::read_dir(pool.config.dir.join("images")).unwrap().count();
    assert_eq!((fetch.fetched.load(Ordering::Relaxed), kept()), (1, 1));
    // By another hash they are other bytes, until they have been looked at; by another name of the hash, another image.
    let refused = create(&ImageBytes { hash: "0".repeat(128), ..one.clone() }).await.unwrap_err();
    assert!(refused.is(Kind::BadRequest), "{refused:?}");
    create(&ImageBytes { hash_algo: "SHA512".into(), ..one.clone() }).await.unwrap();
    assert_eq!((fetch.fetched.load(Ordering::Relaxed), kept()), (3, 1), "the one used last is kept");
    create(&one).await.unwrap();
    assert_eq!(fetch.fetched.load(Ordering::Relaxed), 4);
}

/// What is copied at leisure takes less than it shows, and how much less is said.
#[tokio::test(flavor = "multi_thread")]
async fn copies_are_packed() {
    let pool = Pool::with(|config| config.compress = Compress::Zstd);
    assert_eq!(pool.driver().stats().await.unwrap().compression_percent, None);
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(write(&target, 0, 4 << 20, 0x42).await, Outcome::Done);
    let snapshot = SnapshotId::new();
    pool.driver().create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    let taken = |path: String| fs::metadata(pool.config.dir.join(path)).unwrap().blocks() * 512;
    let (volume, packed) =
        (taken(format!("volumes/{id}/volume.qcow2")), taken(format!("volumes/{id}/snapshots/{snapshot}.qcow2")));
    assert!(volume > 4 << 20 && packed < 1 << 20, "{volume} bytes, {packed} of them in the snapshot");
    assert!(pool.driver().stats().await.unwrap().compression_percent.is_some_and(|p| p > 400));
    let copy = make(&pool, 1, VolumeSource::Snapshot { snapshot, volume: id }).await;
    let target = pool.driver().export(&copy, HOST, false, fence(1)).await.unwrap();
    assert!(holds(&target, 0, 4 << 20, 0x42).await && holds(&target, 4 << 20, 1 << 20, 0).await);
    assert_eq!(write(&target, 65_536, 65_536, 0x43).await, Outcome::Done);
    assert!(holds(&target, 65_536, 65_536, 0x43).await && holds(&target, 0, 65_536, 0x42).await);
}

#[tokio::test]
async fn nobody_else_may_look_into_it() {
    let pool = Pool::new();
    for part in ["volumes", "sockets", "images", "making", "fences"] {
        let mode = fs::metadata(pool.config.dir.join(part)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_what_is_not_as_it_must_be() {
    let mut pool = Pool::new();
    let [one, two] = [make(&pool, 1, VolumeSource::Blank).await, make(&pool, 1, VolumeSource::Blank).await];
    for id in [&one, &two] {
        pool.driver().export(id, HOST, false, fence(1)).await.unwrap();
    }
    assert_eq!(pool.driver().audit().await.unwrap(), Vec::<String>::new());
    // What no crash leaves, only a hand: a record gone from under its daemon; and a daemon that cannot be started.
    pool.close().await;
    fs::remove_file(pool.config.dir.join(format!("volumes/{one}/export.json"))).unwrap();
    let of_two = fs::read_to_string(pool.config.dir.join(format!("volumes/{two}/disk/pid"))).unwrap();
    kill(of_two.trim().parse().unwrap());
    pool.config.storage_daemon = "/nonexistent".into();
    pool.open().await;
    eventually("the audit sees it all", async || {
        let found = pool.driver().audit().await.unwrap();
        let says = |words: &str| found.iter().any(|f| f.contains(words));
        says(&format!("volume {two}: exported, but its storage daemon does not run"))
            && says("a storage daemon of no exported volume")
            && says(&format!("socket {one}.nbd: of no exported volume"))
    })
    .await;
    // Asking for it to be unexported mends it, as a retried call would.
    for id in [&one, &two] {
        pool.driver().unexport(id, fence(1)).await.unwrap();
    }
    assert_eq!(pool.driver().audit().await.unwrap(), Vec::<String>::new());
}

/// Bytes that should not change and do: found, told by the audit until they are mended.
#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_finds_what_has_changed() {
    let pool = Pool::new();
    let (id, driver) = (make(&pool, 1, VolumeSource::Blank).await, pool.driver());
    let target = driver.export(&id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(write(&target, 0, 1 << 20, 7).await, Outcome::Done);
    let snapshot = kernel::SnapshotId::new();
    driver.create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    let place = BackupPlace { backup: "b".into(), container: "c".into() };
    driver.back_up(&id, &BackupSpec { place, snapshot: None, parent: None }).await.unwrap();
    driver.unexport(&id, fence(1)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(driver.scrub().await.unwrap(), Vec::<String>::new());
    }
    let at = pool.config.dir.join(format!("volumes/{id}"));
    let places = [
        // A byte of the snapshot's content; the chunk; an entry of the volume's reference counts.
        (
            at.join(format!("snapshots/{snapshot}.qcow2")),
            400_000,
            format!("snapshot {snapshot} of volume {id}: its bytes"),
        ),
        (pool.config.backups.join("containers/c/b/0"), 9, "backup b: chunk 0 is not what was written".to_owned()),
        (at.join("volume.qcow2"), 0x20001, format!("volume {id}: its image's tables are damaged")),
    ];
    for (path, offset, says) in &places {
        let sound = fs::read(path).unwrap();
        let mut bytes = sound.clone();
        bytes[*offset] ^= 1;
        fs::write(path, bytes).unwrap();
        let found = driver.scrub().await.unwrap();
        assert!(found.len() == 1 && found[0].contains(says), "{found:?}");
        assert_eq!(driver.audit().await.unwrap(), found);
        fs::write(path, sound).unwrap();
    }
    assert_eq!(driver.scrub().await.unwrap(), Vec::<String>::new());
    assert_eq!(driver.audit().await.unwrap(), Vec::<String>::new());
    driver.delete_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    assert_eq!(fs::read_dir(at.join("snapshots")).unwrap().count(), 0);
}

#[test]
fn the_doctor_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = FileVolumesConfig::new("p", HOST, dir.path().join("not/made/yet"));
    config.patience = Duration::from_secs(1);
    config.tcp = Some(TcpExports { address: [127, 0, 0, 1].into(), ports: 1..=9 });
    let well = doctor(&config);
    assert!(well.iter().all(|f| f.ok && f.mend.is_empty()), "{well:?}");
    assert!(!dir.path().join("not").exists(), "it only looks");
    config.storage_daemon = "qemu-storage-daemon-of-tomorrow".into();
    config.dir = "/proc/nowhere".into();
    // TEST-NET-1: nobody's.
    config.tcp = Some(TcpExports { address: [192, 0, 2, 1].into(), ports: 1..=9 });
    let ill: Vec<_> = doctor(&config).into_iter().filter(|f| !f.ok).collect();
    let checks: Vec<_> = ill.iter().map(|f| f.check.as_str()).collect();
    let expect = ["qemu-storage-daemon-of-tomorrow", "directory of volumes", "address of volumes for other hosts"];
    assert_eq!(checks, expect);
    assert!(ill.iter().all(|f| !f.mend.is_empty() && !f.detail.is_empty()), "{ill:?}");
}
