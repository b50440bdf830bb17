//! Cases of guests with a TPM.

use super::*;

async fn with_tpm(bench: &dyn Bench, version: TpmVersion, model: TpmModel) -> VmSpec {
    let mut spec = bench.spec(Manners::Obeys).await;
    spec.hardware.tpm = Some(bench.tpm(&spec, version, model).await);
    spec
}

/// The same guest, whose passphrase nobody has.
fn unkeyed(spec: &VmSpec) -> VmSpec {
    let mut spec = spec.clone();
    spec.hardware.tpm.iter_mut().for_each(|tpm| tpm.key = None);
    spec
}

/// Each kind: with its passphrase and not without, over all that ends and begins a process.
pub async fn tpms(bench: &dyn Bench) {
    for (version, model) in
        [(TpmVersion::V1_2, TpmModel::Tis), (TpmVersion::V2_0, TpmModel::Tis), (TpmVersion::V2_0, TpmModel::Crb)]
    {
        let spec = with_tpm(bench, version, model).await;
        let (server, has) = (&spec.server, format!("tpm {model:?}"));
        let driver = bench.driver();
        refused(driver.start(&unkeyed(&spec), fence(1)).await, Kind::Conflict);
        assert_state(bench, server, VmState::Absent).await;
        driver.start(&spec, fence(1)).await.unwrap();
        booted(bench, server, 1).await;
        refused(driver.reboot(&unkeyed(&spec), RebootMode::Hard, fence(1)).await, Kind::Conflict);
        assert_state(bench, server, VmState::Running).await;
        drop(driver);
        bench.reopen(&[]).await;
        let driver = bench.driver();
        assert!(bench.hardware(server).await.contains(&has));
        driver.reboot(&spec, RebootMode::Hard, fence(1)).await.unwrap();
        booted(bench, server, 2).await;
        driver.suspend(server, fence(1)).await.unwrap();
        driver.start(&spec, fence(1)).await.unwrap();
        assert!(bench.hardware(server).await.contains(&has));
        bench.crash(server).await;
        eventually("it is seen", async || state(bench, server).await == VmState::Crashed).await;
        driver.start(&spec, fence(1)).await.unwrap();
        booted(bench, server, 3).await;
        driver.stop(server, GRACEFUL, fence(1)).await.unwrap();
        destroy(bench, server).await;
    }
    let never = with_tpm(bench, TpmVersion::V1_2, TpmModel::Crb).await;
    refused(bench.driver().start(&never, fence(1)).await, Kind::BadRequest);
}

/// There, and back, and started anew with what came.
pub async fn a_tpm_goes_along(bench: &dyn Bench) {
    let spec = with_tpm(bench, TpmVersion::V2_0, TpmModel::Crb).await;
    let (driver, server) = (bench.driver(), &spec.server);
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    let unkeyed = unkeyed(&bench.twin(&spec).await);
    refused(bench.other().await.receive(&unkeyed, &bench.name(), fence(1)).await, Kind::Conflict);
    let (other, travel) = live::awaited(bench, &spec).await;
    assert_eq!(driver.send(server, &travel, fence(1)).await.unwrap(), Sent::All);
    other.land(server, Then::Run, fence(1)).await.unwrap();
    driver.destroy(server, fence(1)).await.unwrap();
    let to = driver.receive(&spec, &travel.to.host, fence(2)).await.unwrap();
    assert_eq!(other.send(server, &Travel { to, ..travel }, fence(2)).await.unwrap(), Sent::All);
    driver.land(server, Then::Run, fence(2)).await.unwrap();
    other.destroy(server, fence(2)).await.unwrap();
    assert!(bench.hardware(server).await.contains(&"tpm Crb".to_owned()));
    // A guest that came can be suspended, whatever its way here has left in it.
    driver.suspend(server, fence(2)).await.unwrap();
    driver.start(&spec, fence(2)).await.unwrap();
    let before = boots(bench, server).await;
    driver.reboot(&spec, RebootMode::Hard, fence(2)).await.unwrap();
    booted(bench, server, before + 1).await;
    live::nothing_left(bench, server).await;
}
