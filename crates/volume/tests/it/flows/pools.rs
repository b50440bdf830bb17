//! Pools that grow, come late, or are away.

use super::*;
use ::volume::VolumePool;
use serde_json::json;

#[tokio::test]
async fn pools_are_measured_as_they_grow() {
    let cloud = Cloud::new().await;
    let reconciler = ::volume::reconcilers(&cloud.service(&Starter::new("member".into()))).remove(0);
    let known = |name: &str| cloud.store.snapshot().get::<VolumePool>(name);
    let grown = |total: u64, free: u64| {
        let mut stats = known("h1@fake#paper").unwrap().stats.clone();
        (stats.total_mib, stats.free_mib) = (total, free);
        json!({"backend": "fake", "availability_zone": "nova", "stats": stats})
    };
    let late = json!({"backend": "ceph", "availability_zone": "nova", "stats": known("h1@fake#paper").unwrap().stats});
    cloud.pools.measure(vec![grown(200 << 10, 150 << 10), late]);
    reconciler.reconcile().await.unwrap();
    assert_eq!(known("h1@fake#paper").unwrap().stats.total_mib, 200 << 10);
    assert!(known("h1@ceph#paper").is_some(), "one that did not answer before");
    // Noise does not reach the log; a host that is away keeps what it said.
    let before = cloud.store.snapshot().revision();
    cloud.pools.measure(vec![grown(200 << 10, (150 << 10) - 5)]);
    reconciler.reconcile().await.unwrap();
    cloud.pools.away(true);
    reconciler.reconcile().await.unwrap();
    assert_eq!(cloud.store.snapshot().revision(), before);
}
