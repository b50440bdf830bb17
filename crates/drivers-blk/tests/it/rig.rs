//! A pool in a temporary directory, and a guest's hand in it: `qemu-io` over NBD.

use async_trait::async_trait;
use drivers_blk::{
    conformance::volumes::{Outcome, PoolBench, eventually},
    file_volumes::{FileVolumes, FileVolumesConfig},
};
use kernel::{ImageId, Result, VolumeId};
use parking_lot::Mutex;
use sha2::{Digest, Sha512};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::process::Command;
use volume::driver::{ImageBytes, ImageFetch, Target, VolumeBackend};

pub const HOST: &str = "here";

pub struct Pool {
    pub config: FileVolumesConfig,
    driver: Mutex<Option<FileVolumes>>,
    scratch: PathBuf,
    /// Ends before the directories do.
    daemons: Daemons,
    dir: tempfile::TempDir,
    _first: Option<Small>,
}

/// A small file system of its own.
pub struct Small {
    pub path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Small {
    /// `None` where this process may not mount.
    pub async fn new(mib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("small");
        fs::create_dir(&path).unwrap();
        let size = format!("size={mib}m");
        let out = run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", path.to_str().unwrap()]).await;
        out.status.success().then_some(Self { path, _dir: dir })
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a daemon may need a moment to go.
        let done = std::process::Command::new("umount").arg("-l").arg(&self.path).status();
        assert!(done.is_ok_and(|s| s.success()), "{} stays mounted", self.path.display());
    }
}

/// Ends the storage daemons of a test, whatever became of it. Only those whose pidfile lies in the test's own directory.
struct Daemons(Vec<PathBuf>);

impl Daemons {
    fn pids(&self) -> Vec<i32> {
        self.0.iter().flat_map(|dir| pids_of(dir)).collect()
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        self.pids().into_iter().for_each(kill);
    }
}

/// Processes with a word on their command line that is a path below `dir`.
pub fn pids_of(dir: &Path) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let cmdline = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let ours =
            cmdline.split(|b| *b == 0).any(|word| Path::new(std::str::from_utf8(word).unwrap_or("")).starts_with(dir));
        if ours && cmdline.windows(19).any(|w| w == b"qemu-storage-daemon") {
            found.push(pid);
        }
    }
    found
}

pub fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    // Gone already is as good.
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

impl Pool {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// One of two directories, of which the first is so small that nothing goes there. `None` where this process may not mount.
    pub async fn spread() -> Option<Self> {
        let first = Small::new(8).await?;
        let mut pool = Self::with(|config| {
            config.more = vec![config.dir.clone()];
            config.dir = first.path.join("pool");
        });
        pool._first = Some(first);
        Some(pool)
    }

    pub fn with(change: impl FnOnce(&mut FileVolumesConfig)) -> Self {
        let dir = tempfile::Builder::new().prefix("blk").tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        let mut config = FileVolumesConfig::new("test", HOST, dir.path().join("pool"));
        config.run_dir = dir.path().join("run");
        config.patience = Duration::from_secs(60);
        change(&mut config);
        let driver = FileVolumes::open(config.clone()).unwrap();
        let daemons = Daemons([&[config.dir.clone()], &config.more[..]].concat());
        Self { config, driver: Mutex::new(Some(driver)), scratch, daemons, dir, _first: None }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// One more directory, from the next opening on.
    pub fn add(&mut self, name: &str) {
        let dir = self.dir.path().join(name);
        self.daemons.0.push(dir.clone());
        self.config.more.push(dir);
    }

    pub fn driver(&self) -> FileVolumes {
        self.driver.lock().clone().expect("the pool is open")
    }

    /// Closes the pool as a killed process does: nothing is told to anybody. Returns when its last task has ended.
    pub async fn close(&self) {
        drop(self.driver.lock().take());
        let lock = fs::File::open(self.config.dir.join("lock")).unwrap();
        eventually("the pool is closed", async || lock.try_lock().is_ok()).await;
    }

    pub async fn open(&self) {
        *self.driver.lock() = Some(FileVolumes::open(self.config.clone()).unwrap());
    }

    pub fn pids(&self) -> Vec<i32> {
        self.daemons.pids()
    }
}

pub fn url(target: &Target) -> String {
    match target {
        Target::NbdUnix { socket, export } => format!("nbd+unix:///{export}?socket={}", socket.display()),
        Target::NbdTcp { host, port, export } => format!("nbd://{host}:{port}/{export}"),
        Target::Rbd { pool, namespace, image, user, conf, .. } => {
            let namespace = namespace.as_ref().map_or(String::new(), |n| format!("{n}/"));
            format!("rbd:{pool}/{namespace}{image}:id={user}:conf={}", conf.display())
        }
        Target::Fake { export } => panic!("{export} has no bytes"),
    }
}

pub async fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).kill_on_drop(true).output().await.unwrap()
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `flags`: `-r` opens it for reading only.
async fn io(target: &Target, flags: &[&str], commands: &[&str]) -> Output {
    let url = url(target);
    let mut args = [flags, &["-f", "raw"]].concat();
    args.extend(commands.iter().flat_map(|c| ["-c", c]));
    args.push(&url);
    run("qemu-io", &args).await
}

pub async fn size_of(target: &Target) -> u64 {
    let out = run("qemu-img", &["info", "--output=json", "-f", "raw", &url(target)]).await;
    assert!(out.status.success(), "{}", text(&out));
    serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap()["virtual-size"].as_u64().unwrap()
}

pub async fn write(target: &Target, offset: u64, length: u64, byte: u8) -> Outcome {
    let pattern = format!("write -P {byte} {offset} {length}");
    let out = io(target, &[], &[&pattern, "flush"]).await;
    match out.status.success() && text(&out).contains("wrote") {
        true => Outcome::Done,
        false => Outcome::Refused,
    }
}

pub async fn holds(target: &Target, offset: u64, length: u64, byte: u8) -> bool {
    let out = io(target, &["-r"], &[&format!("read -P {byte} {offset} {length}")]).await;
    let text = text(&out);
    assert!(text.contains("read ") || text.contains("Pattern verification failed"), "{text}");
    out.status.success() && !text.contains("Pattern verification failed")
}

/// Bytes that are here already, and how often they were fetched.
pub struct Local {
    path: PathBuf,
    pub fetched: AtomicU32,
}

impl Local {
    pub fn at(path: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), fetched: AtomicU32::new(0) })
    }
}

#[async_trait]
impl ImageFetch for Local {
    async fn fetch(&self, _image: &ImageBytes, to: &Path) -> Result<()> {
        use drivers_blk::disk::OnDisk;
        self.fetched.fetch_add(1, Ordering::Relaxed);
        fs::copy(&self.path, to).map(drop).on_disk("fetching an image")
    }
}

/// A description of the file as the image service would give it.
pub fn image_of(path: &Path, disk_format: &str) -> ImageBytes {
    let bytes = fs::read(path).unwrap();
    let hash = Sha512::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    let size = bytes.len() as u64;
    ImageBytes { image: ImageId::new(), disk_format: disk_format.into(), size, hash, hash_algo: "sha512".into() }
}

/// 2 MiB of qcow2 in `dir` that begin with 64 KiB of 0x42, as `PoolBench::image` is to be.
pub async fn small_image(dir: &Path) -> (ImageBytes, Arc<dyn ImageFetch>) {
    let path = dir.join("image.qcow2");
    let file = path.to_str().unwrap();
    let out = run("qemu-img", &["create", "-q", "-f", "qcow2", file, "2M"]).await;
    assert!(out.status.success(), "{}", text(&out));
    let out = run("qemu-io", &["-f", "qcow2", "-c", "write -P 0x42 0 64k", file]).await;
    assert!(out.status.success(), "{}", text(&out));
    (image_of(&path, "qcow2"), Local::at(path))
}

#[async_trait]
impl PoolBench for Pool {
    fn pool(&self) -> Arc<dyn VolumeBackend> {
        Arc::new(self.driver())
    }

    async fn reopen(&self) {
        self.close().await;
        self.open().await;
    }

    fn host(&self) -> &str {
        HOST
    }

    async fn write(&self, target: &Target, offset: u64, length: u64, byte: u8) -> Outcome {
        write(target, offset, length, byte).await
    }

    async fn holds(&self, target: &Target, offset: u64, length: u64, byte: u8) -> bool {
        holds(target, offset, length, byte).await
    }

    async fn size(&self, target: &Target) -> u64 {
        size_of(target).await
    }

    async fn image(&self) -> (ImageBytes, Arc<dyn ImageFetch>) {
        small_image(self.dir.path()).await
    }

    async fn leftovers(&self, id: &VolumeId) -> Vec<String> {
        let list = |part: &str| {
            let dirs = [&self.config.dir].into_iter().chain(&self.config.more);
            let found = dirs.filter_map(|dir| fs::read_dir(dir.join(part)).ok()).flatten();
            found.map(|e| e.unwrap().path()).collect::<Vec<_>>()
        };
        let of_it = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(id.as_str());
        let mut left = Vec::new();
        for making in list("making") {
            left.extend(fs::read_dir(making).unwrap().map(|e| e.unwrap().path()));
        }
        left.extend(list("volumes").into_iter().chain(list("sockets")).filter(of_it));
        left.iter().map(|p| p.display().to_string()).collect()
    }

    fn keeps_bytes(&self) -> bool {
        true
    }

    fn scratch(&self) -> &Path {
        &self.scratch
    }
}
