//! What is in a volume.

use super::*;
use crate::conformance::refused;
use kernel::{Kind, SnapshotId};

const MIB: u64 = 1 << 20;

pub async fn written_stays(bench: &dyn PoolBench) {
    let id = make(bench, 1, VolumeSource::Blank).await;
    let target = export(bench, &id).await;
    assert!(bench.holds(&target, 0, MIB, 0).await, "a new volume is empty");
    assert_eq!(bench.write(&target, 5 * MIB, MIB, 0x31).await, Outcome::Done);
    unexport(bench, &id).await;
    bench.reopen().await;
    let target = export(bench, &id).await;
    assert!(bench.holds(&target, 5 * MIB, MIB, 0x31).await && bench.holds(&target, 6 * MIB, MIB, 0).await);
    destroy(bench, &[&id]).await;
}

pub async fn from_an_image(bench: &dyn PoolBench) {
    let (image, fetch) = bench.image().await;
    let spec = spec(2, VolumeSource::Image(image));
    for _ in 0..2 {
        bench.pool().create(&spec, fence(1), fetch.clone()).await.unwrap();
    }
    let target = export(bench, &spec.id).await;
    if bench.keeps_bytes() {
        assert_eq!(bench.size(&target).await, 2 << 30);
    }
    assert!(bench.holds(&target, 0, 65536, 0x42).await && bench.holds(&target, MIB, MIB, 0).await);
    // A second create must not touch it.
    bench.write(&target, 0, 4096, 0x43).await;
    bench.pool().create(&spec, fence(1), fetch).await.unwrap();
    assert!(bench.holds(&target, 0, 4096, 0x43).await);
    destroy(bench, &[&spec.id]).await;
}

pub async fn bad_images_leave_nothing(bench: &dyn PoolBench) {
    if !bench.keeps_bytes() {
        return;
    }
    let (image, fetch) = bench.image().await;
    let flipped = format!("{}{}", if image.hash.starts_with('0') { '1' } else { '0' }, &image.hash[1..]);
    for (bad, size_gib) in [
        (ImageBytes { hash: flipped, ..image.clone() }, 1),
        (ImageBytes { hash_algo: "crc32".into(), ..image.clone() }, 1),
        (ImageBytes { size: image.size + 1, ..image.clone() }, 1),
        (ImageBytes { disk_format: "vmdk".into(), ..image.clone() }, 1),
        (ImageBytes { disk_format: "docker".into(), ..image.clone() }, 1),
        (image.clone(), 0),
    ] {
        let spec = spec(size_gib, VolumeSource::Image(bad));
        refused(bench.pool().create(&spec, fence(1), fetch.clone()).await, Kind::BadRequest);
        assert_eq!(bench.leftovers(&spec.id).await, Vec::<String>::new());
    }
    assert_eq!(bench.pool().inventory().await.unwrap(), Inventory::default());
}

pub async fn snapshots_at_rest(bench: &dyn PoolBench) {
    let (pool, id, snapshot) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await, SnapshotId::new());
    let target = export(bench, &id).await;
    bench.write(&target, 0, MIB, 0x51).await;
    unexport(bench, &id).await;
    pool.create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    shows_the_past(bench, &id, &snapshot, 0x51).await;
    destroy(bench, &[&id]).await;
}

pub async fn snapshots_of_exported(bench: &dyn PoolBench) {
    let (pool, id, snapshot) = (bench.pool(), make(bench, 1, VolumeSource::Blank).await, SnapshotId::new());
    let target = export(bench, &id).await;
    bench.write(&target, 0, MIB, 0x52).await;
    pool.create_snapshot(&id, &snapshot, fence(1)).await.unwrap();
    assert_eq!(export(bench, &id).await, target);
    shows_the_past(bench, &id, &snapshot, 0x52).await;
    destroy(bench, &[&id]).await;
}

/// The volume goes on, the snapshot stays, and a larger volume can be made of it.
async fn shows_the_past(bench: &dyn PoolBench, id: &VolumeId, snapshot: &SnapshotId, byte: u8) {
    let target = export(bench, id).await;
    bench.write(&target, 0, MIB, 0xee).await;
    bench.pool().create_snapshot(id, snapshot, fence(1)).await.unwrap();
    let source = VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: id.clone() };
    refused(bench.pool().create(&spec(0, source.clone()), fence(1), no_fetch()).await, Kind::BadRequest);
    let restored = make(bench, 2, source).await;
    bench.pool().delete_snapshot(id, snapshot, fence(1)).await.unwrap();
    let target = export(bench, &restored).await;
    assert!(bench.holds(&target, 0, MIB, byte).await && bench.holds(&target, MIB, MIB, 0).await);
    if bench.keeps_bytes() {
        assert_eq!(bench.size(&target).await, 2 << 30);
    }
    destroy(bench, &[&restored]).await;
}

pub async fn clones(bench: &dyn PoolBench) {
    let id = make(bench, 1, VolumeSource::Blank).await;
    let target = export(bench, &id).await;
    bench.write(&target, 0, MIB, 0x61).await;
    let source = VolumeSource::Volume { volume: id.clone() };
    let in_use = make(bench, 1, source.clone()).await;
    unexport(bench, &id).await;
    let at_rest = make(bench, 2, source).await;
    let target = export(bench, &id).await;
    bench.write(&target, 0, MIB, 0x62).await;
    for clone in [&in_use, &at_rest] {
        let target = export(bench, clone).await;
        assert!(bench.holds(&target, 0, MIB, 0x61).await);
        bench.write(&target, 0, MIB, 0x63).await;
    }
    assert!(bench.holds(&target, 0, MIB, 0x62).await, "nothing is shared");
    destroy(bench, &[&in_use, &at_rest, &id]).await;
}

pub async fn copies_out(bench: &dyn PoolBench) {
    let id = make(bench, 1, VolumeSource::Blank).await;
    let target = export(bench, &id).await;
    bench.write(&target, MIB, 65536, 0x71).await;
    let path = bench.scratch().join("copy");
    for round in 0..2 {
        bench.pool().copy_out(&id, "raw", &path).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 1 << 30);
        if bench.keeps_bytes() {
            let mut found = vec![0; 65536];
            let file = std::fs::File::open(&path).unwrap();
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut found, MIB).unwrap();
            assert_eq!(found, vec![0x71; 65536], "round {round}");
        }
        bench.pool().copy_out(&id, "qcow2", &path).await.unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"QFI\xfb\0\0\0\x03"));
        assert!(std::fs::metadata(&path).unwrap().len() < 2 * MIB, "holes stay holes");
        unexport(bench, &id).await;
    }
    refused(bench.pool().copy_out(&id, "vmdk", &path).await, Kind::BadRequest);
    let left: Vec<_> = std::fs::read_dir(bench.scratch()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["copy"]);
    destroy(bench, &[&id]).await;
}

pub async fn read_only_exports(bench: &dyn PoolBench) {
    let id = make(bench, 1, VolumeSource::Blank).await;
    let target = bench.pool().export(&id, bench.host(), true, fence(1)).await.unwrap();
    if bench.keeps_bytes() && bench.guards_writes() {
        assert_eq!(bench.write(&target, 0, 4096, 0x81).await, Outcome::Refused);
    }
    assert!(bench.holds(&target, 0, 4096, 0).await);
    assert_eq!(export(bench, &id).await, target, "the same way, now with writes");
    assert_eq!(bench.write(&target, 0, 4096, 0x82).await, Outcome::Done);
    // Whoever asks for less takes nothing from those who write.
    bench.pool().export(&id, bench.host(), true, fence(1)).await.unwrap();
    assert_eq!(bench.write(&target, 0, 4096, 0x83).await, Outcome::Done);
    assert!(bench.holds(&target, 0, 4096, 0x83).await);
    destroy(bench, &[&id]).await;
}
