//! Cases of guests that go to another host while they run.

use super::*;

/// The guest of a bench, awaited by its other host.
pub(super) async fn awaited(bench: &dyn Bench, spec: &VmSpec) -> (Arc<dyn Hypervisor>, Travel) {
    let (other, twin) = (bench.other().await, bench.twin(spec).await);
    let landing = other.receive(&twin, &bench.name(), fence(1)).await.unwrap();
    assert_eq!(other.receive(&twin, &bench.name(), fence(1)).await.unwrap(), landing);
    assert_eq!(other.landing(&spec.server).await.unwrap(), landing);
    assert_eq!(other.status(&spec.server).await.unwrap().state, VmState::Arriving);
    (other, Travel { to: landing, post_copy_after: None, bandwidth: None })
}

pub(super) async fn nothing_left(bench: &dyn Bench, server: &ServerId) {
    for host in [bench.driver(), bench.other().await] {
        let generation = host.status(server).await.unwrap().generation;
        host.destroy(server, fence(generation)).await.unwrap();
        assert_eq!(host.status(server).await.unwrap().state, VmState::Absent);
    }
    assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
}

/// There and running, each step twice; not here any more.
pub async fn goes_to_another_host(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let (other, travel) = awaited(bench, &spec).await;
    refused(other.send(server, &travel, fence(0)).await, Kind::Conflict);
    assert_eq!(driver.progress(server).await.unwrap().stage, Stage::None);
    for _ in 0..2 {
        assert_eq!(driver.send(server, &travel, fence(1)).await.unwrap(), Sent::All);
    }
    eventually("it stands still", async || state(bench, server).await == VmState::Paused).await;
    assert_eq!(driver.progress(server).await.unwrap().stage, Stage::Sent);
    // From here on it is not this host's to let run, nor to keep.
    refused(driver.resume(server, fence(1)).await, Kind::Conflict);
    refused(driver.call_off(server, CallOff::IfHere, fence(1)).await, Kind::Conflict);
    for _ in 0..2 {
        other.land(server, Then::StandStill, fence(1)).await.unwrap();
    }
    assert_eq!(other.status(server).await.unwrap().state, VmState::Paused);
    other.resume(server, fence(1)).await.unwrap();
    driver.destroy(server, fence(1)).await.unwrap();
    assert_eq!(other.status(server).await.unwrap().state, VmState::Running);
    refused(other.landing(server).await, Kind::Conflict);
    // And back, on the way on which it came.
    let to = driver.receive(&spec, &travel.to.host, fence(2)).await.unwrap();
    assert_eq!(other.send(server, &Travel { to, ..travel }, fence(2)).await.unwrap(), Sent::All);
    driver.land(server, Then::Run, fence(2)).await.unwrap();
    other.destroy(server, fence(2)).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    // It hears its power button.
    driver.stop(server, GRACEFUL, fence(2)).await.unwrap();
    nothing_left(bench, server).await;
}

/// Paused, there and back, and paused it stays; then it goes on.
pub async fn goes_and_stands_still(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    driver.pause(server, fence(1)).await.unwrap();
    let (other, travel) = awaited(bench, &spec).await;
    assert_eq!(driver.send(server, &travel, fence(1)).await.unwrap(), Sent::All);
    other.land(server, Then::StandStill, fence(1)).await.unwrap();
    driver.destroy(server, fence(1)).await.unwrap();
    let to = driver.receive(&spec, &travel.to.host, fence(2)).await.unwrap();
    assert_eq!(other.send(server, &Travel { to, ..travel }, fence(2)).await.unwrap(), Sent::All);
    driver.land(server, Then::StandStill, fence(2)).await.unwrap();
    other.destroy(server, fence(2)).await.unwrap();
    assert_state(bench, server, VmState::Paused).await;
    driver.resume(server, fence(2)).await.unwrap();
    driver.stop(server, GRACEFUL, fence(2)).await.unwrap();
    nothing_left(bench, server).await;
}

/// Called off before anything was sent, and after all was sent and did not land.
pub async fn stays_where_it_is(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let (other, travel) = awaited(bench, &spec).await;
    driver.call_off(server, CallOff::IfHere, fence(1)).await.unwrap();
    assert_eq!(driver.send(server, &travel, fence(1)).await.unwrap(), Sent::All);
    other.destroy(server, fence(1)).await.unwrap();
    for _ in 0..2 {
        driver.call_off(server, CallOff::NotLanded, fence(2)).await.unwrap();
    }
    driver.resume(server, fence(2)).await.unwrap();
    assert_state(bench, server, VmState::Running).await;
    driver.stop(server, GRACEFUL, fence(2)).await.unwrap();
    nothing_left(bench, server).await;
}

/// A guest that is awaited in vain, by a driver that ends meanwhile.
pub async fn awaited_in_vain(bench: &dyn Bench) {
    let spec = running(bench).await;
    let (driver, server) = (bench.driver(), &spec.server);
    let (other, travel) = awaited(bench, &spec).await;
    refused(other.receive(&spec, &bench.name(), fence(0)).await, Kind::Conflict);
    refused(driver.receive(&spec, &bench.name(), fence(1)).await, Kind::Conflict);
    refused(driver.hasten(server).await, Kind::Conflict);
    other.destroy(server, fence(2)).await.unwrap();
    refused(other.land(server, Then::Run, fence(2)).await, Kind::NotFound);
    drop(driver);
    bench.reopen(&[]).await;
    assert_state(bench, server, VmState::Running).await;
    drop(travel);
    nothing_left(bench, server).await;
}
