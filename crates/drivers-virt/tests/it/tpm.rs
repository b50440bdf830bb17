//! TPMs of guests, with the real emulator: what lies on the disk, what runs, and what a Linux guest finds in its TPM over all that happens
//! to the guest.

use crate::{
    bench::{QemuBench, gone, kill, processes, without_qemu},
    linux::{Terminal, image, overlay, ready_at, sha256},
};
use compute::driver::*;
use drivers_virt::{
    conformance::{BOOTED, Bench, Manners, eventually},
    qemu::Vtpm,
};
use kernel::{Kind, ServerId};
use std::{collections::BTreeSet, fs, path::Path, process::Stdio};

const FENCE: Fence = Fence { generation: 1 };

async fn with_tpm(bench: &QemuBench, manners: Manners) -> VmSpec {
    let mut spec = bench.spec(manners).await;
    spec.hardware.tpm = Some(bench.tpm(&spec, TpmVersion::V2_0, TpmModel::Crb).await);
    spec
}

fn emulators(server: &ServerId) -> Vec<u32> {
    let is_emulator =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "swtpm");
    processes(server).into_iter().filter(is_emulator).collect()
}

/// The header of what swtpm keeps: version, least version, length of the header, flags (1: encrypted, 8: with 256 bits).
fn flags(state: &Path) -> u16 {
    let kept = fs::read(state.join("tpm2-00.permall")).unwrap();
    u16::from_be_bytes([kept[4], kept[5]])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_emulator_comes_and_goes_with_qemu() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let (driver, spec) = (bench.driver(), with_tpm(&bench, Manners::Obeys).await);
    let (server, state) = (&spec.server, spec.hardware.tpm.as_ref().unwrap().state.clone());
    let claimed: BTreeSet<ServerId> = [server.clone()].into();
    let audit = async || bench.qemu().audit(&claimed).await.unwrap();
    let none: [String; 0] = [];
    driver.start(&spec, FENCE).await.unwrap();
    eventually("the guest is up", async || driver.console_log(server, Tail::All).await.unwrap().contains(BOOTED)).await;
    assert_eq!(flags(&state) & 9, 9, "the state is encrypted");
    for pid in processes(server) {
        for told in ["cmdline", "environ"] {
            let told = fs::read(format!("/proc/{pid}/{told}")).unwrap();
            assert!(!String::from_utf8_lossy(&told).contains("a passphrase"), "{pid} tells its passphrase");
        }
    }
    assert_eq!(audit().await, none);

    // The emulator is lost: that is told, and the next start makes another of the same state.
    let lost = emulators(server)[0];
    kill(lost, "-9");
    gone(lost).await;
    let found = audit().await;
    assert!(found.len() == 1 && found[0].contains("the process of its TPM is gone"), "{found:?}");
    driver.reboot(&spec, RebootMode::Hard, FENCE).await.unwrap();
    assert_eq!((emulators(server).len(), audit().await), (1, none.to_vec()));

    // QEMU is lost: the emulator goes by itself, or with the next look.
    bench.crash(server).await;
    eventually("nothing is left", async || processes(server).is_empty() && audit().await == none).await;

    // An emulator without a QEMU, as a driver leaves it that is killed between both.
    let pidfile = format!("file={}", bench.vm_dir(server).join("tpm.pid").display());
    let mut orphan = std::process::Command::new("sh");
    let mut orphan = orphan.args(["-c", "read x", "--pid", &pidfile]).stdin(Stdio::piped()).spawn().unwrap();
    eventually("it is named", async || {
        let found = audit().await;
        found.iter().any(|told| told.contains(&format!("process {}: the TPM of server {server}", orphan.id())))
    })
    .await;
    let _ = orphan.kill();
    let _ = orphan.wait();

    // Another passphrase does not open it: the guest has a TPM that does not work, and the state stays as it is.
    let kept = fs::read(state.join("tpm2-00.permall")).unwrap();
    let mut wrong = spec.clone();
    wrong.hardware.tpm.iter_mut().for_each(|tpm| tpm.key = Some(ports::KeyBytes::new(b"another".to_vec())));
    let _ = driver.start(&wrong, FENCE).await;
    driver.stop(server, StopMode::Force, FENCE).await.unwrap();
    assert!(fs::read(state.join("tpm2-00.permall")).unwrap() == kept);
    driver.start(&spec, FENCE).await.unwrap();
    driver.destroy(server, FENCE).await.unwrap();
    assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
    assert!(state.exists(), "a disk is not the driver's to remove");
}

/// A host without TPMs says so, and takes no guest that has one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_tell_whether_guests_can_have_tpms() {
    if without_qemu() {
        return;
    }
    for (vtpm, expect) in [(Vtpm::On, true), (Vtpm::Off, false)] {
        let bench = QemuBench::with(|c| c.vtpm = vtpm).await;
        let told = bench.driver().capabilities().await.unwrap().traits;
        for name in ["1_2", "2_0", "TIS", "CRB", "SECRET_SECURITY_USER", "SECRET_SECURITY_HOST"] {
            assert_eq!(told.contains(&format!("COMPUTE_SECURITY_TPM_{name}")), expect, "{vtpm:?} {name}");
        }
        if !expect {
            let spec = with_tpm(&bench, Manners::Obeys).await;
            assert!(bench.driver().start(&spec, FENCE).await.unwrap_err().is(Kind::Conflict));
        }
    }
}

/// The answer of a command in hexadecimal digits, as the guest's shell gets it.
fn tpm2(code: &str, body: &[&str]) -> String {
    let body = body.concat();
    let length = 10 + body.len() / 2;
    let command = format!("8002{length:08x}{code}{body}");
    let bytes: String = command.as_bytes().chunks(2).map(|b| format!("\\x{}", str::from_utf8(b).unwrap())).collect();
    format!(
        "sudo bash -c 'exec 3<>/dev/tpm0; printf \"{bytes}\" >&3; dd bs=4096 count=1 <&3 2>/dev/null' | od -An -v -tx1 | tr -d ' \\n'"
    )
}

/// The owner, who has no password; the TPM's index and PCR that the test takes.
const OWNER: &str = "40000001";
const PASSWORD: &str = "00000009400000090000000000";
const INDEX: &str = "01500001";
const VALUE: &str = "74737461636b2121";
const PCR: &str = "cat /sys/class/tpm/tpm0/pcr-sha256/16";

/// What a guest keeps in its TPM for good is there after a hard reboot, and what holds until a reboot goes with it to another host, from
/// which it comes to the disk there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linux_finds_what_it_kept_in_its_tpm() {
    let Some(image) = image() else { return };
    let bench = QemuBench::new().await;
    let (driver, mut spec) = (bench.driver(), with_tpm(&bench, Manners::Deaf).await);
    let root = bench.dir.path().join("root.qcow2");
    overlay(&image, &root);
    spec.memory_mib = 192;
    // On storage that both hosts reach.
    spec.disks[0].source = DiskSource::File { path: root, format: DiskFormat::Qcow2 };
    spec.disks[0].volume = Some("0d3c7e0a-1111-4222-8333-444455556666".into());
    let metadata = r#"{"uuid": "i", "hostname": "linux-guest.local", "name": "linux-guest"}"#;
    spec.config_drive =
        Some(ConfigDrive { files: vec![("openstack/latest/meta_data.json".into(), metadata.to_owned())] });
    driver.start(&spec, FENCE).await.unwrap();
    ready_at(&*driver, &spec, 1).await;
    let terminal = Terminal::login(&bench, &spec).await;
    terminal.sees("cat /sys/class/tpm/tpm0/tpm_version_major", "2").await;
    // TPM2_NV_DefineSpace, _NV_Write, _NV_Read, _PCR_Extend (TCG TPM 2.0 Library, part 3).
    let define = tpm2("0000012a", &[OWNER, PASSWORD, "0000", "000e", INDEX, "000b", "00060006", "0000", "0008"]);
    let write = tpm2("00000137", &[OWNER, INDEX, PASSWORD, "0008", VALUE, "0000"]);
    let read = format!("{} | cut -c33-48", tpm2("0000014e", &[OWNER, INDEX, PASSWORD, "0008", "0000"]));
    let digest = "74".repeat(32);
    let extend = tpm2("00000182", &["00000010", PASSWORD, "00000001", "000b", &digest]);
    for command in [define, write, extend] {
        terminal.types(&format!("echo 'answer='$({command} | cut -c13-20)"), "answer=00000000").await;
    }
    let extended = sha256(&[[0; 32], [0x74; 32]].concat()).to_uppercase();
    terminal.sees(&read, VALUE).await;
    terminal.sees(PCR, &extended).await;

    drop(terminal);
    let (other, twin) = (bench.other().await, bench.twin(&spec).await);
    let to = other.receive(&twin, &bench.name(), FENCE).await.unwrap();
    let travel = Travel { to, post_copy_after: None, bandwidth: None };
    assert_eq!(driver.send(&spec.server, &travel, FENCE).await.unwrap(), Sent::All);
    other.land(&spec.server, Then::Run, FENCE).await.unwrap();
    driver.destroy(&spec.server, FENCE).await.unwrap();
    let there = bench.dir.path().join("other/vms").join(spec.server.as_str());
    let terminal = Terminal::at(&there);
    terminal.sees(PCR, &extended).await;
    terminal.sees(&read, VALUE).await;
    assert_eq!(flags(&twin.hardware.tpm.as_ref().unwrap().state) & 9, 9, "encrypted there as here");

    drop(terminal);
    other.suspend(&spec.server, FENCE).await.unwrap();
    other.start(&twin, FENCE).await.unwrap();
    let terminal = Terminal::at(&there);
    terminal.sees(PCR, &extended).await;

    drop(terminal);
    other.reboot(&twin, RebootMode::Hard, FENCE).await.unwrap();
    ready_at(&*other, &spec, 1).await;
    let terminal = Terminal::login_at(&there).await;
    terminal.sees(&read, VALUE).await;
    terminal.sees(PCR, &"0".repeat(64)).await;
    other.destroy(&spec.server, FENCE).await.unwrap();
    assert_eq!(bench.leftovers(&spec.server).await, Vec::<String>::new());
}
