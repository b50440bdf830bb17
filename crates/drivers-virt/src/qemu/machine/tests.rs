//! Whole command lines, as snapshots: a change of what guests see is a change somebody has to look at.

use super::*;
use crate::conformance::plain_spec;
use compute::driver::*;
use ports::CellFit;
use std::path::Path;

const SERVER: &str = "6f2b3c1a-4d5e-4f60-8a7b-9c0d1e2f3a4b";
const PORT: &str = "0b54a1c2-0d3e-4f56-8789-0a1b2c3d4e5f";

fn disk(id: &str, slot: u8, source: DiskSource) -> Disk {
    Disk {
        id: id.into(),
        source,
        bus: DiskBus::Virtio,
        serial: id.into(),
        boot_index: (slot == 0).then_some(1),
        read_only: false,
        slot,
        volume: None,
        io: IoLimits::default(),
        encryption: DiskEncryption::None,
    }
}

fn spec(machine: Machine) -> VmSpec {
    let root = DiskSource::File { path: "/disks/root.qcow2".into(), format: DiskFormat::Qcow2 };
    let nic = Nic {
        port: PORT.into(),
        network: "9".into(),
        mac: "fa:16:3e:00:00:01".into(),
        mtu: 1442,
        tap: "tap0b54a1c2-0d".into(),
        slot: 0,
        model: "virtio".into(),
        addresses: Vec::new(),
    };
    VmSpec {
        server: SERVER.into(),
        name: "web,1".into(),
        memory_mib: 512,
        machine,
        disks: vec![disk("root", 0, root)],
        nics: vec![nic],
        ..plain_spec()
    }
}

fn rich() -> VmSpec {
    let volume = "vol-7d1f0c5e-8c4b-4a3e-9f52-2b1a0c9d8e7f";
    let unix = DiskSource::NbdUnix { socket: "/run/volume.sock".into(), export: "v".into() };
    let tcp = DiskSource::NbdTcp { host: "10.0.0.2".into(), port: 10809, export: "w".into() };
    let raw = DiskSource::File { path: "/disks/swap.raw".into(), format: DiskFormat::Raw };
    let mut spec = spec(Machine::Pc);
    spec.disks.extend([
        Disk {
            serial: "7d1f0c5e-8c4b-4a3e-9f52-2b1a0c9d8e7f".into(),
            io: IoLimits { total_iops_sec: Some(500), ..Default::default() },
            ..disk(volume, 1, unix)
        },
        Disk { bus: DiskBus::Scsi, read_only: true, ..disk("far", 14, tcp) },
        Disk { bus: DiskBus::Ide, ..disk("swap", 2, raw) },
    ]);
    spec.nics.push(Nic { port: "p2".into(), slot: 12, model: "e1000".into(), ..spec.nics[0].clone() });
    VmSpec {
        firmware: Firmware::Uefi,
        cpu_model: Some("Nehalem".into()),
        config_drive: Some(ConfigDrive { files: Vec::new() }),
        guest_agent: true,
        rng: true,
        vcpus: 4,
        ..spec
    }
}

fn line(spec: &VmSpec, accel: Accel) -> String {
    let config = QemuConfig::new("/state");
    let dir = VmDir::new(Path::new("/state"), Path::new("/state"), &spec.server).unwrap();
    let words = command_line(
        spec,
        &Setting {
            config: &config,
            accel,
            cpu: if accel == Accel::Kvm { "host" } else { "max" },
            machines: &BTreeMap::new(),
            traits: &BTreeSet::new(),
        },
        &dir,
    )
    .unwrap();
    let version = format!("version={}", env!("CARGO_PKG_VERSION"));
    words.join("\n").replace(&version, "version=…")
}

#[test]
fn command_lines() {
    insta::assert_snapshot!("pc", line(&rich(), Accel::Tcg));
    insta::assert_snapshot!(
        "q35",
        line(&VmSpec { config_drive: rich().config_drive, ..spec(Machine::Q35) }, Accel::Kvm)
    );
}

/// A volume in Ceph is QEMU's own to read: where and as whom, and no key.
#[test]
fn volumes_in_ceph() {
    let config = QemuConfig::new("/state");
    let rbd = |namespace: Option<&str>, cache| DiskSource::Rbd {
        pool: "volumes".into(),
        namespace: namespace.map(str::to_owned),
        image: "volume-1".into(),
        user: "tstack".into(),
        conf: "/etc/ceph/ceph.conf".into(),
        cache,
    };
    let nodes = |source| {
        let volume = Disk { read_only: true, ..disk("vol-1", 3, source) };
        disk::parts(
            &volume,
            &Board::of(&spec(Machine::Pc)),
            &Setting {
                config: &config,
                accel: Accel::Tcg,
                cpu: "max",
                machines: &BTreeMap::new(),
                traits: &BTreeSet::new(),
            },
        )
        .unwrap()
        .nodes
    };
    let storage = json!({
        "driver": "rbd", "pool": "volumes", "image": "volume-1", "user": "tstack", "conf": "/etc/ceph/ceph.conf",
        "node-name": "d3-s", "discard": "unmap", "read-only": true, "cache": {"direct": false, "no-flush": false},
    });
    let format = json!({"driver": "raw", "node-name": "d3-f", "file": "d3-s", "read-only": true, "discard": "unmap"});
    let top = json!({"driver": "throttle", "node-name": "d3", "file": "d3-f", "read-only": true, "throttle-group": "limit3", "discard": "unmap"});
    assert_eq!(nodes(rbd(None, ClientCache::Writeback)), [storage, format, top]);
    let other = nodes(rbd(Some("ours"), ClientCache::None)).swap_remove(0);
    assert_eq!((&other["namespace"], &other["cache"]["direct"]), (&json!("ours"), &json!(true)));
}

/// Offloads are switched by the setting, on virtio alone.
#[test]
fn offloads() {
    let mut config = QemuConfig::new("/state");
    let count = |config: &QemuConfig, model: &str| {
        let nic = Nic { model: model.into(), ..spec(Machine::Pc).nics[0].clone() };
        let parts = nic::parts(
            &nic,
            &Board::of(&spec(Machine::Pc)),
            &Setting { config, accel: Accel::Tcg, cpu: "max", machines: &BTreeMap::new(), traits: &BTreeSet::new() },
        )
        .unwrap();
        parts.device.as_object().unwrap().values().filter(|v| **v == json!(false)).count()
    };
    assert_eq!((count(&config, "virtio"), count(&config, "e1000")), (9, 0));
    config.offloads = crate::qemu::Switch::On;
    assert_eq!(count(&config, "virtio"), 0);
}

#[test]
fn what_cannot_be_made_is_refused() {
    let config = QemuConfig::new("/state");
    let refuse = |change: &dyn Fn(&mut VmSpec)| {
        let mut spec = rich();
        change(&mut spec);
        let e = check(
            &spec,
            &Setting {
                config: &config,
                accel: Accel::Tcg,
                cpu: "max",
                machines: &BTreeMap::new(),
                traits: &BTreeSet::new(),
            },
        )
        .unwrap_err();
        assert!(e.is(kernel::Kind::BadRequest), "{e:?}");
    };
    refuse(&|s| s.vcpus = 0);
    refuse(&|s| s.memory_mib = 1);
    refuse(&|s| s.disks[1].slot = 0);
    refuse(&|s| s.disks[1].id = "root".into());
    refuse(&|s| s.disks[1].id = "a,b".into());
    refuse(&|s| s.disks[1].id = "nic-x".into());
    refuse(&|s| s.disks[1].slot = 26);
    refuse(&|s| s.disks[3].slot = 5);
    refuse(&|s| s.disks[3].read_only = true);
    refuse(&|s| s.disks[0].source = DiskSource::File { path: "relative".into(), format: DiskFormat::Raw });
    refuse(&|s| s.nics[1].slot = 0);
    refuse(&|s| s.nics[1].port = PORT.into());
    refuse(&|s| s.nics[0].model = "token-ring".into());
    refuse(&|s| s.nics[0].tap = "a-name-that-is-too-long".into());
    assert!(
        check(
            &rich(),
            &Setting {
                config: &config,
                accel: Accel::Tcg,
                cpu: "max",
                machines: &BTreeMap::new(),
                traits: &BTreeSet::new()
            }
        )
        .is_ok()
    );
}

#[test]
fn memory_is_locked_where_it_is_to_be_and_merged_where_it_may_wait() {
    let said = |realtime: &[u32], locked_memory| {
        let mut spec = rich();
        (spec.hardware.realtime, spec.hardware.locked_memory) = (realtime.iter().copied().collect(), locked_memory);
        let line = line(&spec, Accel::Tcg);
        (line.contains("mem-lock=on"), line.contains("mem-merge=off"))
    };
    assert_eq!((said(&[], false), said(&[], true), said(&[1], true)), ((false, false), (true, false), (true, true)));
}

#[test]
fn memory_in_software_is_asked_page_by_page_where_it_can_be() {
    let cell = |huge_page_kib| CellFit { huge_page_kib, ..CellFit::default() };
    let loses = |cells: &[CellFit], accel| loses_writes(&VmSpec { cells: cells.to_vec(), ..rich() }, accel);
    assert_eq!(
        [rest(Accel::Tcg, None) % (256 << 10), rest(Accel::Tcg, Some(2048)), rest(Accel::Kvm, None)],
        [8192, 0, 0]
    );
    assert!(!loses(&[], Accel::Tcg) && !loses(&[cell(None)], Accel::Tcg));
    assert!(loses(&[cell(None), cell(Some(2048))], Accel::Tcg));
    assert!(!loses(&[cell(Some(2048))], Accel::Kvm));
}
