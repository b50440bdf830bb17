//! Cases of disks that go to another place while their guest runs.

use super::*;
use ports::KeyBytes;

/// A running guest with a disk, and another place for it.
async fn with_a_disk(bench: &dyn Bench) -> (VmSpec, Disk, DiskSource) {
    let spec = running(bench).await;
    let (disk, place) = (bench.disk(&spec, 1).await, bench.disk(&spec, 2).await);
    bench.driver().attach_disk(&spec.server, &disk, fence(1)).await.unwrap();
    (spec, disk, place.source)
}

/// There and back, each step twice, a driver that ends in between; the guest notices nothing.
pub async fn disks_go_elsewhere(bench: &dyn Bench) {
    let (spec, disk, there) = with_a_disk(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let before = bench.hardware(server).await;
    let io = |iops: u64| IoLimits { total_iops_sec: Some(iops), ..IoLimits::default() };
    let in_force = async || bench.driver().limits(server).await.unwrap().disks.remove(&disk.id).unwrap();
    let slow = |source: &DiskSource| Disk { io: io(500), source: source.clone(), ..disk.clone() };
    driver.limit_disk(server, &slow(&disk.source), fence(1)).await.unwrap();
    refused(driver.mirror_disk(server, "nonsense", &there, fence(1)).await, Kind::NotFound);
    refused(driver.move_disk(server, &disk.id, &there, fence(1)).await, Kind::Conflict);
    for _ in 0..2 {
        driver.mirror_disk(server, &disk.id, &there, fence(2)).await.unwrap();
        assert_state(bench, server, VmState::Running).await;
    }
    refused(driver.mirror_disk(server, &disk.id, &there, fence(1)).await, Kind::Conflict);
    drop(driver);
    bench.reopen(&[]).await;
    let driver = bench.driver();
    assert_state(bench, server, VmState::Running).await;
    // It is let go by who holds it.
    driver.resume(server, fence(2)).await.unwrap();
    for _ in 0..2 {
        driver.move_disk(server, &disk.id, &there, fence(3)).await.unwrap();
        assert_state(bench, server, VmState::Running).await;
    }
    driver.mirror_disk(server, &disk.id, &there, fence(3)).await.unwrap();
    assert_eq!(bench.hardware(server).await, before);
    assert_eq!(in_force().await, io(500), "it is held to what it was held to");
    driver.limit_disk(server, &Disk { io: io(900), ..slow(&there) }, fence(3)).await.unwrap();
    assert_eq!(in_force().await, io(900), "and to what is said where it is");
    driver.mirror_disk(server, &disk.id, &disk.source, fence(3)).await.unwrap();
    driver.move_disk(server, &disk.id, &disk.source, fence(3)).await.unwrap();
    assert_eq!(in_force().await, io(900));
    driver.detach_disk(server, &disk.id, fence(3)).await.unwrap();
    // It hears its power button.
    driver.stop(server, GRACEFUL, fence(3)).await.unwrap();
    destroy(bench, server).await;
}

/// Called off before and after it was mirrored; what is paused stays so; what is off is moved on paper.
pub async fn disks_stay_where_they_are(bench: &dyn Bench) {
    let (spec, disk, there) = with_a_disk(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    driver.keep_disk(server, &disk.id, fence(1)).await.unwrap();
    driver.mirror_disk(server, &disk.id, &there, fence(1)).await.unwrap();
    refused(driver.detach_disk(server, &disk.id, fence(1)).await, Kind::Unavailable);
    for _ in 0..2 {
        driver.keep_disk(server, &disk.id, fence(1)).await.unwrap();
        assert_state(bench, server, VmState::Running).await;
    }
    refused(driver.move_disk(server, &disk.id, &there, fence(1)).await, Kind::Conflict);
    driver.pause(server, fence(1)).await.unwrap();
    driver.mirror_disk(server, &disk.id, &there, fence(1)).await.unwrap();
    driver.move_disk(server, &disk.id, &there, fence(1)).await.unwrap();
    assert_state(bench, server, VmState::Paused).await;
    driver.resume(server, fence(1)).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    driver.stop(server, GRACEFUL, fence(1)).await.unwrap();
    refused(driver.mirror_disk(server, &disk.id, &disk.source, fence(1)).await, Kind::Conflict);
    driver.move_disk(server, &disk.id, &disk.source, fence(1)).await.unwrap();
    driver.keep_disk(server, &disk.id, fence(1)).await.unwrap();
    destroy(bench, server).await;
}

/// The copy of an encrypted disk is encrypted, with the key that the guest's host has already.
pub async fn encrypted_disks_go_elsewhere(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server, key) = (bench.driver(), &spec.server, KeyBytes::new((0..32).collect()));
    let (here, there) = (bench.encrypted_disk(&spec, 1, &key).await, bench.encrypted_disk(&spec, 2, &key).await);
    let disk = Disk { encryption: DiskEncryption::Luks { key: Some(key) }, ..here };
    driver.attach_disk(server, &disk, fence(1)).await.unwrap();
    let there = there.source;
    driver.mirror_disk(server, &disk.id, &there, fence(1)).await.unwrap();
    driver.move_disk(server, &disk.id, &there, fence(1)).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    driver.detach_disk(server, &disk.id, fence(1)).await.unwrap();
    destroy(bench, server).await;
}
