//! Cases of guests that are given another shape, or other limits, while they run.

use super::*;

fn roomy(spec: VmSpec) -> VmSpec {
    let (base_vcpus, base_mib) = (spec.vcpus, spec.memory_mib);
    VmSpec { room: Some(Room { base_vcpus, base_mib, most_memory_mib: base_mib + 256, most_vcpus: 4 }), ..spec }
}

async fn has(bench: &dyn Bench, server: &ServerId) -> (u32, u64) {
    let limits = bench.driver().limits(server).await.unwrap();
    (limits.vcpus, limits.memory_mib)
}

pub async fn takes_another_shape(bench: &dyn Bench) {
    let spec = roomy(bench.spec(Manners::Obeys).await);
    let (driver, server) = (bench.driver(), &spec.server);
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    let (uptime, base) = (driver.stats(server).await.unwrap().uptime_seconds, spec.memory_mib);
    let larger = VmSpec { vcpus: 3, memory_mib: base + 128, ..spec.clone() };
    for _ in 0..2 {
        driver.reshape(&larger, fence(2)).await.unwrap();
        assert_eq!(has(bench, server).await, (3, base + 128));
    }
    assert_eq!(driver.stats(server).await.unwrap().memory_max_kib, (base + 128) * 1024);
    // What does not fit, or would take a vCPU out, changes nothing.
    let room = spec.room.unwrap();
    for (wrong, kind) in [
        (VmSpec { vcpus: 5, ..larger.clone() }, Kind::BadRequest),
        (VmSpec { memory_mib: room.most_memory_mib + 2, ..larger.clone() }, Kind::BadRequest),
        (VmSpec { memory_mib: base - 2, ..larger.clone() }, Kind::BadRequest),
        (VmSpec { vcpus: 2, ..larger.clone() }, Kind::Conflict),
        (VmSpec { vcpus: 4, room: None, ..larger.clone() }, Kind::Conflict),
    ] {
        refused(driver.reshape(&wrong, fence(2)).await, kind);
        assert_eq!(has(bench, server).await, (3, base + 128));
    }
    refused(driver.reshape(&spec, fence(1)).await, Kind::Conflict);
    // Memory is taken back, by another driver too.
    let less = VmSpec { memory_mib: base + 64, ..larger.clone() };
    drop(driver);
    bench.reopen(&[]).await;
    let driver = bench.driver();
    driver.reshape(&less, fence(3)).await.unwrap();
    assert_eq!(has(bench, server).await, (3, base + 64));
    assert!(driver.stats(server).await.unwrap().uptime_seconds >= uptime, "it runs on");
    assert_eq!(boots(bench, server).await, 1);
    // The next start is of this shape, in the same room.
    driver.stop(server, StopMode::Force, fence(3)).await.unwrap();
    refused(driver.reshape(&larger, fence(3)).await, Kind::Conflict);
    driver.start(&less, fence(3)).await.unwrap();
    assert_eq!(has(bench, server).await, (3, base + 64));
    driver.reshape(&larger, fence(3)).await.unwrap();
    destroy(bench, server).await;
}

/// One that was given more goes to another host as it is.
pub async fn goes_in_another_shape(bench: &dyn Bench) {
    let spec = roomy(bench.spec(Manners::Obeys).await);
    let (driver, server) = (bench.driver(), &spec.server);
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    let larger = VmSpec { vcpus: 2, memory_mib: spec.memory_mib + 64, ..spec.clone() };
    driver.reshape(&larger, fence(1)).await.unwrap();
    let (there, travel) = awaited(bench, &larger).await;
    assert_eq!(driver.send(server, &travel, fence(1)).await.unwrap(), Sent::All);
    there.land(server, Then::Run, fence(1)).await.unwrap();
    let limits = there.limits(server).await.unwrap();
    assert_eq!((limits.vcpus, limits.memory_mib), (2, spec.memory_mib + 64));
    let still_larger = VmSpec { vcpus: 3, memory_mib: spec.memory_mib + 128, ..larger };
    there.reshape(&still_larger, fence(1)).await.unwrap();
    assert_eq!(there.limits(server).await.unwrap().vcpus, 3);
    assert_eq!(there.status(server).await.unwrap().state, VmState::Running);
    nothing_left(bench, server).await;
}

/// Limits come and go while it runs; what is told is what is in force.
pub async fn limits_come_and_go(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let check = async |spec: &VmSpec, shares: u64| {
        driver.reshape(spec, fence(1)).await.unwrap();
        driver.limit_disk(server, &spec.disks[0], fence(1)).await.unwrap();
        let limits = driver.limits(server).await.unwrap();
        // Version 2 of control groups has coarser shares.
        let told = limits.cpu_shares.expect("shares are in force");
        assert!(told.abs_diff(shares) * 20 < shares, "{told} of {shares}");
        assert_eq!((limits.cpu_quota_milli, limits.disks["root"]), (spec.cpu_quota_milli, spec.disks[0].io));
    };
    let mut limited = VmSpec { cpu_shares: Some(512), cpu_quota_milli: Some(250), ..spec.clone() };
    limited.disks[0].io = IoLimits {
        read_iops_sec: Some(50),
        read_iops_sec_max: Some(500),
        size_iops_sec: Some(4096),
        total_bytes_sec: Some(1 << 20),
        total_bytes_sec_max: Some(4 << 20),
        total_bytes_sec_max_length: Some(10),
        ..IoLimits::default()
    };
    check(&limited, 512).await;
    check(&limited, 512).await;
    let usual = VmSpec { cpu_shares: Some(1024), ..spec.clone() };
    check(&usual, 1024).await;
    let quota = VmSpec { cpu_quota_milli: Some(1500), ..usual };
    check(&quota, 1024).await;
    destroy(bench, server).await;
}
