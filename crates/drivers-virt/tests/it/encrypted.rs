//! What a guest's QEMU writes to an encrypted disk, and where the key is not.

use crate::bench::{QemuBench, Served, without_qemu};
use compute::driver::*;
use drivers_virt::conformance::{Bench, Manners, eventually};
use ports::KeyBytes;
use serde_json::json;
use std::{fs, path::Path};

const FENCE: Fence = Fence { generation: 1 };
const PATTERN: u8 = 0x5a;

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The forms in which a key could be written down.
fn forms(key: &[u8]) -> [Vec<u8>; 4] {
    use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
    let hex: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
    // The passphrase again in base64, as QEMU's own words might have it.
    let twice = BASE64_STANDARD.encode(&hex);
    [key.to_vec(), hex.into_bytes(), BASE64_URL_SAFE_NO_PAD.encode(key).into_bytes(), twice.into_bytes()]
}

/// Files below a directory that have the key in them, and command lines of all processes that do.
fn written_down(dir: &Path, key: &[u8]) -> Vec<String> {
    let forms = forms(key);
    let mut found = Vec::new();
    let mut look = |path: &Path| {
        let bytes = fs::read(path).unwrap_or_default(); // a process may have ended
        if forms.iter().any(|form| has(&bytes, form)) {
            found.push(path.display().to_string());
        }
    };
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => left.push(entry.path()),
                kind if kind.is_file() => look(&entry.path()),
                _ => {}
            }
        }
    }
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        if entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()) {
            look(&entry.path().join("cmdline"));
            look(&entry.path().join("environ"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_not_on_the_disk_and_the_key_is_nowhere() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    let (driver, server) = (bench.driver(), &spec.server);
    driver.start(&spec, FENCE).await.unwrap();
    let octets: Vec<u8> = (0..32).map(|n| n * 7 + 3).collect();
    let key = KeyBytes::new(octets.clone());
    let disk = bench.encrypted_disk(&spec, 1, &key).await;
    let disk = Disk { encryption: DiskEncryption::Luks { key: Some(key) }, ..disk };
    driver.attach_disk(server, &disk, FENCE).await.unwrap();
    let io = |command: &str| {
        let line = format!("qemu-io d1 \"{command}\"");
        let said = bench.ask(server, "human-monitor-command", json!({"command-line": line}));
        said.as_str().unwrap_or_default().to_owned()
    };
    let said = io(&format!("write -P {PATTERN} 64k 1M")) + &io("flush");
    assert!(!said.to_lowercase().contains("error") && !said.contains("fail"), "{said}");
    let DiskSource::File { path, .. } = &disk.source else { unreachable!() };
    let look = || {
        let bytes = fs::read(path).unwrap();
        assert!(bytes.starts_with(b"LUKS\xba\xbe\0\x01"), "it begins with a header");
        assert!(!has(&bytes, &[PATTERN; 64]), "the pattern is not there");
        assert_eq!(written_down(bench.scratch(), &octets), [] as [String; 0]);
    };
    look();
    // From nothing: the disk is opened by the command line now.
    driver.stop(server, StopMode::Force, FENCE).await.unwrap();
    let with = VmSpec { disks: vec![spec.disks[0].clone(), disk.clone()], ..spec.clone() };
    driver.start(&with, FENCE).await.unwrap();
    let read = io(&format!("read -P {PATTERN} 64k 1M"));
    assert!(!read.contains("verification failed") && !read.contains("fail"), "{read}");
    let other = io("read -P 17 64k 1M");
    assert!(other.is_empty() || !other.contains("read 1048576") || read != other, "{other}");
    look();
    driver.destroy(server, FENCE).await.unwrap();
}

/// As a volume does, behind NBD: the guest sees the new size without the header.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_volume_grows_in_a_running_guest() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let spec = bench.spec(Manners::Obeys).await;
    let (driver, server) = (bench.driver(), &spec.server);
    driver.start(&spec, FENCE).await.unwrap();
    let key = KeyBytes::new((0..32).collect());
    let disk = bench.encrypted_disk(&spec, 1, &key).await;
    let (DiskSource::File { path, .. }, socket) = (&disk.source, bench.scratch().join("nbd.sock")) else {
        unreachable!()
    };
    let header = fs::metadata(path).unwrap().len() - (4 << 20);
    let mut export = Served::new(&socket, path);
    eventually("the export", async || socket.exists()).await;
    let disk = Disk {
        source: DiskSource::NbdUnix { socket: socket.clone(), export: "volume".into() },
        encryption: DiskEncryption::Luks { key: Some(key) },
        ..disk.clone()
    };
    driver.attach_disk(server, &disk, FENCE).await.unwrap();
    for mib in [8u64, 9] {
        fs::File::options().write(true).open(path).unwrap().set_len(mib << 20).unwrap();
        drop(export);
        export = Served::new(&socket, path);
        eventually("QEMU is connected again", async || driver.resize_disk(server, &disk.id, mib << 20).await.is_ok())
            .await;
        let nodes = bench.ask(server, "query-named-block-nodes", json!({"flat": true}));
        let size = |name: &str| {
            let node = nodes.as_array().unwrap().iter().find(|n| n["node-name"] == name);
            node.and_then(|n| n["image"]["virtual-size"].as_u64())
        };
        assert_eq!(size("d1"), Some((mib << 20) - header), "{nodes}");
    }
    driver.detach_disk(server, &disk.id, FENCE).await.unwrap();
    driver.destroy(server, FENCE).await.unwrap();
    drop(export);
}
