//! How fast blocks are: `cargo run --release -p drivers-blk --example blocks -- [DIR]`. One JSON object per line.
//!
//! I/O by `qemu-img bench` through a volume's export and on the same bytes as a bare file, in turn, the median of five; writes of the
//! bare file with the promise that the export gives (on the disk when acknowledged). CPU time is that of whoever does the work: the
//! storage daemon and the client. And 10 GiB root disks over an image that the host has.

use async_trait::async_trait;
use compute::driver::{ImageFetch as Fetch, ImageSource, LocalDiskSpec, LocalDisks};
use drivers_blk::{
    conformance::volumes::{fence, no_fetch},
    file_volumes::{FileVolumes, FileVolumesConfig},
    local::{LocalConfig, LocalStore},
    qemu_img::QemuImg,
};
use kernel::{Result, ServerId, VolumeId};
use serde_json::json;
use sha2::{Digest, Sha512};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};
use volume::driver::{Target, VolumeBackend, VolumeSource, VolumeSpec};

const TURNS: usize = 5;
/// User and system time of children that have ended, and of a process: fields 14 to 17 of proc(5)'s stat, in 1/100 s.
fn cpu(pid: &str, fields: [usize; 2]) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields.map(|n| words.get(n).and_then(|w| w.parse::<u64>().ok()).unwrap_or_default());
    Duration::from_millis(10 * (ticks[0] + ticks[1]))
}

fn children() -> Duration {
    cpu("self", [13, 14])
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// An image by which `qemu-img bench` reaches the bytes.
struct Way<'a> {
    format: &'a str,
    name: String,
    cache: &'a str,
}

/// A kind of I/O.
struct Load {
    name: &'static str,
    size: usize,
    depth: usize,
    count: usize,
    write: bool,
}

/// Seconds that a run took.
fn seconds(way: &Way<'_>, load: &Load) -> f64 {
    let mut command = Command::new("qemu-img");
    let (size, depth, count) = (load.size.to_string(), load.depth.to_string(), load.count.to_string());
    command.args(["bench", "-f", way.format, "-t", way.cache, "-s", &size, "-d", &depth, "-c", &count]);
    if load.write {
        command.arg("-w");
    }
    let output = command.arg(&way.name).output().expect("qemu-img can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.split("completed in ").nth(1).and_then(|t| t.split(' ').next()).and_then(|t| t.parse().ok());
    said.unwrap_or_else(|| panic!("qemu-img bench: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn daemon(dir: &Path) -> String {
    let ours = |entry: &fs::DirEntry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        words.contains("qemu-storage-daemon") && words.contains(dir.to_str().unwrap_or("?"))
    };
    let found = fs::read_dir("/proc").expect("/proc").flatten().find(ours).expect("a storage daemon runs");
    found.file_name().to_string_lossy().into_owned()
}

async fn exports(dir: &Path) {
    let pool = FileVolumes::open(FileVolumesConfig::new("bench", "here", dir.join("pool"))).expect("a pool");
    let id = VolumeId::new();
    let spec = VolumeSpec { id: id.clone(), size_gib: 1, source: VolumeSource::Blank };
    pool.create(&spec, fence(1), no_fetch()).await.expect("a volume");
    let Target::NbdUnix { socket, export } = pool.export(&id, "here", false, fence(1)).await.expect("an export") else {
        panic!("the export is not on this host")
    };
    let through =
        || Way { format: "raw", name: format!("nbd+unix:///{export}?socket={}", socket.display()), cache: "writeback" };
    let fill = Load { name: "fill", size: 1 << 20, depth: 8, count: 1024, write: true };
    seconds(&through(), &fill);
    let file = dir.join("bare.qcow2");
    fs::copy(dir.join(format!("pool/volumes/{id}/volume.qcow2")), &file).expect("a copy of the volume");
    let loads = [
        Load { name: "read 1 MiB in sequence, 8 deep", size: 1 << 20, depth: 8, count: 2048, write: false },
        Load { name: "write 1 MiB in sequence, 8 deep", size: 1 << 20, depth: 8, count: 512, write: true },
        Load { name: "read 4 KiB, 1 deep", size: 4096, depth: 1, count: 20_000, write: false },
        Load { name: "write 4 KiB, 1 deep", size: 4096, depth: 1, count: 2_000, write: true },
    ];
    let server = daemon(dir);
    for load in &loads {
        let bare = Way {
            format: "qcow2",
            name: file.display().to_string(),
            cache: if load.write { "writethrough" } else { "writeback" },
        };
        let (mut alone, mut exported, mut spent) = (Vec::new(), Vec::new(), [Duration::ZERO; 3]);
        for _ in 0..TURNS {
            let before = children();
            alone.push(seconds(&bare, load));
            let (between, daemon) = (children(), cpu(&server, [11, 12]));
            exported.push(seconds(&through(), load));
            spent = [
                spent[0] + (between - before),
                spent[1] + (children() - between),
                spent[2] + (cpu(&server, [11, 12]) - daemon),
            ];
        }
        let (alone, exported) = (median(alone), median(exported));
        let per_gib =
            |time: Duration| time.as_secs_f64() / TURNS as f64 / (load.size * load.count) as f64 * f64::from(1 << 30);
        let row = json!({
            "name": load.name, "bare_mib_s": ((load.size * load.count) >> 20) as f64 / alone,
            "exported_mib_s": ((load.size * load.count) >> 20) as f64 / exported,
            "per_second": load.count as f64 / exported, "of_bare": alone / exported,
            "cpu_s_per_gib": {"bare": per_gib(spent[0]), "client": per_gib(spent[1]), "storage_daemon": per_gib(spent[2])},
        });
        println!("{row}");
    }
    pool.unexport(&id, fence(1)).await.expect("the export ends");
}

struct Here(PathBuf);

#[async_trait]
impl Fetch for Here {
    async fn fetch(&self, _image: &ImageSource, to: &Path) -> Result<()> {
        fs::copy(&self.0, to).expect("the image");
        Ok(())
    }
}

/// 10 GiB disks over an image of 64 MiB that the host has.
async fn disks(dir: &Path) {
    let image = dir.join("image");
    fs::write(&image, (0..64u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>())
        .expect("an image");
    let bytes = fs::read(&image).expect("the image");
    let hash = Sha512::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    let source = ImageSource {
        image: kernel::ImageId::new(),
        disk_format: "raw".into(),
        size: bytes.len() as u64,
        hash,
        hash_algo: "sha512".into(),
    };
    let store = LocalStore::open(LocalConfig::new(dir.join("disks")), QemuImg::default()).expect("a store of disks");
    let fetch: Arc<dyn Fetch> = Arc::new(Here(image));
    let mut times = Vec::new();
    let mut before = Duration::ZERO;
    for n in 0..=40 {
        let spec = LocalDiskSpec {
            server: ServerId::new(),
            name: "root".into(),
            size_bytes: 10 << 30,
            base: Some(source.clone()),
        };
        let began = Instant::now();
        store.create(&spec, Arc::clone(&fetch)).await.expect("a disk");
        // The first one brings the image.
        match n {
            0 => before = children(),
            _ => times.push(began.elapsed().as_secs_f64() * 1e3),
        }
    }
    let cpu_ms = (children() - before).as_secs_f64() * 1e3 / times.len() as f64;
    let slowest = times.iter().copied().fold(0.0, f64::max);
    println!(
        "{}",
        json!({"name": "10 GiB root disk over an image that is here", "p50_ms": median(times), "slowest_ms": slowest, "cpu_ms": cpu_ms})
    );
}

#[tokio::main]
async fn main() {
    let dir =
        tempfile::Builder::new().prefix("blocks").tempdir_in(std::env::args().nth(1).unwrap_or("/var/tmp".into()));
    let dir = dir.expect("a directory");
    exports(dir.path()).await;
    disks(dir.path()).await;
}
