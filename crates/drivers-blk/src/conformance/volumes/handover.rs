//! Letting go and taking over. For pools that do; one that does neither must refuse both.

use super::*;
use crate::conformance::refused;
use kernel::{Kind, SnapshotId};

async fn found(bench: &dyn PoolBench, reference: &str) -> Option<Candidate> {
    bench.pool().candidates().await.unwrap().into_iter().find(|c| c.reference == reference)
}

/// Bytes at the beginning of a volume, by a guest's hand.
async fn marked(bench: &dyn PoolBench, id: &VolumeId, fence: u64, byte: Option<u8>) {
    let target = bench.pool().export(id, bench.host(), false, Fence { generation: fence }).await.unwrap();
    if bench.keeps_bytes() {
        match byte {
            Some(byte) => assert_eq!(bench.write(&target, 0, 4096, byte).await, Outcome::Done),
            None => assert!(bench.holds(&target, 0, 4096, 0x5a).await, "a volume that was taken over keeps its bytes"),
        }
    }
    bench.pool().unexport(id, Fence { generation: fence }).await.unwrap();
}

pub async fn let_go_and_taken_over(bench: &dyn PoolBench) {
    let (old, new) = (make(bench, 2, VolumeSource::Blank).await, VolumeId::new());
    marked(bench, &old, 1, Some(0x5a)).await;
    export(bench, &old).await;
    refused(bench.pool().release(&old, fence(2)).await, Kind::Conflict);
    bench.pool().unexport(&old, fence(2)).await.unwrap();
    for _ in 0..2 {
        bench.pool().release(&old, fence(2)).await.unwrap();
    }
    bench.reopen().await;
    let reference = format!("volume-{old}");
    assert_eq!(found(bench, &reference).await.map(|c| c.size_gib), Some(2));
    assert_eq!(bench.pool().inventory().await.unwrap(), Inventory::default());
    refused(bench.pool().adopt("volume-of-nobody", &new, fence(1)).await, Kind::BadRequest);
    refused(bench.pool().adopt("../volumes", &new, fence(1)).await, Kind::BadRequest);
    for _ in 0..2 {
        assert_eq!(bench.pool().adopt(&reference, &new, fence(1)).await.unwrap(), 2);
    }
    assert_eq!(found(bench, &reference).await, None);
    marked(bench, &new, 1, None).await;
    destroy(bench, &[&new]).await;
}

pub async fn snapshots_let_go_and_taken_over(bench: &dyn PoolBench) {
    let (pool, id, old, new) =
        (bench.pool(), make(bench, 1, VolumeSource::Blank).await, SnapshotId::new(), SnapshotId::new());
    pool.create_snapshot(&id, &old, fence(1)).await.unwrap();
    refused(pool.release(&id, fence(1)).await, Kind::Conflict);
    for _ in 0..2 {
        pool.release_snapshot(&id, &old, fence(1)).await.unwrap();
    }
    let reference = format!("_snapshot-{old}");
    let candidate = found(bench, &reference).await.expect("it is let go");
    assert_eq!((candidate.size_gib, candidate.of.as_ref()), (1, Some(&id)));
    refused(pool.adopt_snapshot(&id, "nothing", &new, fence(1)).await, Kind::BadRequest);
    for _ in 0..2 {
        pool.adopt_snapshot(&id, &reference, &new, fence(1)).await.unwrap();
    }
    assert_eq!(pool.inventory().await.unwrap().snapshots, vec![(id.clone(), new)]);
    assert_eq!(found(bench, &reference).await, None);
    destroy(bench, &[&id]).await;
}
