//! What is kept apart from the pool, and what is written over a volume.

use super::*;
use crate::conformance::refused;
use kernel::{Kind, SnapshotId};

const MIB: u64 = 1 << 20;

fn place(name: &str) -> BackupPlace {
    BackupPlace { backup: name.into(), container: "kept".into() }
}

fn full(name: &str) -> BackupSpec {
    BackupSpec { place: place(name), snapshot: None, parent: None }
}

pub async fn backups_hold_the_moment(bench: &dyn PoolBench) {
    let (pool, id, snapshot) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await, SnapshotId::new());
    refused(pool.back_up(&VolumeId::new(), &full("none")).await, Kind::NotFound);
    refused(pool.backup_info(&place("none")).await, Kind::NotFound);
    let target = export(bench, &id).await;
    bench.write(&target, 9 * MIB, MIB, 0x91).await;
    pool.create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    let first = pool.back_up(&id, &full("first")).await.unwrap();
    assert!(first.size == 1 << 30 && first.object_count > 0, "{first:?}");
    bench.write(&target, 9 * MIB, MIB, 0x92).await;
    assert_eq!(pool.back_up(&id, &full("first")).await.unwrap(), first, "one that is there stays as it is");
    let old = BackupSpec { snapshot: Some(snapshot.clone()), ..full("old") };
    pool.back_up(&id, &old).await.unwrap();
    destroy(bench, &[&id]).await;
    drop(pool);
    bench.reopen().await;
    let pool = bench.pool();
    assert_eq!(pool.backup_info(&place("first")).await.unwrap(), first, "it outlives its volume");
    for name in ["first", "old"] {
        let restored = make(bench, 2, VolumeSource::Backup(place(name))).await;
        let target = export(bench, &restored).await;
        assert!(bench.holds(&target, 9 * MIB, MIB, 0x91).await && bench.holds(&target, 0, MIB, 0).await, "{name}");
        destroy(bench, &[&restored]).await;
    }
    for name in ["first", "old", "first"] {
        pool.delete_backup(&place(name)).await.unwrap();
        refused(pool.backup_info(&place(name)).await, Kind::NotFound);
    }
}

/// A chain gives back each of its moments.
pub async fn increments(bench: &dyn PoolBench) {
    let (pool, id) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await);
    let target = export(bench, &id).await;
    bench.write(&target, 0, 8 * MIB, 0xa1).await;
    let whole = pool.back_up(&id, &full("zero")).await.unwrap();
    bench.write(&target, 0, MIB, 0xa2).await;
    let next = BackupSpec { parent: Some(place("zero")), ..full("one") };
    let more = pool.back_up(&id, &next).await.unwrap();
    if bench.keeps_bytes() {
        assert!(more.object_count < whole.object_count, "what did not change is not kept again: {more:?} {whole:?}");
    }
    refused(pool.back_up(&id, &BackupSpec { parent: Some(place("nobody")), ..full("two") }).await, Kind::NotFound);
    for (name, byte) in [("zero", 0xa1), ("one", 0xa2)] {
        let restored = make(bench, 1, VolumeSource::Backup(place(name))).await;
        let target = export(bench, &restored).await;
        assert!(bench.holds(&target, 0, MIB, byte).await && bench.holds(&target, MIB, 7 * MIB, 0xa1).await, "{name}");
        destroy(bench, &[&restored]).await;
    }
    for name in ["one", "zero"] {
        pool.delete_backup(&place(name)).await.unwrap();
    }
    destroy(bench, &[&id]).await;
}

pub async fn rewritten(bench: &dyn PoolBench) {
    let (pool, id, snapshot) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await, SnapshotId::new());
    let target = export(bench, &id).await;
    bench.write(&target, 0, MIB, 0xb1).await;
    pool.create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    bench.write(&target, 0, MIB, 0xb2).await;
    let source = VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: id.clone() };
    let over = VolumeSpec { id: id.clone(), size_gib: 2, source };
    refused(pool.rewrite(&over, fence(1), no_fetch()).await, Kind::Conflict);
    assert!(bench.holds(&target, 0, MIB, 0xb2).await, "refused calls did nothing");
    unexport(bench, &id).await;
    for _ in 0..2 {
        pool.rewrite(&over, fence(2), no_fetch()).await.unwrap();
    }
    refused(pool.rewrite(&over, fence(1), no_fetch()).await, Kind::Conflict);
    let absent = VolumeSpec { id: VolumeId::new(), ..over.clone() };
    refused(pool.rewrite(&absent, fence(1), no_fetch()).await, Kind::NotFound);
    let target = pool.export(&id, bench.host(), false, fence(2)).await.unwrap();
    assert!(bench.holds(&target, 0, MIB, 0xb1).await);
    if bench.keeps_bytes() {
        assert_eq!(bench.size(&target).await, 2 << 30);
    }
    destroy(bench, &[&id]).await;
}
