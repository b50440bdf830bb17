//! Pools of several directories: the suite with everything in the second, and what happens when one is added or missing.

use crate::rig::{HOST, Pool, Small, holds, write};
use drivers_blk::{
    conformance::volumes::{Outcome, PoolBench, fence, make, no_fetch, spec},
    file_volumes::FileVolumes,
    volume_conformance,
};
use kernel::{Kind, SnapshotId};
use std::fs;
use volume::driver::{VolumeBackend, VolumeSource};

mod spread {
    use super::*;

    volume_conformance!(match Pool::spread().await {
        Some(pool) => pool,
        None => return,
    });
}

async fn opened(pool: &Pool, more: bool) -> kernel::Result<()> {
    let mut config = pool.config.clone();
    if !more {
        config.more.clear();
    }
    FileVolumes::open(config).map(drop)
}

/// A guest's volume is where it was, and served by who served it; what is new finds room.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_added_while_guests_run() {
    let Some(small) = Small::new(24).await else { return };
    let mut pool = Pool::with(|config| config.dir = small.path.join("pool"));
    let old = make(&pool, 1, VolumeSource::Blank).await;
    let target = pool.driver().export(&old, HOST, false, fence(1)).await.unwrap();
    assert_eq!(write(&target, 0, 14 << 20, 7).await, Outcome::Done);
    let copy = spec(1, VolumeSource::Volume { volume: old.clone() });
    pool.driver().create(&copy, fence(1), no_fetch()).await.unwrap_err();
    let (daemons, before) = (pool.pids(), pool.driver().stats().await.unwrap());

    pool.close().await;
    pool.add("second");
    pool.open().await;
    assert_eq!(pool.pids(), daemons, "nobody was disturbed");
    let grown = pool.driver().stats().await.unwrap();
    assert!(grown.total_mib > before.total_mib && grown.free_mib > before.free_mib, "{grown:?}");
    // Its source's disk cannot hold it; the one that was added can.
    let new = make(&pool, 1, VolumeSource::Blank).await;
    assert!(pool.config.more[0].join("volumes").join(new.as_str()).is_dir());
    assert_eq!(write(&target, 14 << 20, 7 << 20, 7).await, Outcome::Done);
    pool.driver().create(&copy, fence(1), no_fetch()).await.unwrap();
    let seen = pool.driver().export(&copy.id, HOST, true, fence(1)).await.unwrap();
    assert!(holds(&seen, 0, 21 << 20, 7).await);
    let snapshot = SnapshotId::new();
    pool.driver().create_snapshot(&new, &snapshot, fence(1)).await.unwrap();
    pool.reopen().await;
    let there = pool.driver().inventory().await.unwrap();
    assert_eq!((there.volumes.len(), there.exports.len(), there.snapshots.len()), (3, 2, 1));
    assert_eq!(pool.driver().audit().await.unwrap(), Vec::<String>::new());
}

/// Nobody may take the volumes of a disk that is not mounted for deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_waits_for_all_its_directories() {
    let Some(mut pool) = Pool::spread().await else { return };
    let id = make(&pool, 1, VolumeSource::Blank).await;
    pool.close().await;
    let second = pool.config.more[0].clone();
    let aside = second.with_file_name("aside");
    fs::rename(&second, &aside).unwrap();
    let e = opened(&pool, true).await.unwrap_err();
    assert!(e.is(Kind::Conflict) && e.message().contains("mount its disk"), "{e:?}");
    fs::create_dir(&second).unwrap();
    let e = opened(&pool, true).await.unwrap_err();
    assert!(e.message().contains("is empty"), "{e:?}");
    let e = opened(&pool, false).await.unwrap_err();
    assert!(e.message().contains("name it again"), "{e:?}");
    fs::remove_dir(&second).unwrap();
    fs::rename(&aside, &second).unwrap();
    let e = opened(&pool, false).await.unwrap_err();
    assert!(e.message().contains("name it again"), "{e:?}");
    // Nor its volumes for those of another pool.
    let e = FileVolumes::open(drivers_blk::file_volumes::FileVolumesConfig {
        dir: pool.dir().join("other"),
        ..pool.config.clone()
    });
    assert!(e.map(drop).unwrap_err().message().contains("another pool"));
    pool.open().await;
    pool.driver().delete(&id, fence(2)).await.unwrap();
    pool.close().await;
    // Empty, it may go; and come back.
    opened(&pool, false).await.unwrap();
    pool.open().await;
    pool.add("third");
    pool.reopen().await;
    make(&pool, 1, VolumeSource::Blank).await;
}
