//! Cases of hardware that images and flavors choose.

use super::*;

/// Everything there is to choose, as far as it goes together.
fn chosen(spec: VmSpec) -> VmSpec {
    let hardware = Hardware {
        package: Package { cores: 2, threads: 1 },
        pmu: Choice::Off,
        hypervisor_id: Choice::Off,
        system: GuestSystem::Windows,
        watchdog: Some(WatchdogAction::Pause),
        rng_rate: Some(RngRate { bytes: 4096, period_ms: 500 }),
        video: Video { model: VideoModel::Cirrus, ram_mib: Some(8) },
        keyboard: Some(InputBus::Virtio),
        tablet: Some(InputBus::Usb),
        more_serial_ports: 3,
        boot_menu: Choice::On,
        hpet: Choice::Off,
        cdrom: Some(DiskBus::Scsi),
        packed_rings: Choice::On,
        ..Hardware::default()
    };
    let drive = ConfigDrive { files: vec![("openstack/latest/meta_data.json".into(), "{}".into())] };
    let (base_vcpus, base_mib) = (2, spec.memory_mib);
    let room = Room { base_vcpus, base_mib, most_memory_mib: base_mib, most_vcpus: 8 };
    VmSpec { vcpus: 2, room: Some(room), hardware, rng: true, config_drive: Some(drive), ..spec }
}

/// A guest starts with what was chosen, is the same after a stop, and grows by whole or half sockets.
pub async fn chosen_hardware(bench: &dyn Bench) {
    let spec = chosen(bench.spec(Manners::Obeys).await);
    let (driver, server) = (bench.driver(), &spec.server);
    for wrong in
        [Package { cores: 3, threads: 1 }, Package { cores: 0, threads: 1 }, Package { cores: u32::MAX, threads: 2 }]
    {
        let wrong = VmSpec { hardware: Hardware { package: wrong, ..spec.hardware.clone() }, ..spec.clone() };
        refused(driver.start(&wrong, fence(1)).await, Kind::BadRequest);
    }
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    let bare = bench.hardware(server).await;
    driver.reshape(&VmSpec { vcpus: 5, ..spec.clone() }, fence(1)).await.unwrap();
    assert_eq!(driver.limits(server).await.unwrap().vcpus, 5);
    driver.stop(server, StopMode::Force, fence(1)).await.unwrap();
    driver.start(&spec, fence(1)).await.unwrap();
    assert_eq!(bench.hardware(server).await, bare);
    destroy(bench, server).await;
}
