//! Increments of a volume in use: by marks in its image, and without them after a kill. What is restored is what there was.

use crate::rig::{HOST, Pool, kill, run, size_of, text, url};
use drivers_blk::conformance::volumes::{PoolBench, eventually, fence, make};
use kernel::VolumeId;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};
use volume::driver::{BackupPlace, BackupSpec, Target, VolumeBackend, VolumeSource};

const MIB: u64 = 1 << 20;

async fn io(target: &Target, command: &str) {
    let out = run("qemu-io", &["-f", "raw", "-c", command, "-c", "flush", &url(target)]).await;
    assert!(out.status.success(), "{command}: {}", text(&out));
}

/// The bytes of a volume, in a file.
async fn copy(pool: &Pool, id: &VolumeId, name: &str) -> PathBuf {
    let to = pool.dir().join(name);
    let _ = fs::remove_file(&to);
    pool.driver().copy_out(id, "raw", &to).await.unwrap();
    to
}

/// Whether a backup shows these bytes.
async fn shows(pool: &Pool, name: &str, gib: u64, bytes: &Path) -> bool {
    let made = make(pool, gib, VolumeSource::Backup(place(name))).await;
    let restored = copy(pool, &made, "restored").await;
    pool.driver().delete(&made, fence(9)).await.unwrap();
    let out = run("qemu-img", &["compare", "-f", "raw", "-F", "raw", path(bytes), path(&restored)]).await;
    assert!(matches!(out.status.code(), Some(0 | 1)), "{}", text(&out));
    out.status.success()
}

fn path(of: &Path) -> &str {
    of.to_str().unwrap()
}

/// The bitmaps in a volume's image, once nobody has it open.
async fn marks(pool: &Pool, id: &VolumeId) -> Vec<String> {
    let image = pool.config.dir.join("volumes").join(id.as_str()).join("volume.qcow2");
    let out = run("qemu-img", &["info", "--output=json", image.to_str().unwrap()]).await;
    let info: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", text(&out)));
    let all = info["format-specific"]["data"]["bitmaps"].as_array().cloned().unwrap_or_default();
    all.iter().map(|b| b["name"].as_str().unwrap().to_owned()).collect()
}

fn place(name: &str) -> BackupPlace {
    BackupPlace { backup: name.into(), container: "increments".into() }
}

fn backup(name: &str, parent: Option<&str>) -> BackupSpec {
    BackupSpec { place: place(name), snapshot: None, parent: parent.map(place) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mark_shows_is_what_has_changed() {
    let pool = Pool::new();
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    io(&target, &format!("write -P 1 0 {}", 16 * MIB)).await;
    assert_eq!(pool.driver().back_up(&id, &backup("a", None)).await.unwrap().object_count, 5);
    // Of four chunks one is written in part, one made zeros, one written with what it has.
    io(&target, &format!("write -P 2 {} 4096", 5 * MIB)).await;
    io(&target, &format!("write -z {} {}", 8 * MIB, 4 * MIB)).await;
    io(&target, &format!("write -P 1 {} {MIB}", 12 * MIB)).await;
    let info = pool.driver().back_up(&id, &backup("b", Some("a"))).await.unwrap();
    assert_eq!(info.object_count, 2, "one chunk is new; and the manifest");
    assert!(shows(&pool, "b", 1, &copy(&pool, &id, "now").await).await);
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    assert_eq!(marks(&pool, &id).await, ["backup-b"]);
    // Nothing can be known of what a mark does not show: a chunk that changes behind QEMU's back is not read again.
    let image = pool.config.dir.join("volumes").join(id.as_str()).join("volume.qcow2");
    let before = copy(&pool, &id, "before").await;
    damage(&image).await;
    let target = pool.driver().export(&id, HOST, false, fence(2)).await.unwrap();
    io(&target, &format!("write -P 2 {} 4096", 5 * MIB)).await;
    pool.driver().back_up(&id, &backup("c", Some("b"))).await.unwrap();
    assert!(!shows(&pool, "c", 1, &copy(&pool, &id, "now").await).await);
    assert!(shows(&pool, "c", 1, &before).await, "only what was marked was read");
}

/// Changes the image's first cluster of data, past QEMU.
async fn damage(image: &Path) {
    let out = run("qemu-img", &["map", "--output=json", image.to_str().unwrap()]).await;
    let map: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let at = map[0]["offset"].as_u64().expect("the first bytes are data");
    fs::File::options().write(true).open(image).unwrap().write_all_at(&[9; 4096], at).unwrap();
}

/// The mark that a kill has spoilt does not stand in the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_in_use_grows_after_a_kill() {
    let pool = Pool::new();
    let id = make(&pool, 1, VolumeSource::Blank).await;
    pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    pool.driver().back_up(&id, &backup("a", None)).await.unwrap();
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    assert_eq!(marks(&pool, &id).await, ["backup-a"]);
    let target = pool.driver().export(&id, HOST, false, fence(2)).await.unwrap();
    pool.pids().into_iter().for_each(kill);
    pool.driver().extend(&id, 2, fence(2)).await.unwrap();
    assert_eq!(size_of(&target).await, 2 << 30);
    pool.driver().unexport(&id, fence(2)).await.unwrap();
    assert_eq!(marks(&pool, &id).await, [] as [&str; 0]);
}

/// Whatever was written, ended, killed or grown in between.
#[tokio::test(flavor = "multi_thread")]
async fn increments_are_true_through_kills() {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    eprintln!("SEED={seed}");
    let (pool, mut chance) = (Pool::new(), StdRng::seed_from_u64(seed));
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let (mut gib, mut generation, mut names): (u64, u64, Vec<String>) = (1, 1, Vec::new());
    let mut target = pool.driver().export(&id, HOST, false, fence(generation)).await.unwrap();
    for round in 0..6 {
        for _ in 0..chance.random_range(1..4) {
            let (at, length) = (chance.random_range(0..180) * MIB / 3, chance.random_range(1..600) * 4096);
            let how = ["write -P 7", "write -P 8", "write -z", "discard"].choose(&mut chance).unwrap();
            io(&target, &format!("{how} {at} {length}")).await;
        }
        match chance.random_range(0..5) {
            0 => {
                pool.pids().into_iter().for_each(kill);
                eventually("the daemon is back", async || {
                    run("qemu-img", &["info", "-f", "raw", &url(&target)]).await.status.success()
                })
                .await;
            }
            1 => {
                pool.driver().unexport(&id, fence(generation)).await.unwrap();
                generation += 1;
                target = pool.driver().export(&id, HOST, false, fence(generation)).await.unwrap();
            }
            2 if gib < 3 => {
                gib += 1;
                pool.pids().into_iter().for_each(kill);
                pool.driver().unexport(&id, fence(generation)).await.unwrap();
                pool.driver().extend(&id, gib, fence(generation)).await.unwrap();
                target = pool.driver().export(&id, HOST, false, fence(generation)).await.unwrap();
            }
            3 => pool.reopen().await,
            _ => {}
        }
        let name = format!("n{round}");
        let spec = backup(&name, names.last().map(String::as_str));
        pool.driver().back_up(&id, &spec).await.unwrap();
        assert!(shows(&pool, &name, gib, &copy(&pool, &id, "now").await).await, "round {round}, seed {seed}");
        names.push(name);
    }
    assert_eq!(pool.driver().audit().await.unwrap(), Vec::<String>::new());
}
