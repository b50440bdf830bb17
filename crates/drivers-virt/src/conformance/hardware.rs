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

/// A guest is the machine that its spec names, by whichever word, and no other: here, and where it goes.
pub async fn the_very_same_machine(bench: &dyn Bench) {
    let plain = bench.spec(Manners::Obeys).await;
    let (driver, server) = (bench.driver(), &plain.server);
    let named = |machine, word: &str| VmSpec { machine, machine_type: Some(word.into()), ..plain.clone() };
    for (machine, wrong) in
        [(Machine::Pc, "pc-i440fx-99.0"), (Machine::Pc, "q35"), (Machine::Q35, "pc"), (Machine::Q35, "")]
    {
        refused(driver.start(&named(machine, wrong), fence(1)).await, Kind::BadRequest);
    }
    assert_state(bench, server, VmState::Absent).await;
    let machines = driver.capabilities().await.unwrap().machines;
    let newest = named(Machine::Q35, "q35");
    driver.start(&newest, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    assert!(bench.hardware(server).await.contains(&format!("machine {}", machines["q35"])));
    destroy(bench, server).await;
    // One that the word for the newest does not stand for.
    let kept = named(Machine::Pc, "pc-i440fx-6.2");
    assert!(machines.contains_key("pc-i440fx-6.2") && machines["pc"] != "pc-i440fx-6.2", "{machines:?}");
    driver.start(&kept, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    drop(driver);
    bench.reopen(&[]).await;
    assert!(bench.hardware(server).await.contains(&"machine pc-i440fx-6.2".to_owned()));
    let (driver, other) = (bench.driver(), bench.other().await);
    let unknown = VmSpec { machine_type: Some("pc-i440fx-99.0".into()), ..bench.twin(&kept).await };
    refused(other.receive(&unknown, &bench.name(), fence(1)).await, Kind::BadRequest);
    let (other, travel) = live::awaited(bench, &kept).await;
    assert_eq!(driver.send(server, &travel, fence(1)).await.unwrap(), Sent::All);
    other.land(server, Then::Run, fence(1)).await.unwrap();
    live::nothing_left(bench, server).await;
}

/// At the start, plugged in later, and where the guest goes; those of other models have one.
pub async fn interfaces_of_several_queues(bench: &dyn Bench) {
    let mut spec = bench.spec(Manners::Obeys).await;
    (spec.vcpus, spec.hardware.nic_queues) = (2, Some(3));
    let single = VmSpec { hardware: Hardware::default(), ..spec.clone() };
    spec.nics = vec![bench.nic(&spec, 0).await, Nic { model: "e1000".into(), ..bench.nic(&single, 1).await }];
    let (driver, server) = (bench.driver(), &spec.server.clone());
    driver.start(&spec, fence(1)).await.unwrap();
    booted(bench, server, 1).await;
    let late = bench.nic(&spec, 2).await;
    for _ in 0..2 {
        driver.attach_nic(server, &late, fence(1)).await.unwrap();
    }
    spec.nics.push(late);
    for (nic, queues) in spec.nics.iter().zip([3, 1, 3]) {
        assert_eq!(bench.queues(server, &nic.port).await, queues, "{nic:?}");
    }
    let (other, travel) = live::awaited(bench, &spec).await;
    assert_eq!(driver.send(server, &travel, fence(1)).await.unwrap(), Sent::All);
    other.land(server, Then::Run, fence(1)).await.unwrap();
    live::nothing_left(bench, server).await;
}
