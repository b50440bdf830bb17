//! What an image or a flavor chooses, seen from QEMU's side and from the guest's.

use crate::bench::{QemuBench, without_qemu};
use compute::driver::*;
use drivers_virt::{
    conformance::{BOOTED, Bench, Manners, eventually},
    qemu::{Qemu, probe},
};
use kernel::ServerId;
use serde_json::{Value, json};

const FENCE: Fence = Fence { generation: 1 };
const MACHINES: [Machine; 2] = [Machine::Pc, Machine::Q35];

/// The guest is up: its firmware has found the root disk, and it has read it.
async fn boots(bench: &QemuBench, spec: &VmSpec) {
    let said = async || bench.driver().console_log(&spec.server, Tail::All).await.unwrap().contains(BOOTED);
    eventually(&format!("a boot with {:?} {:?}", spec.hardware, spec.disks[0].bus), said).await;
}

async fn started(bench: &QemuBench, machine: Machine, hardware: Hardware) -> VmSpec {
    let spec = VmSpec { machine, hardware, rng: true, ..bench.spec(Manners::Obeys).await };
    bench.driver().start(&spec, FENCE).await.unwrap();
    boots(bench, &spec).await;
    spec
}

/// A property of a device.
fn property(bench: &QemuBench, server: &ServerId, device: &str, name: &str) -> Value {
    bench.ask(server, "qom-get", json!({"path": format!("/machine/peripheral/{device}"), "property": name}))
}

fn driver_of(bench: &QemuBench, server: &ServerId, device: &str) -> Value {
    property(bench, server, device, "type")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vcpus_fill_cores_before_sockets() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let mut spec = bench.spec(Manners::Obeys).await;
    spec.vcpus = 3;
    spec.hardware.package = Package { cores: 2, threads: 1 };
    spec.room = Some(Room { base_vcpus: 3, base_mib: 32, most_memory_mib: 32, most_vcpus: 8 });
    bench.driver().start(&spec, FENCE).await.unwrap();
    boots(&bench, &spec).await;
    bench.driver().reshape(&VmSpec { vcpus: 6, ..spec.clone() }, FENCE).await.unwrap();
    let told = bench.ask(&spec.server, "query-hotpluggable-cpus", json!({}));
    let mut filled: Vec<(u64, u64)> = Vec::new();
    for cpu in told.as_array().unwrap().iter().filter(|cpu| cpu["qom-path"].is_string()) {
        let at = |part: &str| cpu["props"][part].as_u64().unwrap();
        filled.push((at("socket-id"), at("core-id")));
    }
    filled.sort_unstable();
    assert_eq!(filled, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]);
    assert_eq!(told.as_array().unwrap().len(), 8);
    bench.driver().destroy(&spec.server, FENCE).await.unwrap();
}

/// The processor that the host was told to give its guests; and what the host says of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processors_are_the_hosts_choice() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::with(|c| {
        c.cpu_model = Some("Nehalem".into());
        c.cpu_flags = probe::flags("+aes,-pmu,-popcnt").unwrap();
    })
    .await;
    let told = bench.driver().capabilities().await.unwrap();
    assert_eq!(told.guest_cpu, "Nehalem,aes=on,pmu=off,popcnt=off");
    let has = |name: &str| told.traits.contains(&format!("HW_CPU_X86_{name}"));
    assert_eq!(["SSE42", "AESNI", "AVX"].map(has), [true, true, false], "{:?}", told.traits);
    let spec = started(&bench, Machine::Pc, Hardware::default()).await;
    let cpus = bench.ask(&spec.server, "query-cpus-fast", json!({}));
    let of = |name: &str| bench.ask(&spec.server, "qom-get", json!({"path": cpus[0]["qom-path"], "property": name}));
    assert_eq!(of("type"), "Nehalem-x86_64-cpu");
    assert_eq!(["aes", "popcnt", "avx"].map(of), [true, false, false]);
    bench.driver().destroy(&spec.server, FENCE).await.unwrap();
    // What there is none of, no guest could be given.
    let strange = QemuBench::closed(|c| c.cpu_model = Some("Z80".into()));
    let e = Qemu::open(strange.config.clone()).await.err().expect("this cannot be opened");
    assert!(e.message().contains("Z80 is no processor"), "{e:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    for (machine, model, ram_mib, expect) in [
        (Machine::Pc, VideoModel::Vga, Some(24), Some(("VGA", Some(32)))),
        (Machine::Q35, VideoModel::Virtio, None, Some(("virtio-vga", None))),
        (Machine::Pc, VideoModel::Cirrus, Some(8), Some(("cirrus-vga", Some(8)))),
        (Machine::Pc, VideoModel::Vmvga, None, Some(("vmware-svga", None))),
        (Machine::Q35, VideoModel::Bochs, None, Some(("bochs-display", None))),
        (Machine::Pc, VideoModel::None, None, None),
    ] {
        let video = Video { model, ram_mib };
        let spec = started(&bench, machine, Hardware { video, ..Hardware::default() }).await;
        let server = &spec.server;
        match expect {
            None => assert!(!bench.hardware(server).await.iter().any(|d| d.contains("video"))),
            Some((driver, memory)) => {
                assert_eq!(driver_of(&bench, server, "video"), driver);
                if let Some(mib) = memory {
                    assert_eq!(property(&bench, server, "video", "vgamem_mb"), mib);
                }
            }
        }
        bench.driver().destroy(server, FENCE).await.unwrap();
    }
}

/// The root disk on each bus, behind each controller: the firmware boots from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buses_of_disks() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let scsi = |model| (DiskBus::Scsi, Hardware { scsi: model, ..Hardware::default() });
    let plain = |bus| (bus, Hardware::default());
    for (machine, (bus, hardware), controller) in [
        (Machine::Pc, plain(DiskBus::Ide), None),
        (Machine::Q35, plain(DiskBus::Sata), None),
        (Machine::Pc, plain(DiskBus::Sata), Some(("sata", "ich9-ahci"))),
        (Machine::Pc, plain(DiskBus::Usb), Some(("usb", "qemu-xhci"))),
        (Machine::Q35, plain(DiskBus::Usb), Some(("usb", "qemu-xhci"))),
        (Machine::Q35, scsi(ScsiModel::Virtio), Some(("scsi", "virtio-scsi-pci"))),
        (Machine::Pc, scsi(ScsiModel::LsiLogic), Some(("scsi", "lsi53c895a"))),
        (Machine::Pc, scsi(ScsiModel::LsiSas1068), Some(("scsi", "mptsas1068"))),
        (Machine::Pc, scsi(ScsiModel::LsiSas1078), Some(("scsi", "megasas"))),
        (Machine::Pc, scsi(ScsiModel::VmPvScsi), Some(("scsi", "pvscsi"))),
    ] {
        let mut spec = VmSpec { machine, hardware, ..bench.spec(Manners::Obeys).await };
        spec.disks[0].bus = bus;
        bench.driver().start(&spec, FENCE).await.unwrap();
        boots(&bench, &spec).await;
        if let Some((id, driver)) = controller {
            assert_eq!(driver_of(&bench, &spec.server, id), driver, "{bus:?}");
        }
        bench.driver().destroy(&spec.server, FENCE).await.unwrap();
    }
}

/// Each model that an image may name, at the start and into the running guest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_of_interfaces() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let mut spec = bench.spec(Manners::Obeys).await;
    let models = ["virtio", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "vmxnet3"];
    spec.nics.clear();
    for (slot, model) in (0..).zip(models) {
        spec.nics.push(Nic { model: model.into(), port: model.into(), ..bench.nic(&spec, slot).await });
    }
    let late = spec.nics.split_off(4);
    bench.driver().start(&spec, FENCE).await.unwrap();
    boots(&bench, &spec).await;
    for nic in &late {
        bench.driver().attach_nic(&spec.server, nic, FENCE).await.unwrap();
    }
    for model in models {
        let driver = if model == "virtio" { "virtio-net-pci" } else { model };
        assert_eq!(driver_of(&bench, &spec.server, &format!("nic-{model}")), driver);
    }
    bench.driver().destroy(&spec.server, FENCE).await.unwrap();
}

/// The config drive on each bus that an image may name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buses_of_the_config_drive() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    for (machine, bus, driver) in [
        (Machine::Pc, Some(DiskBus::Virtio), "virtio-blk-pci"),
        (Machine::Pc, Some(DiskBus::Sata), "ide-cd"),
        (Machine::Q35, Some(DiskBus::Sata), "ide-cd"),
        (Machine::Pc, Some(DiskBus::Scsi), "scsi-cd"),
        (Machine::Q35, Some(DiskBus::Usb), "usb-storage"),
        (Machine::Q35, None, "virtio-blk-pci"),
        (Machine::Pc, None, "ide-cd"),
    ] {
        let drive = ConfigDrive { files: vec![("openstack/latest/meta_data.json".into(), "{}".into())] };
        let mut spec = VmSpec { machine, config_drive: Some(drive), ..bench.spec(Manners::Obeys).await };
        spec.hardware.cdrom = bus;
        bench.driver().start(&spec, FENCE).await.unwrap();
        boots(&bench, &spec).await;
        assert_eq!(driver_of(&bench, &spec.server, "config"), driver, "{machine:?} {bus:?}");
        bench.driver().destroy(&spec.server, FENCE).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_devices() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    for (machine, bus) in MACHINES.into_iter().zip([InputBus::Usb, InputBus::Virtio]) {
        let hardware = Hardware {
            rng_rate: Some(RngRate { bytes: 1024, period_ms: 2000 }),
            keyboard: Some(bus),
            tablet: Some(bus),
            usb: Some(UsbModel::NecXhci),
            more_serial_ports: 2,
            boot_menu: Choice::On,
            hpet: Choice::Off,
            pmu: Choice::Off,
            packed_rings: Choice::On,
            ..Hardware::default()
        };
        let spec = started(&bench, machine, hardware).await;
        let server = &spec.server;
        let of = |device: &str, name: &str| property(&bench, server, device, name);
        assert_eq!((of("rng", "max-bytes"), of("rng", "period")), (json!(1024), json!(2000)));
        let names = match bus {
            InputBus::Usb => ["usb-kbd", "usb-tablet"],
            InputBus::Virtio => ["virtio-keyboard-pci", "virtio-tablet-pci"],
        };
        assert_eq!([of("keyboard", "type"), of("tablet", "type")], names);
        assert_eq!((of("usb", "type"), of("root", "packed")), (json!("nec-usb-xhci"), json!(true)));
        assert_eq!((of("ttyS1", "index"), of("ttyS2", "index")), (json!(1), json!(2)));
        assert!(bench.vm_dir(server).join("serial2.sock").exists());
        let hpet = bench.ask(server, "qom-get", json!({"path": "/machine", "property": "hpet"}));
        assert_eq!(hpet, json!(false));
        bench.driver().destroy(server, FENCE).await.unwrap();
        assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
    }
}

/// Every watchdog bites, and does what was chosen. Its timer is started from outside, by what a guest's driver would write to its
/// configuration space: ticks of a microsecond, then on. It has waited twice for a second when it bites.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchdogs_bite() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    for (machine, action, expect) in [
        (Machine::Pc, WatchdogAction::Poweroff, VmState::Shutdown),
        (Machine::Q35, WatchdogAction::Pause, VmState::Paused),
        (Machine::Pc, WatchdogAction::Reset, VmState::Running),
    ] {
        let spec = started(&bench, machine, Hardware { watchdog: Some(action), ..Hardware::default() }).await;
        let server = &spec.server;
        start_watchdog(&bench, server);
        let driver = bench.driver();
        match expect {
            VmState::Running => {
                let again = async || driver.console_log(server, Tail::All).await.unwrap().matches(BOOTED).count() == 2;
                eventually("a second boot", again).await;
            }
            other => eventually("the bite", async || driver.status(server).await.unwrap().state == other).await,
        }
        driver.destroy(server, FENCE).await.unwrap();
    }
}

fn start_watchdog(bench: &QemuBench, server: &ServerId) {
    let buses = bench.ask(server, "query-pci", json!({}));
    let (bus, slot) = place_of(&buses, "watchdog").expect("a watchdog on some bus");
    let write = |register: u64, size: char, value: u64| {
        let address = 1 << 31 | bus << 16 | slot << 11 | (register & !3);
        for line in [format!("o /w 0xcf8 {address:#x}"), format!("o /{size} {:#x} {value:#x}", 0xcfc + (register & 3))]
        {
            bench.ask(server, "human-monitor-command", json!({"command-line": line}));
        }
    };
    write(0x60, 'h', 0x4);
    write(0x68, 'b', 0x2);
}

fn place_of(buses: &Value, id: &str) -> Option<(u64, u64)> {
    buses.as_array()?.iter().find_map(|bus| {
        bus["devices"].as_array()?.iter().find_map(|device| {
            let behind = || place_of(&json!([device["pci_bridge"]]), id);
            match device["qdev_id"] == id {
                true => Some((device["bus"].as_u64()?, device["slot"].as_u64()?)),
                false => behind(),
            }
        })
    })
}
