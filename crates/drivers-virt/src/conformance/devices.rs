//! Cases of disks, network interfaces and counters.

use super::*;
use ports::KeyBytes;

async fn has(bench: &dyn Bench, server: &ServerId) -> (Vec<String>, usize) {
    let status = bench.driver().status(server).await.unwrap();
    (status.disks, status.ports.len())
}

pub async fn disks_come_and_go(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let bare = bench.hardware(server).await;
    let (one, two) = (bench.disk(&spec, 1).await, bench.disk(&spec, 2).await);
    for _ in 0..2 {
        driver.attach_disk(server, &one, fence(1)).await.unwrap();
    }
    driver.attach_disk(server, &two, fence(1)).await.unwrap();
    assert_eq!(has(bench, server).await.0, ["root".to_owned(), one.id.clone(), two.id.clone()]);
    assert_eq!(bench.hardware(server).await.len(), bare.len() + 2);
    let other = Disk { id: "other".into(), ..one.clone() };
    refused(driver.attach_disk(server, &other, fence(1)).await, Kind::BadRequest);
    // Limits come and go while it runs.
    let slow = Disk { io: IoLimits { total_iops_sec: Some(100), ..IoLimits::default() }, ..two.clone() };
    for limited in [&slow, &slow, &two, &slow] {
        driver.limit_disk(server, limited, fence(1)).await.unwrap();
    }
    refused(driver.limit_disk(server, &other, fence(1)).await, Kind::NotFound);
    for _ in 0..2 {
        driver.detach_disk(server, &one.id, fence(1)).await.unwrap();
    }
    assert_eq!(has(bench, server).await.0, ["root".to_owned(), two.id.clone()]);
    // The slot is free again, and the guest still runs after all this.
    driver.attach_disk(server, &other, fence(1)).await.unwrap();
    driver.detach_disk(server, "other", fence(1)).await.unwrap();
    driver.detach_disk(server, &two.id, fence(1)).await.unwrap();
    assert_eq!(bench.hardware(server).await, bare);
    refused(driver.resize_disk(server, "nonsense", 1 << 30).await, Kind::NotFound);
    driver.resize_disk(server, "root", 64 << 20).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    destroy(bench, server).await;
}

/// An encrypted disk is opened with its key, and with nothing else.
pub async fn encrypted_disks_need_their_key(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let key = KeyBytes::new((0..32).collect());
    let locked = Disk { encryption: DiskEncryption::Luks { key: None }, ..bench.encrypted_disk(&spec, 1, &key).await };
    let disk = Disk { encryption: DiskEncryption::Luks { key: Some(key) }, ..locked.clone() };
    refused(driver.attach_disk(server, &locked, fence(1)).await, Kind::Conflict);
    assert_eq!(has(bench, server).await.0, ["root"]);
    for _ in 0..2 {
        driver.attach_disk(server, &disk, fence(1)).await.unwrap();
    }
    assert_eq!(has(bench, server).await.0, ["root".to_owned(), disk.id.clone()]);
    driver.detach_disk(server, &disk.id, fence(1)).await.unwrap();
    driver.attach_disk(server, &disk, fence(1)).await.unwrap();
    // The next start needs it again: the driver has not kept it.
    drop(driver);
    bench.reopen(&[]).await;
    let driver = bench.driver();
    driver.stop(server, StopMode::Force, fence(2)).await.unwrap();
    let with = |disk: &Disk| VmSpec { disks: vec![spec.disks[0].clone(), disk.clone()], ..spec.clone() };
    refused(driver.start(&with(&locked), fence(3)).await, Kind::Conflict);
    driver.start(&with(&disk), fence(4)).await.unwrap();
    assert_eq!(has(bench, server).await.0, ["root".to_owned(), disk.id.clone()]);
    refused(driver.reboot(&with(&locked), RebootMode::Hard, fence(5)).await, Kind::Conflict);
    assert_state(bench, server, VmState::Running).await;
    destroy(bench, server).await;
}

pub async fn nics_come_and_go(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let (bare, nic) = (bench.hardware(server).await, bench.nic(&spec, 1).await);
    for _ in 0..2 {
        driver.attach_nic(server, &nic, fence(1)).await.unwrap();
    }
    assert_eq!(driver.status(server).await.unwrap().ports, [spec.nics[0].port.clone(), nic.port.clone()]);
    assert_eq!(bench.hardware(server).await.len(), bare.len() + 1);
    for _ in 0..2 {
        driver.detach_nic(server, &nic.port, fence(1)).await.unwrap();
    }
    assert_eq!(has(bench, server).await.1, 1);
    assert_eq!(bench.hardware(server).await, bare);
    destroy(bench, server).await;
}

/// A guest that does not run is changed on paper, and starts with what the paper says.
pub async fn devices_of_a_stopped_guest(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    driver.stop(server, StopMode::Force, fence(1)).await.unwrap();
    let (disk, nic) = (bench.disk(&spec, 1).await, bench.nic(&spec, 1).await);
    driver.attach_disk(server, &disk, fence(1)).await.unwrap();
    driver.attach_nic(server, &nic, fence(1)).await.unwrap();
    assert_eq!(has(bench, server).await, (vec!["root".into(), disk.id.clone()], 2));
    driver.detach_disk(server, &disk.id, fence(1)).await.unwrap();
    driver.detach_nic(server, &nic.port, fence(1)).await.unwrap();
    assert_eq!(has(bench, server).await, (vec!["root".into()], 1));
    driver.resize_disk(server, "root", 64 << 20).await.unwrap();
    destroy(bench, server).await;
}

pub async fn deaf_guest_keeps_its_device(bench: &dyn Bench) {
    let (driver, spec) = (bench.driver(), bench.spec(Manners::Deaf).await);
    let (server, disk) = (&spec.server, bench.disk(&spec, 1).await);
    driver.start(&spec, fence(1)).await.unwrap();
    driver.attach_disk(server, &disk, fence(1)).await.unwrap();
    refused(driver.detach_disk(server, &disk.id, fence(1)).await, Kind::Conflict);
    assert_eq!(has(bench, server).await.0, ["root".to_owned(), disk.id.clone()], "it is still in the guest");
    driver.stop(server, StopMode::Force, fence(1)).await.unwrap();
    driver.detach_disk(server, &disk.id, fence(1)).await.unwrap();
    assert_eq!(has(bench, server).await.0, ["root"]);
    destroy(bench, server).await;
}

/// The same spec is the same hardware, whether a device was there from the start or came later.
pub async fn same_hardware(bench: &dyn Bench) {
    let mut spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server.clone());
    let (disk, nic) = (bench.disk(&spec, 3).await, bench.nic(&spec, 2).await);
    driver.attach_nic(server, &nic, fence(1)).await.unwrap();
    driver.attach_disk(server, &disk, fence(1)).await.unwrap();
    let plugged = bench.hardware(server).await;
    spec.disks.push(disk);
    spec.nics.push(nic);
    for _ in 0..2 {
        driver.stop(server, StopMode::Force, fence(1)).await.unwrap();
        driver.start(&spec, fence(1)).await.unwrap();
        assert_eq!(bench.hardware(server).await, plugged);
    }
    destroy(bench, server).await;
}

/// A copy is one qcow2 file with nothing behind it; the guest runs on.
pub async fn copy_of_a_disk(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let to = bench.scratch().join(format!("copy-{server}"));
    for _ in 0..2 {
        driver.copy_disk(server, "root", &to, Quiesce::No).await.unwrap();
        let head = std::fs::read(&to).unwrap();
        // "QFI\xfb", version 3, no backing file name: docs/interop/qcow2.txt
        assert_eq!(head[..16], [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    assert_state(bench, server, VmState::Running).await;
    refused(driver.copy_disk(server, "nonsense", &to, Quiesce::No).await, Kind::NotFound);
    let nowhere = bench.scratch().join("no such directory").join("copy");
    assert!(driver.copy_disk(server, "root", &nowhere, Quiesce::No).await.is_err());
    destroy(bench, server).await;
    let mut left = std::fs::read_dir(bench.scratch()).unwrap().map(|e| e.unwrap().path());
    assert!(left.all(|p| p == to || !p.to_string_lossy().contains("copy-")), "only the copy is there, no part of one");
    std::fs::remove_file(to).unwrap();
}

/// Held by its agent for as long as it is told, and while a copy begins.
pub async fn file_systems_at_rest(bench: &dyn Bench) {
    let spec = VmSpec { guest_agent: true, ..bench.spec(Manners::Obeys).await };
    let (driver, server) = (bench.driver(), &spec.server);
    let to = bench.scratch().join(format!("copy-{server}"));
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    bench.agent(server).await;
    for _ in 0..2 {
        driver.freeze(server, PATIENCE).await.unwrap();
        assert!(bench.is_held(server).await);
    }
    assert!(driver.thaw(server).await.unwrap());
    assert!(!bench.is_held(server).await);
    assert!(!driver.thaw(server).await.unwrap(), "it is not held any more");
    for quiesce in [Quiesce::No, Quiesce::IfPossible, Quiesce::Required] {
        driver.copy_disk(server, "root", &to, quiesce).await.unwrap();
        assert!(to.exists() && !bench.is_held(server).await, "{quiesce:?}");
        std::fs::remove_file(&to).unwrap();
    }
    // Whoever was to let it go on has died.
    driver.freeze(server, Duration::ZERO).await.unwrap();
    eventually("it goes on by itself", async || !bench.is_held(server).await).await;
    assert!(!driver.thaw(server).await.unwrap());
    driver.freeze(server, PATIENCE).await.unwrap();
    drop(driver);
    bench.reopen(&[]).await;
    bench.driver().thaw(server).await.unwrap();
    assert!(!bench.is_held(server).await);
    destroy(bench, server).await;
    // No agent, and one that does not answer.
    for (manners, guest_agent) in [(Manners::Obeys, false), (Manners::Deaf, true)] {
        let spec = VmSpec { guest_agent, ..bench.spec(manners).await };
        let (driver, server) = (bench.driver(), &spec.server);
        driver.start(&spec, fence(1)).await.unwrap();
        refused(driver.freeze(server, PATIENCE).await, Kind::Conflict);
        assert!(!driver.thaw(server).await.unwrap());
        refused(driver.copy_disk(server, "root", &to, Quiesce::Required).await, Kind::Conflict);
        assert!(!to.exists());
        driver.copy_disk(server, "root", &to, Quiesce::IfPossible).await.unwrap();
        std::fs::remove_file(&to).unwrap();
        destroy(bench, server).await;
        refused(driver.freeze(server, PATIENCE).await, Kind::NotFound);
    }
}

pub async fn counters(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let stats = driver.stats(server).await.unwrap();
    assert_eq!(stats.cpu_time_ns.len(), spec.vcpus as usize);
    assert_eq!(stats.memory_max_kib, spec.memory_mib * 1024);
    assert!(stats.memory_used_kib > 0);
    assert_eq!(stats.disks.iter().map(|d| d.0.as_str()).collect::<Vec<_>>(), ["root"]);
    assert!(stats.disks[0].2 > 0, "a guest that has booted has read from its disk");
    let caps = driver.capabilities().await.unwrap();
    assert!(caps.vcpus > 0 && caps.memory_mib > 0 && caps.disk_gib > 0, "{caps:?}");
    let load = driver.load().await.unwrap();
    assert!([load.cpu, load.memory].iter().all(|share| (0.0..=1.0).contains(share)), "{load:?}");
    destroy(bench, server).await;
}
