//! A real Linux guest: does it find its config drive and its hardware, does it hear its power button, does it see disks come,
//! grow and go, on both machines?
//!
//! Runs where `TSTACK_TINYCLOUD` names a tinycloud image (`images/tinycloud/build --keep DIR DIR/tinycloud.qcow2`), with
//! `vmlinuz` and `initrd` beside it; booting Linux in software takes some ten seconds of CPU a guest.

use crate::bench::{QemuBench, Served, without_qemu};
use compute::driver::*;
use drivers_virt::{
    conformance::{Bench, Manners, eventually},
    qemu::{Acceleration, ProbeKernel, QemuConfig, accel},
};
use parking_lot::Mutex;
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

const FENCE: Fence = Fence { generation: 1 };
/// Linux in software, by UEFI, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

pub fn image() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("TSTACK_TINYCLOUD")?);
    assert!(path.exists(), "TSTACK_TINYCLOUD names {}, which is not there", path.display());
    (!without_qemu()).then_some(path)
}

/// Somebody at the guest's serial console.
pub struct Terminal {
    stream: UnixStream,
    said: Arc<Mutex<String>>,
}

impl Terminal {
    /// Connects and logs in. It must listen all the time: a guest waits for a console that is connected and does not read.
    pub async fn login(bench: &QemuBench, spec: &VmSpec) -> Self {
        Self::login_at(&bench.vm_dir(&spec.server)).await
    }

    /// Of the guest with this directory.
    pub async fn login_at(dir: &Path) -> Self {
        let terminal = Self::at(dir);
        for (type_in, until) in [("", "login:"), ("cirros", "Password:"), ("gocubsgo", "$ ")] {
            terminal.types(type_in, until).await;
        }
        terminal
    }

    /// Where somebody may have logged in already.
    pub fn at(dir: &Path) -> Self {
        let stream = UnixStream::connect(dir.join("serial.sock")).unwrap();
        let (said, mut reader) = (Arc::new(Mutex::new(String::new())), stream.try_clone().unwrap());
        let heard = said.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                heard.lock().push_str(&String::from_utf8_lossy(&chunk[..n]));
            }
        });
        Self { stream, said }
    }

    /// Types until what is said contains `until`.
    pub async fn types(&self, line: &str, until: &str) {
        let deadline = Instant::now() + PATIENCE;
        self.said.lock().clear();
        writeln!(&self.stream, "{line}").unwrap();
        while !self.said.lock().contains(until) {
            assert!(Instant::now() < deadline, "typed {line:?}, waited for {until:?}, read {:?}", self.said.lock());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Runs a command until it says what is expected.
    pub async fn sees(&self, command: &str, expect: &str) {
        let once = format!("[ \"$({command})\" = \"{expect}\" ]");
        // In the echo of the command the two halves are apart.
        self.types(&format!("until {once}; do sleep 1; done 2>/dev/null; echo 'it 'does"), "it does").await;
    }
}

/// Waits until the guest has said for the `times`th time that it is ready, by its config drive.
async fn ready(bench: &QemuBench, spec: &VmSpec, times: usize) {
    ready_at(&*bench.driver(), spec, times).await;
}

pub async fn ready_at(driver: &dyn Hypervisor, spec: &VmSpec, times: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = driver.console_log(&spec.server, Tail::All).await.unwrap();
        if said.matches("ready source=config-drive host=linux-guest").count() >= times {
            return;
        }
        assert!(Instant::now() < deadline, "waited for the guest in vain: {said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub fn overlay(image: &Path, path: &Path) {
    let mut create = Command::new("qemu-img");
    create.args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"]).arg(image).arg(path).arg("400M");
    assert!(create.status().unwrap().success());
}

async fn linux(image: &Path, machine: Machine, firmware: Firmware) {
    let bench = QemuBench::with(|c| {
        if let Some(ovmf) = std::env::var_os("TSTACK_OVMF") {
            c.uefi_code = Path::new(&ovmf).join("OVMF_CODE_4M.fd");
            c.uefi_vars = Path::new(&ovmf).join("OVMF_VARS_4M.fd");
        }
    })
    .await;
    let (driver, mut spec) = (bench.driver(), bench.spec(Manners::Deaf).await);
    let root = bench.dir.path().join("root.qcow2");
    overlay(image, &root);
    spec.machine = machine;
    spec.firmware = firmware;
    // The image's UEFI boot loader runs out of memory with less.
    spec.memory_mib = if firmware == Firmware::Uefi { 256 } else { 192 };
    spec.rng = true;
    spec.guest_agent = true;
    spec.disks[0].source = DiskSource::File { path: root, format: DiskFormat::Qcow2 };
    let metadata = r#"{"uuid": "i", "hostname": "linux-guest.local", "name": "linux-guest"}"#;
    let file = |name: &str, content: &str| (format!("openstack/latest/{name}"), content.to_owned());
    let files = vec![file("meta_data.json", metadata), file("user_data", "#!/bin/sh\ntouch /run/user-data\n")];
    spec.config_drive = Some(ConfigDrive { files });
    driver.start(&spec, FENCE).await.unwrap();
    ready(&bench, &spec, 1).await;
    let terminal = Terminal::login(&bench, &spec).await;
    let dmi = "cd /sys/class/dmi/id; echo $(sudo cat sys_vendor product_name product_uuid)";
    terminal.sees(dmi, &format!("TStack OpenStack Compute {}", spec.server)).await;
    terminal.sees("ls /run/user-data", "/run/user-data").await;
    terminal.sees("cat /sys/block/vda/serial", "serial-0").await;
    terminal.sees("cat /sys/class/misc/hw_random/rng_current", "virtio_rng.0").await;
    terminal.sees("cat /sys/class/virtio-ports/vport*/name", "org.qemu.guest_agent.0").await;
    let disk = Disk { serial: "0123456789abcdefghijKLM".into(), ..bench.disk(&spec, 5).await };
    // On q35 the config drive is vdb.
    let block = if machine == Machine::Pc { "/sys/block/vdb" } else { "/sys/block/vdc" };
    driver.attach_disk(&spec.server, &disk, FENCE).await.unwrap();
    terminal.sees(&format!("cat {block}/serial"), "0123456789abcdefghij").await;
    driver.resize_disk(&spec.server, &disk.id, 3 << 20).await.unwrap();
    terminal.sees(&format!("cat {block}/size"), "6144").await;
    driver.detach_disk(&spec.server, &disk.id, FENCE).await.unwrap();
    terminal.sees(&format!("[ -e {block} ] || echo gone"), "gone").await;
    let nic = bench.nic(&spec, 1).await;
    driver.attach_nic(&spec.server, &nic, FENCE).await.unwrap();
    terminal.sees("cd /sys/class/net/eth1; echo $(cat mtu address)", &format!("1450 {}", nic.mac)).await;
    driver.detach_nic(&spec.server, &nic.port, FENCE).await.unwrap();
    drop(terminal);
    driver.reboot(&spec, RebootMode::Soft { timeout: PATIENCE }, FENCE).await.unwrap();
    ready(&bench, &spec, 2).await;
    driver.stop(&spec.server, StopMode::Graceful { timeout: Duration::from_secs(3600) }, FENCE).await.unwrap();
    driver.destroy(&spec.server, FENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linux_on_pc() {
    if let Some(image) = image() {
        linux(&image, Machine::Pc, Firmware::Bios).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linux_on_q35() {
    if let Some(image) = image() {
        linux(&image, Machine::Q35, Firmware::Bios).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linux_by_uefi() {
    if let Some(image) = image()
        && (QemuConfig::new("/").uefi_code.exists() || std::env::var_os("TSTACK_OVMF").is_some())
    {
        linux(&image, Machine::Q35, Firmware::Uefi).await;
    }
}

/// As a firmware's variables are named.
fn utf16(name: &str) -> Vec<u8> {
    name.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What the firmware keeps goes along: its variables, the boot order among them, are on the other host, on its disk once the guest has
/// landed, although it stands still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firmware_and_config_drive_go_to_another_host() {
    let ovmf = std::env::var_os("TSTACK_OVMF");
    if without_qemu() || (ovmf.is_none() && !QemuConfig::new("/").uefi_code.exists()) {
        return;
    }
    let bench = QemuBench::with(|c| {
        if let Some(ovmf) = ovmf {
            c.uefi_code = Path::new(&ovmf).join("OVMF_CODE_4M.fd");
            c.uefi_vars = Path::new(&ovmf).join("OVMF_VARS_4M.fd");
        }
    })
    .await;
    let (driver, mut spec) = (bench.driver(), bench.spec(Manners::Deaf).await);
    (spec.machine, spec.firmware, spec.memory_mib) = (Machine::Q35, Firmware::Uefi, 128);
    let file = ("openstack/latest/meta_data.json".to_owned(), "{}".to_owned());
    spec.config_drive = Some(ConfigDrive { files: vec![file] });
    driver.start(&spec, FENCE).await.unwrap();
    let order = utf16("BootOrder");
    let keeps = |vms: &Path| {
        let vars = std::fs::read(vms.join("vms").join(spec.server.as_str()).join("efivars.fd")).unwrap();
        vars.windows(order.len()).any(|w| w == order)
    };
    let here = bench.config.state_dir.clone();
    eventually("the firmware has kept a boot order", async || keeps(&here)).await;
    let (other, twin) = (bench.other().await, bench.twin(&spec).await);
    let there = bench.dir.path().join("other");
    let to = other.receive(&twin, &bench.name(), FENCE).await.unwrap();
    assert!(!keeps(&there));
    let travel = Travel { to, post_copy_after: None, bandwidth: None };
    assert_eq!(driver.send(&spec.server, &travel, FENCE).await.unwrap(), Sent::All);
    other.land(&spec.server, Then::StandStill, FENCE).await.unwrap();
    assert!(there.join("vms").join(spec.server.as_str()).join("config.iso").exists());
    assert!(keeps(&there), "before it goes on: it may be started anew instead");
    assert!(!there.join("vms").join(spec.server.as_str()).join("efivars.seen").exists());
    driver.destroy(&spec.server, FENCE).await.unwrap();
    other.resume(&spec.server, FENCE).await.unwrap();
    assert_eq!(other.status(&spec.server).await.unwrap().state, VmState::Running);
    assert!(keeps(&there));
    other.destroy(&spec.server, FENCE).await.unwrap();
}

/// The guest writes and syncs all the time, and keeps in its memory what it has written; the volume goes to and fro under it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_moves_under_a_guest_that_writes() {
    let Some(image) = image() else { return };
    let bench = QemuBench::new().await;
    let (driver, mut spec) = (bench.driver(), bench.spec(Manners::Deaf).await);
    let root = bench.dir.path().join("root.qcow2");
    overlay(&image, &root);
    spec.memory_mib = 192;
    spec.disks[0].source = DiskSource::File { path: root, format: DiskFormat::Qcow2 };
    let metadata = r#"{"uuid": "i", "hostname": "linux-guest.local", "name": "linux-guest"}"#;
    spec.config_drive =
        Some(ConfigDrive { files: vec![("openstack/latest/meta_data.json".into(), metadata.to_owned())] });
    driver.start(&spec, FENCE).await.unwrap();
    let mut places = Vec::new();
    for name in ["here", "there"] {
        let (file, socket) = (bench.dir.path().join(name), bench.dir.path().join(format!("{name}.sock")));
        std::fs::File::create(&file).unwrap().set_len(16 << 20).unwrap();
        let served = Served::new(&socket, &file);
        places.push((DiskSource::NbdUnix { socket: socket.clone(), export: "volume".into() }, file, served));
        eventually("the export", async || socket.exists()).await;
    }
    let disk = Disk { source: places[0].0.clone(), ..bench.disk(&spec, 5).await };
    driver.attach_disk(&spec.server, &disk, FENCE).await.unwrap();
    ready(&bench, &spec, 1).await;
    let terminal = Terminal::login(&bench, &spec).await;
    let write = "sudo sh -c 'n=0; while [ ! -e /run/stop ]; do dd if=/dev/urandom of=/run/b bs=64k count=1; \
                 dd if=/run/b of=/dev/vdb bs=64k seek=$((n % 256)) conv=notrunc,fsync || touch /run/failed; \
                 dd if=/run/b of=/run/model bs=64k seek=$((n % 256)) conv=notrunc; n=$((n+1)); echo $n > /run/count; done; \
                 touch /run/stopped' >/dev/null 2>&1 & echo 'it 'writes";
    terminal.types(write, "it writes").await;
    let more = "a=$(cat /run/count); until [ $(cat /run/count) -gt $((a+20)) ]; do sleep 1; done; echo 'more 'is";
    for round in 0..4 {
        terminal.types(more, "more is").await;
        let to = &places[(round + 1) % 2].0;
        driver.mirror_disk(&spec.server, &disk.id, to, FENCE).await.unwrap();
        driver.move_disk(&spec.server, &disk.id, to, FENCE).await.unwrap();
        // Whatever is done to the place that it has left does not reach it.
        std::fs::write(&places[round % 2].1, vec![0xa5; 16 << 20]).unwrap();
    }
    terminal.types(more, "more is").await;
    terminal.sees("sudo touch /run/stop; sleep 1; ls /run/stopped; ls /run/failed", "/run/stopped").await;
    terminal.types("echo 'sum='$(sha256sum < /run/model)'=size='$(stat -c %s /run/model)'=done'", "=done\r").await;
    let said = terminal.said.lock().clone();
    let part =
        |name: &str| said.rsplit(&format!("{name}=")).next().unwrap().split(['=', ' ']).next().unwrap().to_owned();
    let (sum, size) = (part("sum"), part("size").parse::<usize>().unwrap());
    assert!(size > 1 << 20, "{said}");
    driver.stop(&spec.server, StopMode::Force, FENCE).await.unwrap();
    let bytes = std::fs::read(&places[0].1).unwrap();
    assert_eq!(sha256(&bytes[..size]), sum, "what the guest has written is on the volume");
    driver.destroy(&spec.server, FENCE).await.unwrap();
}

pub fn sha256(bytes: &[u8]) -> String {
    let mut sum = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    sum.stdin.take().unwrap().write_all(bytes).unwrap();
    let said = sum.wait_with_output().unwrap().stdout;
    String::from_utf8(said).unwrap().split(' ').next().unwrap().to_owned()
}

/// The probe's verdict on this machine: software always passes, and KVM only where the kernel comes to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_boots_a_real_kernel() {
    let Some(image) = image() else { return };
    let beside = |name: &str| image.with_file_name(name);
    let probe = ProbeKernel { kernel: beside("vmlinuz"), initrd: Some(beside("initrd")) };
    let dir = tempfile::tempdir().unwrap();
    let mut config = QemuConfig::new(dir.path());
    config.probe_deadline = PATIENCE;
    accel::boot(&config, &probe, accel::Accel::Tcg).await.unwrap();
    config.acceleration = Acceleration::Auto;
    config.probe = Some(probe.clone());
    config.probe_deadline = Duration::from_secs(20);
    let (chosen, why) = accel::choose(&config).await.unwrap();
    let kvm = accel::boot(&config, &probe, accel::Accel::Kvm).await.is_ok();
    assert_eq!(chosen == accel::Accel::Kvm, kvm, "{why}");
}
