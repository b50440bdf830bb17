//! The QEMU driver: the suite, and what only it has. Guests run in software (TCG).

use crate::bench::{QemuBench, Served, gone, kill, processes, without_qemu};
use compute::driver::*;
use drivers_virt::{
    conformance::{BOOTED, Bench, Manners, PATIENCE, eventually},
    qemu::{Qemu, doctor},
};
use kernel::{Kind, VolumeId};
use serde_json::json;
use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

mod suite {
    drivers_virt::conformance!({
        if super::without_qemu() {
            return;
        }
        super::QemuBench::new().await
    });
}

const FENCE: Fence = Fence { generation: 1 };

async fn console_has(bench: &QemuBench, spec: &VmSpec, text: &str) {
    eventually(text, async || bench.driver().console_log(&spec.server, Tail::All).await.unwrap().contains(text)).await;
}

/// Everything at once, on both machines: QEMU takes the whole command line, and hot plug into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_option() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    for machine in [Machine::Pc, Machine::Q35] {
        let mut spec = bench.spec(Manners::Obeys).await;
        spec = VmSpec {
            name: "a name, with = and \"quotes\"".into(),
            vcpus: 2,
            memory_mib: 64,
            machine,
            config_drive: Some(ConfigDrive { files: vec![("openstack/latest/meta_data.json".into(), "{}".into())] }),
            cpu_shares: Some(2048),
            cpu_quota_milli: Some(1500),
            guest_agent: true,
            rng: true,
            ..spec
        };
        spec.disks[0].io =
            IoLimits { total_iops_sec: Some(5000), read_bytes_sec: Some(50 << 20), ..Default::default() };
        let scsi = Disk { bus: DiskBus::Scsi, read_only: true, ..bench.disk(&spec, 1).await };
        let ide = Disk { bus: DiskBus::Ide, ..bench.disk(&spec, 2).await };
        let sata = Disk { bus: DiskBus::Sata, ..bench.disk(&spec, 4).await };
        spec.disks.extend([scsi, ide, sata]);
        spec.nics.push(Nic { model: "e1000".into(), ..bench.nic(&spec, 5).await });
        let driver = bench.driver();
        driver.start(&spec, FENCE).await.unwrap();
        console_has(&bench, &spec, BOOTED).await;
        let far = Disk { id: "far".into(), slot: 11, ..bench.disk(&spec, 11).await };
        driver.attach_disk(&spec.server, &far, FENCE).await.unwrap();
        let limited = IoLimits { write_iops_sec: Some(100), ..Default::default() };
        let late = Disk { bus: DiskBus::Scsi, io: limited, ..bench.disk(&spec, 10).await };
        driver.attach_disk(&spec.server, &late, FENCE).await.unwrap();
        driver.attach_nic(&spec.server, &bench.nic(&spec, 7).await, FENCE).await.unwrap();
        let new = Disk { id: "new".into(), bus: DiskBus::Ide, ..bench.disk(&spec, 9).await };
        assert!(driver.attach_disk(&spec.server, &new, FENCE).await.unwrap_err().is(Kind::BadRequest));
        if machine == Machine::Pc {
            let groups = fs::read_to_string(format!("/proc/{}/cgroup", bench.pid(&spec.server))).unwrap();
            assert!(groups.contains(spec.server.as_str()), "{groups}");
            let tasks = fs::read_dir(format!("/proc/{}/task", bench.pid(&spec.server))).unwrap().flatten();
            let groups = tasks.filter_map(|task| fs::read_to_string(task.path().join("cgroup")).ok());
            let vcpus = groups.filter(|groups| groups.contains(&format!("/{}/vcpus\n", spec.server))).count();
            assert_eq!(vcpus, spec.vcpus as usize, "only vCPUs have the quota");
        }
        driver.destroy(&spec.server, FENCE).await.unwrap();
        assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
    }
}

/// `pc` has hot-pluggable places behind its bridge, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_behind_the_bridge() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    let driver = bench.driver();
    driver.start(&spec, FENCE).await.unwrap();
    console_has(&bench, &spec, BOOTED).await;
    let (disk, nic) = (bench.disk(&spec, 25).await, bench.nic(&spec, 26).await);
    driver.attach_disk(&spec.server, &disk, FENCE).await.unwrap();
    driver.attach_nic(&spec.server, &nic, FENCE).await.unwrap();
    driver.detach_disk(&spec.server, &disk.id, FENCE).await.unwrap();
    driver.detach_nic(&spec.server, &nic.port, FENCE).await.unwrap();
    driver.destroy(&spec.server, FENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_starts_say_why_and_leave_nothing() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let driver = bench.driver();
    let good = bench.spec(Manners::Obeys).await;
    let mut no_disk = good.clone();
    no_disk.disks[0].source = DiskSource::File { path: "/no/such/disk".into(), format: DiskFormat::Raw };
    let e = driver.start(&no_disk, FENCE).await.unwrap_err();
    assert!(e.internal_text().contains("No such file"), "{e:?}");
    assert!(!e.message().contains("/no/such"), "{e}");
    let mut no_tap = good.clone();
    no_tap.nics[0].tap = "vt-none".into();
    assert!(driver.start(&no_tap, FENCE).await.unwrap_err().is(Kind::Conflict));
    let uefi = VmSpec { firmware: Firmware::Uefi, ..good.clone() };
    if !bench.config.uefi_vars.exists() {
        assert!(driver.start(&uefi, FENCE).await.unwrap_err().is(Kind::Conflict));
    }
    assert_eq!(driver.status(&good.server).await.unwrap().state, VmState::Absent);
    assert_eq!(bench.leftovers(&good.server).await, Vec::<String>::new());
    // A guest that was there before stays what it was.
    driver.start(&good, FENCE).await.unwrap();
    driver.stop(&good.server, StopMode::Force, FENCE).await.unwrap();
    driver.start(&no_disk, FENCE).await.unwrap_err();
    assert_eq!(driver.status(&good.server).await.unwrap().state, VmState::Shutdown);
    // The disk of one guest is no other's.
    driver.start(&good, FENCE).await.unwrap();
    let mut thief = bench.spec(Manners::Obeys).await;
    thief.disks = good.disks.clone();
    let e = driver.start(&thief, FENCE).await.unwrap_err();
    assert!(e.internal_text().contains("lock"), "{e:?}");
    driver.destroy(&good.server, FENCE).await.unwrap();
}

/// A QEMU that does not answer is neither dead nor in anybody's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_qemu() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::with(|c| {
        c.monitor_patience = Duration::from_secs(2);
        c.quit_patience = Duration::from_secs(1);
    })
    .await;
    let spec = bench.spec(Manners::Obeys).await;
    bench.driver().start(&spec, FENCE).await.unwrap();
    console_has(&bench, &spec, BOOTED).await;
    let pid = bench.pid(&spec.server);
    kill(pid, "-STOP");
    assert!(bench.driver().pause(&spec.server, FENCE).await.unwrap_err().is(Kind::Unavailable));
    assert_eq!(bench.driver().status(&spec.server).await.unwrap().state, VmState::Running);
    bench.reopen(&[]).await;
    assert_eq!(bench.driver().status(&spec.server).await.unwrap().state, VmState::Running);
    kill(pid, "-CONT");
    eventually("its monitor is back", async || bench.driver().pause(&spec.server, FENCE).await.is_ok()).await;
    kill(pid, "-STOP");
    bench.driver().stop(&spec.server, StopMode::Force, FENCE).await.unwrap();
    gone(pid).await;
    bench.driver().destroy(&spec.server, FENCE).await.unwrap();
    assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_driver_at_a_time_and_deep_directories() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::with(|c| {
        c.state_dir = c.state_dir.join("d".repeat(60)).join("e".repeat(60));
        c.lock_patience = Duration::ZERO;
    })
    .await;
    let e = Qemu::open(bench.config.clone()).await.err().unwrap();
    assert!(e.is(Kind::Conflict) && e.message().contains("another tstack"), "{e:?}");
    let spec = bench.spec(Manners::Obeys).await;
    bench.driver().start(&spec, FENCE).await.unwrap();
    let VncEndpoint::Unix(vnc) = bench.driver().vnc(&spec.server).await.unwrap() else { panic!("no socket") };
    let mut greeting = [0; 3];
    std::io::Read::read_exact(&mut std::os::unix::net::UnixStream::connect(vnc).unwrap(), &mut greeting).unwrap();
    assert_eq!(&greeting, b"RFB");
    bench.reopen(&[]).await;
    bench.driver().pause(&spec.server, FENCE).await.unwrap();
    bench.driver().destroy(&spec.server, FENCE).await.unwrap();
    assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
}

/// A record that cannot be read condemns nobody: the guest runs on, and only destroy gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_record() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    bench.driver().start(&spec, FENCE).await.unwrap();
    let pid = bench.pid(&spec.server);
    bench.close().await;
    fs::write(bench.vm_dir(&spec.server).join("spec.json"), "{ rubbish").unwrap();
    bench.open().await;
    let driver = bench.driver();
    for outcome in [
        driver.start(&spec, FENCE).await,
        driver.stop(&spec.server, StopMode::Force, FENCE).await,
        driver.pause(&spec.server, FENCE).await,
    ] {
        assert!(outcome.unwrap_err().internal_text().contains("spec.json"));
    }
    assert_eq!(processes(&spec.server), [pid], "the guest runs on");
    assert_eq!(driver.list().await.unwrap()[0].state, VmState::Running, "and is not taken for absent");
    driver.destroy(&spec.server, FENCE).await.unwrap();
    assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
}

/// A server on NBD, as volumes are: attached, grown while the guest runs, detached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nbd_volume_grows_in_a_running_guest() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    let driver = bench.driver();
    driver.start(&spec, FENCE).await.unwrap();
    console_has(&bench, &spec, BOOTED).await;
    let (backing, socket) = (bench.dir.path().join("volume"), bench.dir.path().join("nbd.sock"));
    fs::write(&backing, vec![0; 1 << 20]).unwrap();
    let serve = || {
        let mut nbd = Command::new("qemu-nbd");
        nbd.args(["-f", "raw", "-t", "-e", "4", "-x", "volume", "-k"]).arg(&socket).arg(&backing);
        Served(nbd.stdin(Stdio::null()).spawn().unwrap())
    };
    let mut export = serve();
    eventually("the export", async || socket.exists()).await;
    let volume = VolumeId::new();
    let disk = Disk {
        id: format!("vol-{volume}"),
        source: DiskSource::NbdUnix { socket: socket.clone(), export: "volume".into() },
        serial: volume.to_string(),
        volume: Some(volume),
        ..bench.disk(&spec, 1).await
    };
    driver.attach_disk(&spec.server, &disk, FENCE).await.unwrap();
    for mib in [2u64, 3] {
        // The export's server learns a new size only by a restart.
        fs::File::options().write(true).open(&backing).unwrap().set_len(mib << 20).unwrap();
        drop(export);
        export = serve();
        eventually("QEMU is connected again", async || {
            driver.resize_disk(&spec.server, &disk.id, mib << 20).await.is_ok()
        })
        .await;
        let nodes = bench.ask(&spec.server, "query-named-block-nodes", json!({"flat": true}));
        let ours: Vec<_> =
            nodes.as_array().unwrap().iter().filter(|n| n["node-name"].as_str().unwrap().starts_with("d1")).collect();
        let connections = ours.iter().filter(|n| n["drv"] == "nbd").count();
        assert_eq!((ours.len(), connections), (3, 1), "limits, format, one connection: {ours:?}");
        assert!(ours.iter().all(|n| n["image"]["virtual-size"] == mib << 20), "{ours:?}");
    }
    driver.detach_disk(&spec.server, &disk.id, FENCE).await.unwrap();
    driver.destroy(&spec.server, FENCE).await.unwrap();
}

/// What a driver that was killed left in a guest is put away by the next: half an attach, half a detach, half a copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_are_put_away() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    let server = &spec.server;
    bench.driver().start(&spec, FENCE).await.unwrap();
    console_has(&bench, &spec, BOOTED).await;
    let (plugged, nic) = (bench.disk(&spec, 1).await, bench.nic(&spec, 1).await);
    bench.driver().attach_disk(server, &plugged, FENCE).await.unwrap();
    bench.driver().attach_nic(server, &nic, FENCE).await.unwrap();
    bench.close().await;
    // The guest lets go while nobody looks; the back ends stay.
    for device in [plugged.id.clone(), format!("nic-{}", nic.port)] {
        bench.ask(server, "device_del", json!({"id": device}));
        eventually("the device is gone", async || {
            let list = bench.ask(server, "qom-list", json!({"path": "/machine/peripheral"}));
            !list.as_array().unwrap().iter().any(|d| d["name"] == device.as_str())
        })
        .await;
    }
    // A copy nobody waits for.
    let target = bench.dir.path().join("target");
    fs::write(&target, vec![0; 1 << 20]).unwrap();
    let node = json!({"driver": "file", "filename": target, "node-name": "copy-9-s"});
    bench.ask(server, "blockdev-add", node);
    let backup = json!({"job-id": "copy-9-backup", "device": "d0", "target": "copy-9-s", "sync": "full", "speed": 1000,
                        "auto-dismiss": false});
    bench.ask(server, "blockdev-backup", backup);
    bench.open().await;
    let status = bench.driver().status(server).await.unwrap();
    assert_eq!((status.disks, status.ports), (vec!["root".into()], vec![spec.nics[0].port.clone()]));
    assert_eq!(bench.ask(server, "query-jobs", json!({})), json!([]));
    let nodes = bench.ask(server, "query-named-block-nodes", json!({"flat": true}));
    let names: Vec<_> = nodes.as_array().unwrap().iter().map(|n| n["node-name"].as_str().unwrap()).collect();
    assert!(!names.iter().any(|n| n.starts_with("copy") || n.starts_with("d1")), "{names:?}");
    // And everything can be done again.
    bench.driver().attach_disk(server, &plugged, FENCE).await.unwrap();
    bench.driver().attach_nic(server, &nic, FENCE).await.unwrap();
    bench.driver().destroy(server, FENCE).await.unwrap();
}

/// A driver that died with file systems held: the next one lets them go, without being asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_guest_outlives_nobody() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = VmSpec { guest_agent: true, ..bench.spec(Manners::Obeys).await };
    bench.driver().start(&spec, FENCE).await.unwrap();
    console_has(&bench, &spec, BOOTED).await;
    bench.agent(&spec.server).await;
    bench.driver().freeze(&spec.server, PATIENCE).await.unwrap();
    bench.reopen(&[]).await;
    eventually("it goes on", async || !bench.is_held(&spec.server).await).await;
    // Nor is one held that is suspended: nobody could tell it to go on.
    bench.driver().freeze(&spec.server, PATIENCE).await.unwrap();
    bench.driver().suspend(&spec.server, FENCE).await.unwrap();
    assert!(!bench.is_held(&spec.server).await);
    bench.driver().destroy(&spec.server, FENCE).await.unwrap();
}

/// A guest that asked for its own end is told from one whose QEMU was ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quit_by_a_stranger_is_a_crash() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    bench.driver().start(&spec, FENCE).await.unwrap();
    let mut events = bench.driver().events();
    bench.ask(&spec.server, "quit", json!({}));
    let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    assert_eq!(event, VmEvent { server: spec.server.clone(), state: VmState::Crashed });
    bench.driver().destroy(&spec.server, FENCE).await.unwrap();
}

#[test]
fn the_doctor_finds_what_is_there_and_what_is_not() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::closed(|_| {});
    let healthy = doctor(&bench.config);
    assert!(healthy.iter().all(|f| f.ok), "{healthy:?}");
    let sick = doctor(&QemuBench::closed(|c| c.binary = "qemu-system-vax".into()).config);
    let bad: Vec<_> = sick.iter().filter(|f| !f.ok).collect();
    assert_eq!(bad.len(), 1, "{sick:?}");
    assert_eq!((bad[0].check.as_str(), bad[0].mend.as_str()), ("qemu-system-vax", "apt install qemu-system-x86"));
}

/// With its disk, also when somebody is in haste: this guest writes so little that its memory may have come before that matters
/// (`witness` has one that goes by post-copy).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_takes_its_disk_along() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    for post_copy_after in [None, Some(Duration::ZERO)] {
        let mut spec = bench.spec(Manners::Obeys).await;
        spec.memory_mib = 256;
        let (driver, other, server) = (bench.driver(), bench.other().await, &spec.server);
        driver.start(&spec, FENCE).await.unwrap();
        console_has(&bench, &spec, BOOTED).await;
        let twin = bench.twin(&spec).await;
        let landing = other.receive(&twin, &bench.name(), FENCE).await.unwrap();
        let bandwidth = post_copy_after.map(|_| 4 << 20);
        let travel = Travel { to: landing, post_copy_after, bandwidth };
        let sent = driver.send(server, &travel, FENCE).await.unwrap();
        assert!(sent == Sent::All || post_copy_after.is_some());
        arrives(&*driver, &*other, server, &travel, sent).await;
        let bytes = |spec: &VmSpec| match &spec.disks[0].source {
            DiskSource::File { path, .. } => fs::read(path).unwrap(),
            _ => unreachable!(),
        };
        let told = driver.progress(server).await.unwrap();
        println!("{post_copy_after:?}: {told:?}");
        assert_eq!(told.stage, Stage::Sent);
        driver.destroy(server, FENCE).await.unwrap();
        assert_eq!(bytes(&spec), bytes(&twin));
        // It lives: it hears its power button, and starts again from the disk that came along.
        other.stop(server, StopMode::Graceful { timeout: PATIENCE }, FENCE).await.unwrap();
        other.start(&twin, FENCE).await.unwrap();
        eventually("its second boot", async || {
            other.console_log(server, Tail::All).await.unwrap().contains("guest is up, boot 2")
        })
        .await;
        other.destroy(server, FENCE).await.unwrap();
        assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
    }
}

/// Until the guest runs over there, with all of its memory.
pub async fn arrives(
    from: &dyn Hypervisor,
    to: &dyn Hypervisor,
    server: &kernel::ServerId,
    travel: &Travel,
    sent: Sent,
) {
    match sent {
        Sent::All => to.land(server, Then::Run, FENCE).await.unwrap(),
        Sent::Running => {
            eventually("it runs there by itself", async || to.status(server).await.unwrap().state == VmState::Running)
                .await;
            eventually("all of its memory has come", async || {
                from.send(server, travel, FENCE).await.unwrap() == Sent::All
            })
            .await;
        }
    }
}

/// Only the host that is expected may send, and a driver that dies in the middle finds everything again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_from_the_host_that_is_expected() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    let (driver, other, server) = (bench.driver(), bench.other().await, &spec.server);
    driver.start(&spec, FENCE).await.unwrap();
    console_has(&bench, &spec, BOOTED).await;
    let twin = bench.twin(&spec).await;
    let to = other.receive(&twin, &"h3".into(), FENCE).await.unwrap();
    let travel = Travel { to, post_copy_after: None, bandwidth: None };
    let e = driver.send(server, &travel, FENCE).await.unwrap_err();
    assert!(!e.is(Kind::NotFound), "{e:?}");
    assert_eq!(driver.status(server).await.unwrap().state, VmState::Running);
    assert_eq!(other.status(server).await.unwrap().state, VmState::Arriving);
    driver.call_off(server, CallOff::IfHere, FENCE).await.unwrap();
    drop(driver);
    bench.reopen(&[]).await;
    // As if the host had been named rightly from the first.
    other.destroy(server, FENCE).await.unwrap();
    let to = other.receive(&twin, &bench.name(), FENCE).await.unwrap();
    bench.driver().send(server, &Travel { to, ..travel }, FENCE).await.unwrap();
    other.land(server, Then::StandStill, FENCE).await.unwrap();
    for host in [bench.driver(), other] {
        host.destroy(server, FENCE).await.unwrap();
    }
    assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
}
