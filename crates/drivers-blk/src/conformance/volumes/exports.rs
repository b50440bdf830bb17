//! How a guest reaches a volume, and for how long.

use super::*;
use futures_util::future::join_all;
use kernel::{Kind, SnapshotId};
use ports::IoLimits;

pub async fn exports_are_stable(bench: &dyn PoolBench) {
    let (pool, id) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await);
    let first = export(bench, &id).await;
    assert_eq!(export(bench, &id).await, first);
    assert_eq!(pool.inventory().await.unwrap().exports, vec![id.clone()]);
    for _ in 0..2 {
        unexport(bench, &id).await;
        assert_eq!(pool.inventory().await.unwrap().exports, Vec::<kernel::VolumeId>::new());
    }
    assert_eq!(export(bench, &id).await, first);
    destroy(bench, &[&id]).await;
}

pub async fn exports_survive_reopening(bench: &dyn PoolBench) {
    let id = make(bench, 1, VolumeSource::Blank).await;
    let target = export(bench, &id).await;
    assert_eq!(bench.write(&target, 0, 65536, 0x11).await, Outcome::Done);
    bench.reopen().await;
    assert_eq!(bench.pool().inventory().await.unwrap().exports, vec![id.clone()]);
    assert!(bench.holds(&target, 0, 65536, 0x11).await, "it is served before anybody asks for it again");
    assert_eq!(export(bench, &id).await, target);
    bench.reopen().await;
    unexport(bench, &id).await;
    assert_eq!(bench.pool().inventory().await.unwrap().exports, Vec::<kernel::VolumeId>::new());
    destroy(bench, &[&id]).await;
}

pub async fn extend_exported(bench: &dyn PoolBench) {
    let id = make(bench, 1, VolumeSource::Blank).await;
    let target = export(bench, &id).await;
    bench.write(&target, 0, 4096, 0x22).await;
    for _ in 0..2 {
        bench.pool().extend(&id, 2, fence(1)).await.unwrap();
        if bench.keeps_bytes() {
            assert_eq!(bench.size(&target).await, 2 << 30);
        }
    }
    assert_eq!(bench.write(&target, (2 << 30) - 4096, 4096, 0x23).await, Outcome::Done, "writable to its new end");
    assert!(bench.holds(&target, 0, 4096, 0x22).await && bench.holds(&target, (2 << 30) - 4096, 4096, 0x23).await);
    assert_eq!(export(bench, &id).await, target);
    assert_eq!(bench.pool().stats().await.unwrap().provisioned_gib, 2);
    destroy(bench, &[&id]).await;
}

/// Who uses a volume is held to its limits as long as it is exported, whatever happens to the driver. A pool that holds nobody says so.
pub async fn exports_are_limited(bench: &dyn PoolBench) {
    let id = make(bench, 1, VolumeSource::Blank).await;
    let slow = IoLimits { write_iops_sec: Some(500), write_iops_sec_max: Some(900), ..IoLimits::default() };
    let target = export(bench, &id).await;
    match bench.pool().limit(&id, &slow, fence(1)).await {
        Err(e) if e.is(Kind::NotImplemented) => return destroy(bench, &[&id]).await,
        limited => limited.unwrap(),
    }
    let other = IoLimits { total_bytes_sec: Some(8 << 20), ..IoLimits::default() };
    for limits in [slow, slow, other, IoLimits::default(), slow] {
        bench.pool().limit(&id, &limits, fence(1)).await.unwrap();
        assert_eq!(bench.pool().limits(&id).await.unwrap(), limits);
        assert_eq!(bench.write(&target, 0, 65536, 0x31).await, Outcome::Done);
    }
    assert!(bench.holds(&target, 0, 65536, 0x31).await);
    bench.reopen().await;
    assert_eq!(bench.pool().limits(&id).await.unwrap(), slow);
    assert_eq!(export(bench, &id).await, target);
    bench.pool().extend(&id, 2, fence(1)).await.unwrap();
    if bench.keeps_bytes() {
        assert_eq!(bench.size(&target).await, 2 << 30);
    }
    assert_eq!(bench.write(&target, (2 << 30) - 4096, 4096, 0x32).await, Outcome::Done, "writable to its new end");
    assert_eq!(bench.pool().limits(&id).await.unwrap(), slow);
    assert!(bench.pool().limit(&id, &other, fence(0)).await.is_err(), "somebody else has the volume");
    unexport(bench, &id).await;
    assert!(bench.pool().limit(&id, &slow, fence(1)).await.is_err(), "there is nobody to be held to anything");
    export(bench, &id).await;
    assert_eq!(bench.pool().limits(&id).await.unwrap(), IoLimits::default());
    destroy(bench, &[&id]).await;
}

/// The same calls from many sides at once end as if made one after another.
pub async fn concurrent_calls_agree(bench: &dyn PoolBench) {
    let spec = spec(1, VolumeSource::Blank);
    let pool = bench.pool();
    for made in join_all((0..6).map(|_| pool.create(&spec, fence(1), no_fetch()))).await {
        made.unwrap();
    }
    let id = &spec.id;
    let targets = join_all((0..6).map(|_| pool.export(id, bench.host(), false, fence(1)))).await;
    let targets: Vec<Target> = targets.into_iter().map(Result::unwrap).collect();
    assert!(targets.iter().all(|t| *t == targets[0]), "{targets:?}");
    let snapshots: Vec<SnapshotId> = (0..3).map(|_| SnapshotId::new()).collect();
    let taken = join_all(snapshots.iter().chain(&snapshots).map(|s| pool.create_snapshot(id, s, fence(1))));
    let grown = join_all([2, 3].map(|size| pool.extend(id, size, fence(1))));
    let (taken, _grown) = tokio::join!(taken, grown);
    taken.into_iter().for_each(Result::unwrap);
    assert_eq!(pool.inventory().await.unwrap().snapshots.len(), 3);
    assert_eq!(pool.stats().await.unwrap().provisioned_gib, 3);
    destroy(bench, &[id]).await;
}
