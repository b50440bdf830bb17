//! Cases of drivers that end while guests go on.

use super::*;

/// A new driver finds everything as it was; nothing was restarted on the way.
pub async fn readopted_untouched(bench: &dyn Bench) {
    let (runs, paused, stopped) = (running(bench).await, running(bench).await, running(bench).await);
    let driver = bench.driver();
    let disk = bench.disk(&runs, 1).await;
    driver.attach_disk(&runs.server, &disk, fence(3)).await.unwrap();
    driver.pause(&paused.server, fence(1)).await.unwrap();
    driver.stop(&stopped.server, GRACEFUL, fence(1)).await.unwrap();
    let sorted = async |driver: Arc<dyn Hypervisor>| {
        let mut all = driver.list().await.unwrap();
        all.sort_by(|a, b| a.server.cmp(&b.server));
        all
    };
    let before = sorted(driver.clone()).await;
    let hardware = bench.hardware(&runs.server).await;
    drop(driver);
    bench.reopen(&[]).await;
    let driver = bench.driver();
    assert_eq!(sorted(driver.clone()).await, before);
    assert_eq!(bench.hardware(&runs.server).await, hardware);
    driver.start(&runs, fence(3)).await.unwrap();
    assert_eq!(boots(bench, &runs.server).await, 1, "the guest was not started again");
    driver.detach_disk(&runs.server, &disk.id, fence(3)).await.unwrap();
    driver.stop(&runs.server, GRACEFUL, fence(3)).await.unwrap();
    driver.resume(&paused.server, fence(1)).await.unwrap();
    driver.start(&stopped, fence(1)).await.unwrap();
    booted(bench, &stopped.server, 2).await;
    for spec in [&runs, &paused, &stopped] {
        destroy(bench, &spec.server).await;
    }
}

/// What guests did while no driver was there is told apart: powering off is not crashing.
pub async fn readopted_after_changes(bench: &dyn Bench) {
    let (off, crashed, runs) = (running(bench).await, running(bench).await, running(bench).await);
    bench.reopen(&[Meanwhile::PowersOff(&off.server), Meanwhile::Crashes(&crashed.server)]).await;
    // A guest seen to have powered off may be put away a moment later.
    for (spec, expect) in [(&off, VmState::Shutdown), (&crashed, VmState::Crashed), (&runs, VmState::Running)] {
        let what = format!("{expect:?} after the driver's return");
        eventually(&what, async || state(bench, &spec.server).await == expect).await;
    }
    let mut events = bench.driver().events();
    bench.driver().start(&off, fence(1)).await.unwrap();
    bench.driver().start(&crashed, fence(1)).await.unwrap();
    booted(bench, &crashed.server, 2).await;
    bench.power_off(&runs.server).await;
    assert_eq!(event(&mut events, &runs.server).await, VmState::Shutdown, "a guest taken over is watched again");
    for spec in [&off, &crashed, &runs] {
        destroy(bench, &spec.server).await;
    }
}
