//! Coming, going, and who may ask for it.

use super::*;
use crate::conformance::refused;
use kernel::{Kind, SnapshotId};

pub async fn lifecycle(bench: &dyn PoolBench) {
    let pool = bench.pool();
    let spec = spec(1, VolumeSource::Blank);
    for _ in 0..2 {
        pool.create(&spec, fence(1), no_fetch()).await.unwrap();
        let expect = Inventory { volumes: vec![spec.id.clone()], ..Inventory::default() };
        assert_eq!(pool.inventory().await.unwrap(), expect);
    }
    let snapshot = SnapshotId::new();
    for _ in 0..2 {
        pool.create_snapshot(&spec.id, &snapshot, fence(1)).await.unwrap();
        assert_eq!(pool.inventory().await.unwrap().snapshots, vec![(spec.id.clone(), snapshot.clone())]);
    }
    for _ in 0..2 {
        pool.delete_snapshot(&spec.id, &snapshot, fence(1)).await.unwrap();
        assert_eq!(pool.inventory().await.unwrap().snapshots, vec![]);
    }
    for _ in 0..2 {
        pool.delete(&spec.id, fence(2)).await.unwrap();
        assert_eq!(pool.inventory().await.unwrap(), Inventory::default());
        assert_eq!(bench.leftovers(&spec.id).await, Vec::<String>::new());
    }
}

pub async fn absent_volumes(bench: &dyn PoolBench) {
    let (pool, id, snapshot) = (bench.pool(), VolumeId::new(), SnapshotId::new());
    refused(pool.extend(&id, 2, fence(1)).await, Kind::NotFound);
    refused(pool.create_snapshot(&id, &snapshot, fence(1)).await, Kind::NotFound);
    refused(pool.export(&id, bench.host(), false, fence(1)).await, Kind::NotFound);
    refused(pool.copy_out(&id, "raw", &bench.scratch().join("absent")).await, Kind::NotFound);
    for source in [
        VolumeSource::Volume { volume: id.clone() },
        VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: id.clone() },
    ] {
        let spec = spec(1, source);
        refused(pool.create(&spec, fence(1), no_fetch()).await, Kind::NotFound);
        assert_eq!(bench.leftovers(&spec.id).await, Vec::<String>::new());
    }
    pool.unexport(&id, fence(1)).await.unwrap();
    pool.delete_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    pool.delete(&id, fence(1)).await.unwrap();
    assert_eq!(pool.inventory().await.unwrap(), Inventory::default());
    assert_eq!(bench.leftovers(&id).await, Vec::<String>::new());
}

pub async fn fences(bench: &dyn PoolBench) {
    let (id, snapshot) = (make(bench, 1, VolumeSource::Blank).await, SnapshotId::new());
    bench.pool().create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    bench.pool().export(&id, bench.host(), false, fence(7)).await.unwrap();
    let spec = VolumeSpec { id: id.clone(), size_gib: 1, source: VolumeSource::Blank };
    bench.reopen().await;
    let pool = bench.pool();
    refused(pool.create(&spec, fence(6), no_fetch()).await, Kind::Conflict);
    refused(pool.extend(&id, 2, fence(6)).await, Kind::Conflict);
    refused(pool.create_snapshot(&id, &SnapshotId::new(), fence(6)).await, Kind::Conflict);
    refused(pool.delete_snapshot(&id, &snapshot, fence(6)).await, Kind::Conflict);
    refused(pool.export(&id, bench.host(), false, fence(6)).await, Kind::Conflict);
    refused(pool.unexport(&id, fence(6)).await, Kind::Conflict);
    refused(pool.delete(&id, fence(6)).await, Kind::Conflict);
    let held = pool.inventory().await.unwrap();
    assert_eq!((held.snapshots.len(), held.exports), (1, vec![id.clone()]), "refused calls did nothing");
    pool.unexport(&id, fence(7)).await.unwrap();
    destroy(bench, &[&id]).await;
}

pub async fn fences_outlive_volumes(bench: &dyn PoolBench) {
    let spec = spec(1, VolumeSource::Blank);
    // A create that was given up and comes late, after its own undoing.
    bench.pool().delete(&spec.id, fence(4)).await.unwrap();
    refused(bench.pool().create(&spec, fence(3), no_fetch()).await, Kind::Conflict);
    bench.pool().create(&spec, fence(4), no_fetch()).await.unwrap();
    bench.pool().delete(&spec.id, fence(5)).await.unwrap();
    bench.reopen().await;
    refused(bench.pool().create(&spec, fence(4), no_fetch()).await, Kind::Conflict);
    assert_eq!(bench.pool().inventory().await.unwrap(), Inventory::default());
}

pub async fn statistics(bench: &dyn PoolBench) {
    let before = bench.pool().stats().await.unwrap();
    assert_eq!((before.volumes, before.provisioned_gib), (0, 0));
    assert!(before.total_mib > 0 && before.free_mib <= before.total_mib && !before.pool.is_empty(), "{before:?}");
    let (one, two) = (make(bench, 1, VolumeSource::Blank).await, make(bench, 3, VolumeSource::Blank).await);
    let with_two = bench.pool().stats().await.unwrap();
    assert_eq!((with_two.volumes, with_two.provisioned_gib), (2, 4));
    bench.pool().extend(&one, 5, fence(1)).await.unwrap();
    assert_eq!(bench.pool().stats().await.unwrap().provisioned_gib, 8);
    destroy(bench, &[&one, &two]).await;
    assert_eq!(bench.pool().stats().await.unwrap().volumes, 0);
}

pub async fn deletion_is_refused(bench: &dyn PoolBench) {
    let (pool, id, snapshot) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await, SnapshotId::new());
    export(bench, &id).await;
    refused(pool.delete(&id, fence(1)).await, Kind::Conflict);
    unexport(bench, &id).await;
    pool.create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    refused(pool.delete(&id, fence(1)).await, Kind::Conflict);
    assert_eq!(pool.inventory().await.unwrap().volumes, vec![id.clone()]);
    pool.delete_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    pool.delete(&id, fence(1)).await.unwrap();
    assert_eq!(bench.leftovers(&id).await, Vec::<String>::new());
}

/// Ids are opaque to most of TStack; to a pool they become names of files.
pub async fn odd_ids(bench: &dyn PoolBench) {
    for odd in ["", ".", "..", "../x", "a/b", "/etc/passwd", "a b", &"x".repeat(200)] {
        let spec = VolumeSpec { id: odd.into(), size_gib: 1, source: VolumeSource::Blank };
        refused(bench.pool().create(&spec, fence(1), no_fetch()).await, Kind::BadRequest);
        refused(bench.pool().delete(&spec.id, fence(1)).await, Kind::BadRequest);
        let id = make(bench, 1, VolumeSource::Blank).await;
        refused(bench.pool().create_snapshot(&id, &odd.into(), fence(1)).await, Kind::BadRequest);
        destroy(bench, &[&id]).await;
    }
}

pub async fn extend_at_rest(bench: &dyn PoolBench) {
    let (pool, id) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await);
    for size in [1, 3, 3] {
        pool.extend(&id, size, fence(1)).await.unwrap();
    }
    refused(pool.extend(&id, 2, fence(1)).await, Kind::BadRequest);
    let target = export(bench, &id).await;
    if bench.keeps_bytes() {
        assert_eq!(bench.size(&target).await, 3 << 30);
    }
    assert_eq!(pool.stats().await.unwrap().provisioned_gib, 3);
    destroy(bench, &[&id]).await;
}
