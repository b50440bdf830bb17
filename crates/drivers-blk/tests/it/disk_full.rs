//! A full disk fails the one call, says so, and leaves nothing. On a small file system of its own, where that can be mounted.

use crate::rig::{HOST, Local, Pool, Small, holds, image_of, write};
use drivers_blk::{
    conformance::volumes::{Outcome, PoolBench, fence, make, spec},
    image_store::FileStore,
    qemu_img::{NO_SPACE, QemuImg},
};
use futures_util::{StreamExt, stream};
use image::driver::ImageStore;
use kernel::{Kind, SnapshotId};
use std::{fs, os::unix::fs::PermissionsExt};
use volume::driver::{VolumeBackend, VolumeSource};

fn assert_full(e: &kernel::Error) {
    assert_eq!((e.kind(), e.code()), (Kind::TooLarge, Some(NO_SPACE)), "{e:?}");
    assert!(e.message().contains("no space left"), "{e}");
}

#[tokio::test]
async fn an_image_that_does_not_fit() {
    let Some(small) = Small::new(4).await else { return };
    let store = FileStore::open("small", small.path.join("images")).unwrap();
    let before = store.free().await.unwrap();
    let data = stream::iter((0..80).map(|n| Ok(vec![n; 100_000].into()))).boxed();
    assert_full(&store.write(data, u64::MAX).await.unwrap_err());
    assert_eq!(store.list().await.unwrap(), Vec::<String>::new());
    assert_eq!(fs::read_dir(small.path.join("images/incoming")).unwrap().count(), 0);
    assert_eq!(store.free().await.unwrap(), before);
    store.write(stream::iter([Ok("fits".into())]).boxed(), u64::MAX).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_full() {
    let Some(small) = Small::new(24).await else { return };
    let pool = Pool::with(|config| config.dir = small.path.join("pool"));
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(write(&target, 0, 14 << 20, 1).await, Outcome::Done);

    // A copy of it has no room, in use or not, and is not begun at the cost of the guest.
    let snapshot = SnapshotId::new();
    assert_full(&pool.driver().create_snapshot(&id, &snapshot, fence(1)).await.unwrap_err());
    let clone = spec(1, VolumeSource::Volume { volume: id.clone() });
    let none = drivers_blk::conformance::volumes::no_fetch;
    assert_full(&pool.driver().create(&clone, fence(1), none()).await.unwrap_err());
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    assert_full(&pool.driver().create_snapshot(&id, &snapshot, fence(1)).await.unwrap_err());

    // An image neither.
    let image = pool.scratch().join("image");
    fs::write(&image, (0..12 << 20).map(|n: u32| (n % 251) as u8).collect::<Vec<_>>()).unwrap();
    let from_image = spec(1, VolumeSource::Image(image_of(&image, "raw")));
    let fetch = Local::at(image);
    let e = pool.driver().create(&from_image, fence(1), fetch).await.unwrap_err();
    assert_full(&e);

    assert_eq!(pool.leftovers(&id).await.len(), 1, "only the volume itself");
    let held = pool.driver().inventory().await.unwrap();
    assert_eq!((held.volumes, held.snapshots.len()), (vec![id.clone()], 0));
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    assert!(holds(&target, 0, 14 << 20, 1).await);
    assert_eq!(write(&target, 0, 4096, 2).await, Outcome::Done, "what it has it may go on changing");
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    pool.driver().delete(&id, fence(1)).await.unwrap();
}

/// The disk fills up while a volume in use is copied: the copy fails, the guest's disk goes on, and the next copy works.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_meanwhile() {
    let Some(small) = Small::new(32).await else { return };
    let (filler, script) = (small.path.join("filler"), small.path.join("qemu-img"));
    // A qemu-img after which, while the file `now` is there, somebody else takes all that is free.
    let text = format!(
        "#!/bin/sh\nqemu-img \"$@\"; rc=$?\n[ -e {0}/now ] && head -c 100m /dev/zero >{1} 2>/dev/null\nexit $rc\n",
        small.path.display(),
        filler.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let pool = Pool::with(|config| {
        config.dir = small.path.join("pool");
        config.img = QemuImg::new(script, 2);
    });
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let target = pool.driver().export(&id, HOST, false, fence(1)).await.unwrap();
    assert_eq!(write(&target, 0, 12 << 20, 1).await, Outcome::Done);
    let (snapshot, now) = (SnapshotId::new(), small.path.join("now"));
    fs::write(&now, "").unwrap();
    assert_full(&pool.driver().create_snapshot(&id, &snapshot, fence(1)).await.unwrap_err());
    assert!(fs::metadata(&filler).unwrap().len() > 1 << 20, "it did fill up");
    assert_eq!(pool.leftovers(&id).await.len(), 3, "the volume and its two sockets");
    assert!(holds(&target, 0, 12 << 20, 1).await);
    fs::remove_file(now).unwrap();
    fs::remove_file(filler).unwrap();
    assert_eq!(write(&target, 0, 4096, 2).await, Outcome::Done);
    pool.driver().create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    pool.driver().unexport(&id, fence(1)).await.unwrap();
}
