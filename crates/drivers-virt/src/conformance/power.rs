//! Cases of the state machine: starts, stops, reboots, and what guests do by themselves.

use super::*;

/// The drawing in `compute::driver`, edge by edge, each asked for twice.
pub async fn lifecycle(bench: &dyn Bench) {
    let (driver, spec) = (bench.driver(), bench.spec(Manners::Obeys).await);
    let server = &spec.server;
    assert_state(bench, server, VmState::Absent).await;
    for _ in 0..2 {
        driver.start(&spec, fence(1)).await.unwrap();
        assert_state(bench, server, VmState::Running).await;
    }
    for _ in 0..2 {
        driver.pause(server, fence(1)).await.unwrap();
        assert_state(bench, server, VmState::Paused).await;
    }
    for _ in 0..2 {
        driver.resume(server, fence(1)).await.unwrap();
        assert_state(bench, server, VmState::Running).await;
    }
    for _ in 0..2 {
        driver.stop(server, StopMode::Force, fence(1)).await.unwrap();
        assert_state(bench, server, VmState::Shutdown).await;
    }
    driver.start(&spec, fence(1)).await.unwrap();
    driver.pause(server, fence(1)).await.unwrap();
    driver.stop(server, GRACEFUL, fence(1)).await.unwrap();
    assert_state(bench, server, VmState::Shutdown).await;
    driver.start(&spec, fence(1)).await.unwrap();
    for _ in 0..2 {
        destroy(bench, server).await;
    }
}

/// What has no edge in the drawing is refused and changes nothing.
pub async fn wrong_states(bench: &dyn Bench) {
    let (driver, spec) = (bench.driver(), bench.spec(Manners::Obeys).await);
    let (server, disk, nic) = (&spec.server, bench.disk(&spec, 1).await, bench.nic(&spec, 1).await);
    refused(driver.pause(server, fence(1)).await, Kind::NotFound);
    refused(driver.resume(server, fence(1)).await, Kind::NotFound);
    refused(driver.attach_disk(server, &disk, fence(1)).await, Kind::NotFound);
    refused(driver.attach_nic(server, &nic, fence(1)).await, Kind::NotFound);
    refused(driver.console_log(server, Tail::All).await, Kind::NotFound);
    refused(driver.vnc(server).await, Kind::NotFound);
    refused(driver.stats(server).await, Kind::NotFound);
    refused(driver.resize_disk(server, "root", 1 << 30).await, Kind::NotFound);
    // These ask for what is so already.
    driver.stop(server, GRACEFUL, fence(1)).await.unwrap();
    driver.detach_disk(server, "root", fence(1)).await.unwrap();
    driver.detach_nic(server, &nic.port, fence(1)).await.unwrap();
    assert_eq!(bench.leftovers(server).await, Vec::<String>::new());

    driver.start(&spec, fence(1)).await.unwrap();
    driver.pause(server, fence(1)).await.unwrap();
    refused(driver.start(&spec, fence(1)).await, Kind::Conflict);
    assert_state(bench, server, VmState::Paused).await;
    driver.stop(server, StopMode::Force, fence(1)).await.unwrap();
    refused(driver.pause(server, fence(1)).await, Kind::Conflict);
    refused(driver.resume(server, fence(1)).await, Kind::Conflict);
    refused(driver.vnc(server).await, Kind::Conflict);
    refused(driver.stats(server).await, Kind::Conflict);
    refused(driver.copy_disk(server, "root", &bench.scratch().join("no"), Quiesce::No).await, Kind::Conflict);
    assert_state(bench, server, VmState::Shutdown).await;
    destroy(bench, server).await;
}

/// Nobody with an older generation gets through, before or after a restart of the driver or the end of the guest.
pub async fn fences(bench: &dyn Bench) {
    let spec = bench.spec(Manners::Obeys).await;
    let (server, disk, nic) = (&spec.server, bench.disk(&spec, 1).await, bench.nic(&spec, 1).await);
    bench.driver().start(&spec, fence(5)).await.unwrap();
    let all_refused = async |generation: u64| {
        let (driver, old) = (bench.driver(), fence(generation));
        let before = driver.status(server).await.unwrap();
        refused(driver.start(&spec, old).await, Kind::Conflict);
        refused(driver.stop(server, StopMode::Force, old).await, Kind::Conflict);
        refused(driver.stop(server, GRACEFUL, old).await, Kind::Conflict);
        refused(driver.reboot(&spec, RebootMode::Hard, old).await, Kind::Conflict);
        refused(driver.reboot(&spec, RebootMode::Soft { timeout: PATIENCE }, old).await, Kind::Conflict);
        refused(driver.pause(server, old).await, Kind::Conflict);
        refused(driver.resume(server, old).await, Kind::Conflict);
        refused(driver.destroy(server, old).await, Kind::Conflict);
        refused(driver.attach_disk(server, &disk, old).await, Kind::Conflict);
        refused(driver.detach_disk(server, "root", old).await, Kind::Conflict);
        refused(driver.attach_nic(server, &nic, old).await, Kind::Conflict);
        refused(driver.detach_nic(server, &nic.port, old).await, Kind::Conflict);
        assert_eq!(driver.status(server).await.unwrap(), before);
    };
    all_refused(4).await;
    bench.driver().pause(server, fence(7)).await.unwrap();
    assert_eq!(bench.driver().status(server).await.unwrap().generation, 7);
    all_refused(6).await;
    bench.reopen(&[]).await;
    assert_state(bench, server, VmState::Paused).await;
    all_refused(6).await;
    bench.driver().destroy(server, fence(8)).await.unwrap();
    refused(bench.driver().start(&spec, fence(7)).await, Kind::Conflict);
    refused(bench.driver().destroy(server, fence(7)).await, Kind::Conflict);
    assert_state(bench, server, VmState::Absent).await;
    bench.driver().start(&spec, fence(8)).await.unwrap();
    destroy(bench, server).await;
}

/// The power button is enough, and what was asked for is no event.
pub async fn graceful_stop(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let mut events = driver.events();
    driver.stop(server, StopMode::Graceful { timeout: Duration::from_secs(3600) }, fence(1)).await.unwrap();
    assert_state(bench, server, VmState::Shutdown).await;
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 2).await;
    bench.crash(server).await;
    assert_eq!(event(&mut events, server).await, VmState::Crashed, "the stop itself made no event");
    destroy(bench, server).await;
}

pub async fn stop_of_a_deaf_guest(bench: &dyn Bench) {
    let (driver, spec) = (bench.driver(), bench.spec(Manners::Deaf).await);
    driver.start(&spec, fence(1)).await.unwrap();
    driver.stop(&spec.server, StopMode::Graceful { timeout: Duration::from_millis(300) }, fence(1)).await.unwrap();
    assert_state(bench, &spec.server, VmState::Shutdown).await;
    driver.start(&spec, fence(1)).await.unwrap();
    let soft = RebootMode::Soft { timeout: Duration::from_millis(300) };
    driver.reboot(&spec, soft, fence(1)).await.unwrap();
    assert_state(bench, &spec.server, VmState::Running).await;
    destroy(bench, &spec.server).await;
}

/// Whoever waits an hour for a guest to shut down does not keep another from destroying it.
pub async fn patience_ends_for_destroy(bench: &dyn Bench) {
    let (driver, spec) = (bench.driver(), bench.spec(Manners::Deaf).await);
    driver.start(&spec, fence(1)).await.unwrap();
    let hour = StopMode::Graceful { timeout: Duration::from_secs(3600) };
    let (waiting, server) = (bench.driver(), spec.server.clone());
    let stop = tokio::spawn(async move { waiting.stop(&server, hour, fence(1)).await });
    tokio::task::yield_now().await;
    refused(driver.destroy(&spec.server, fence(0)).await, Kind::Conflict);
    timeout(PATIENCE, driver.destroy(&spec.server, fence(1))).await.expect("destroy does not wait").unwrap();
    timeout(PATIENCE, stop).await.expect("the stop ends").unwrap().unwrap();
    assert_state(bench, &spec.server, VmState::Absent).await;
    assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
}

pub async fn guest_powers_off(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let mut events = driver.events();
    bench.power_off(server).await;
    assert_eq!(event(&mut events, server).await, VmState::Shutdown);
    assert_state(bench, server, VmState::Shutdown).await;
    driver.start(&spec, fence(1)).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    destroy(bench, server).await;
}

pub async fn guest_crashes(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let mut events = driver.events();
    bench.crash(server).await;
    assert_eq!(event(&mut events, server).await, VmState::Crashed);
    assert_state(bench, server, VmState::Crashed).await;
    driver.stop(server, GRACEFUL, fence(1)).await.unwrap();
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 2).await;
    assert_state(bench, server, VmState::Running).await;
    destroy(bench, server).await;
}

pub async fn soft_reboot(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let mut events = driver.events();
    driver.reboot(&spec, RebootMode::Soft { timeout: Duration::from_secs(3600) }, fence(2)).await.unwrap();
    booted(bench, server, 2).await;
    assert_state(bench, server, VmState::Running).await;
    driver.stop(server, GRACEFUL, fence(2)).await.unwrap();
    // There is nothing to ask politely in a guest that does not run: it is started.
    driver.reboot(&spec, RebootMode::Soft { timeout: PATIENCE }, fence(2)).await.unwrap();
    booted(bench, server, 3).await;
    bench.power_off(server).await;
    assert_eq!(event(&mut events, server).await, VmState::Shutdown, "the reboots made no event");
    destroy(bench, server).await;
}

pub async fn hard_reboot(bench: &dyn Bench) {
    let mut spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server.clone());
    spec.memory_mib *= 2;
    driver.reboot(&spec, RebootMode::Hard, fence(1)).await.unwrap();
    booted(bench, server, 2).await;
    assert_eq!(driver.stats(server).await.unwrap().memory_max_kib, spec.memory_mib * 1024, "it has the new hardware");
    driver.pause(server, fence(1)).await.unwrap();
    driver.reboot(&spec, RebootMode::Hard, fence(1)).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    let wrong = VmSpec { vcpus: 0, ..spec.clone() };
    refused(driver.reboot(&wrong, RebootMode::Hard, fence(1)).await, Kind::BadRequest);
    assert_state(bench, server, VmState::Running).await;
    destroy(bench, server).await;
}

pub async fn refused_spec_leaves_nothing(bench: &dyn Bench) {
    let (driver, spec) = (bench.driver(), bench.spec(Manners::Obeys).await);
    let mut twice = spec.clone();
    twice.disks.push(twice.disks[0].clone());
    let nics = vec![Nic { slot: 200, ..spec.nics[0].clone() }];
    for wrong in [twice, VmSpec { nics, ..spec.clone() }, VmSpec { memory_mib: 0, ..spec.clone() }] {
        refused(driver.start(&wrong, fence(1)).await, Kind::BadRequest);
        assert_state(bench, &spec.server, VmState::Absent).await;
        assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
    }
    driver.start(&spec, fence(1)).await.unwrap();
    destroy(bench, &spec.server).await;
}

/// The log grows over reboots, can be had by its last lines, and is there while the guest is not.
pub async fn console(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    driver.reboot(&spec, RebootMode::Hard, fence(1)).await.unwrap();
    booted(bench, server, 2).await;
    driver.stop(server, StopMode::Force, fence(1)).await.unwrap();
    let all = driver.console_log(server, Tail::All).await.unwrap();
    let lines: Vec<_> = all.lines().collect();
    assert!(lines.len() >= 2, "{all:?}");
    let tail = driver.console_log(server, Tail::Lines(1)).await.unwrap();
    assert_eq!(tail.lines().collect::<Vec<_>>(), lines[lines.len() - 1..]);
    assert_eq!(driver.console_log(server, Tail::Lines(usize::MAX)).await.unwrap(), all);
    destroy(bench, server).await;
}

/// A suspended guest has no process and loses nothing: it goes on, it does not boot. One that is stopped or rebooted does.
pub async fn suspended_and_woken(bench: &dyn Bench) {
    let spec = running(bench).await;
    let server = &spec.server;
    for _ in 0..2 {
        bench.driver().suspend(server, fence(2)).await.unwrap();
        assert_state(bench, server, VmState::Suspended).await;
    }
    refused(bench.driver().suspend(server, fence(1)).await, Kind::Conflict);
    refused(bench.driver().pause(server, fence(2)).await, Kind::Conflict);
    refused(bench.driver().inject_nmi(server).await, Kind::Conflict);
    bench.reopen(&[]).await;
    assert_state(bench, server, VmState::Suspended).await;
    bench.driver().start(&spec, fence(2)).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    assert_eq!(boots(bench, server).await, 1, "it went on where it was");
    bench.driver().stop(server, GRACEFUL, fence(2)).await.unwrap();
    bench.driver().start(&spec, fence(2)).await.unwrap();
    booted(bench, server, 2).await;
    bench.driver().suspend(server, fence(3)).await.unwrap();
    bench.driver().stop(server, StopMode::Force, fence(3)).await.unwrap();
    assert_state(bench, server, VmState::Shutdown).await;
    refused(bench.driver().suspend(server, fence(3)).await, Kind::Conflict);
    bench.driver().start(&spec, fence(3)).await.unwrap();
    booted(bench, server, 3).await;
    bench.driver().suspend(server, fence(4)).await.unwrap();
    bench.driver().reboot(&spec, RebootMode::Hard, fence(4)).await.unwrap();
    booted(bench, server, 4).await;
    bench.driver().inject_nmi(server).await.unwrap();
    bench.driver().suspend(server, fence(5)).await.unwrap();
    destroy(bench, server).await;
    refused(bench.driver().suspend(server, fence(6)).await, Kind::NotFound);
}
