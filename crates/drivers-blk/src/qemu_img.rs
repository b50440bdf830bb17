//! The one place that runs `qemu-img`, carefully.
//!
//! What it is given was uploaded by somebody. So: formats are always named, never guessed; `qemu-img` runs under an address
//! space and CPU limit (`prlimit`) and a wall-clock deadline, with no standard input and a bare environment; what it prints is
//! read up to a limit; a call that is dropped kills its process; and at most a few conversions run at a time, so that a
//! burst of creates does not bury the guests of this host.
//!
//! Nothing here is atomic or durable by itself: callers write to a temporary name, [`crate::durable::commit`] it, and so make the
//! result appear whole or not at all.
//!
//! Errors: `TooLarge` with code [`NO_SPACE`] when the disk is full, `BadRequest` with code [`INVALID_IMAGE`] when the image is
//! at fault, `Conflict` when a guest has it open, `Unavailable` when the deadline passed, `Internal` otherwise.

mod failure;
#[cfg(test)]
mod tests;

use crate::{disk::space, inspect::inspect_file};
use failure::{failure, full};
use kernel::{Error, Finding, Result, error::Doing};
use serde::Deserialize;
use std::{
    ffi::{OsStr, OsString},
    ops::Range,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    sync::Semaphore,
    time::timeout,
};
use volume::driver::Target;

/// [`Error::code`] of a host whose disk is full.
pub const NO_SPACE: &str = "no_space";
/// [`Error::code`] of an image that cannot be used.
pub const INVALID_IMAGE: &str = "invalid_image";

/// Of what `qemu-img` prints, this much is kept.
const OUTPUT_LIMIT: u64 = 256 * 1024;

/// An image format by QEMU's name for its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Raw,
    Qcow2,
    Vmdk,
    Vdi,
    /// Glance's `vhd`.
    Vpc,
    Vhdx,
    /// Glance's `ploop`.
    Parallels,
}

impl Format {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Vpc => "vpc",
            Self::Vhdx => "vhdx",
            Self::Parallels => "parallels",
        }
    }

    /// What the inspector calls it. Raw bytes lead nowhere, whatever they look like; ploop it does not know.
    const fn inspected(self) -> Option<&'static str> {
        match self {
            Self::Raw | Self::Parallels => None,
            Self::Vpc => Some("vhd"),
            Self::Qcow2 | Self::Vmdk | Self::Vdi | Self::Vhdx => Some(self.name()),
        }
    }

    /// From Glance's `disk_format`; what a disk is made of there but not here is `BadRequest`.
    pub fn of_image(disk_format: &str) -> Result<Self> {
        Ok(match disk_format {
            // An ISO and a partitioned disk are raw disks to a guest; the Amazon parts are raw by definition.
            "raw" | "iso" | "gpt" | "ami" | "aki" | "ari" => Self::Raw,
            "qcow2" => Self::Qcow2,
            "vmdk" => Self::Vmdk,
            "vdi" => Self::Vdi,
            "vhd" | "vpc" => Self::Vpc,
            "vhdx" => Self::Vhdx,
            "ploop" => Self::Parallels,
            other => {
                return Err(Error::bad_request(format!("disk format {other} cannot be used for a disk"))
                    .with_code(INVALID_IMAGE));
            }
        })
    }
}

/// What `qemu-img info` found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Info {
    pub format: String,
    /// Bytes a guest sees.
    pub virtual_size: u64,
    /// Bytes in use on the host.
    #[serde(default)]
    pub actual_size: u64,
    pub backing_filename: Option<String>,
    pub backing_filename_format: Option<String>,
    #[serde(default)]
    pub encrypted: bool,
    #[serde(default)]
    format_specific: FormatSpecific,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct FormatSpecific {
    #[serde(default)]
    data: SpecificData,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SpecificData {
    data_file: Option<String>,
    create_type: Option<String>,
    #[serde(default)]
    corrupt: bool,
    #[serde(default)]
    bitmaps: Vec<Bitmap>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Bitmap {
    name: String,
    flags: Vec<String>,
}

impl Info {
    /// Bitmaps that say nothing any more: their image was in use when it was last closed by nobody.
    fn spoilt_bitmaps(&self) -> Vec<String> {
        let spoilt = self.format_specific.data.bitmaps.iter().filter(|b| b.flags.iter().any(|f| f == "in-use"));
        spoilt.map(|b| b.name.clone()).collect()
    }

    /// Why this file, come from outside, must not be opened by QEMU: it would lead to other files, or is damaged.
    pub fn refusal(&self) -> Option<String> {
        let data = &self.format_specific.data;
        if let Some(backing) = &self.backing_filename {
            return Some(format!("it has a backing file ({backing})"));
        }
        if let Some(file) = &data.data_file {
            return Some(format!("it keeps its data in another file ({file})"));
        }
        if data.corrupt {
            return Some("it is marked as corrupt".into());
        }
        match data.create_type.as_deref() {
            None | Some("monolithicSparse" | "streamOptimized") => None,
            Some(other) => Some(format!("vmdk of type {other} leads to other files")),
        }
    }
}

/// How far one run may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub address_space: u64,
    pub cpu: Duration,
    pub wall: Duration,
}

impl Limits {
    /// For reading a header: Nova and Cinder give `qemu-img info` 1 GiB and 30 s of CPU as well.
    pub const INFO: Self =
        Self { address_space: 1 << 30, cpu: Duration::from_secs(30), wall: Duration::from_secs(120) };
    /// For moving an image's bytes.
    pub const CONVERT: Self =
        Self { address_space: 2 << 30, cpu: Duration::from_secs(3600), wall: Duration::from_secs(4 * 3600) };
}

/// What a conversion makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    #[default]
    No,
    Zstd,
}

impl Compress {
    /// How an image has to be made so that its parts can be packed.
    fn options(self, format: Format) -> &'static [&'static str] {
        if self == Self::Zstd && format == Format::Qcow2 { &["-o", "compression_type=zstd"] } else { &[] }
    }
}

/// An export in QEMU's option syntax.
fn exported(target: &Target) -> Result<String> {
    let escaped = |text: &str| text.replace(',', ",,");
    match target {
        Target::NbdUnix { socket, export } => {
            let socket = socket.to_str().ok_or_else(|| Error::bad_request("the path of an export is not UTF-8"))?;
            let (socket, export) = (escaped(socket), escaped(export));
            Ok(format!("driver=nbd,server.type=unix,server.path={socket},export={export}"))
        }
        Target::NbdTcp { host, port, export } => {
            let (host, export) = (escaped(host), escaped(export));
            Ok(format!("driver=nbd,server.type=inet,server.host={host},server.port={port},export={export}"))
        }
        Target::Rbd { pool, namespace, image, user, conf, .. } => {
            let conf = conf.to_str().ok_or_else(|| Error::bad_request("the path of ceph.conf is not UTF-8"))?;
            let within = namespace.as_ref().map(|n| format!(",namespace={}", escaped(n))).unwrap_or_default();
            let (pool, image, user, conf) = (escaped(pool), escaped(image), escaped(user), escaped(conf));
            Ok(format!("driver=rbd,pool={pool}{within},image={image},user={user},conf={conf}"))
        }
        Target::Fake { .. } => Err(Error::bad_request("a fake volume has no bytes to copy")),
    }
}

/// A runner of one `qemu-img`; clones share the limit on conversions.
#[derive(Clone, Debug)]
pub struct QemuImg {
    binary: PathBuf,
    conversions: Arc<Semaphore>,
}

impl Default for QemuImg {
    fn default() -> Self {
        Self::new("qemu-img", 2)
    }
}

impl QemuImg {
    /// `conversions`: how many may run at a time.
    pub fn new(binary: impl Into<PathBuf>, conversions: usize) -> Self {
        Self { binary: binary.into(), conversions: Arc::new(Semaphore::new(conversions.max(1))) }
    }

    /// Reads the header of `path` as `format`. Works on an image in use by a guest.
    pub async fn info(&self, path: &Path, format: Format) -> Result<Info> {
        let args = args(&["info", "--output=json", "--force-share", "-f", format.name(), "--"], &[path.as_os_str()]);
        let out = self.run("reading an image's header", args, Limits::INFO).await?;
        serde_json::from_slice(&out).doing("reading qemu-img's description of an image")
    }

    /// [`QemuImg::info`] of a file from outside, refused when it would lead QEMU to other files. It is looked at by ourselves first: for
    /// some formats QEMU opens those other files to describe the image.
    pub async fn info_untrusted(&self, path: &Path, format: Format) -> Result<Info> {
        let refused = |why: &str| Error::bad_request(format!("the image is refused: {why}")).with_code(INVALID_IMAGE);
        if let Some(name) = format.inspected() {
            let seen = inspect_file(path).await?;
            if seen.format != name {
                return Err(refused(&format!("it is {}, not {name}", seen.format)));
            }
            if !seen.refusals.is_empty() {
                return Err(refused(&seen.refusals.join("; ")));
            }
        }
        let info = self.info(path, format).await?;
        match info.refusal() {
            None => Ok(info),
            Some(why) => Err(refused(&why)),
        }
    }

    /// Bytes that the content of `path` takes where holes stay holes, compressed parts unpacked. An image of a few KiB may hold
    /// terabytes: a table whose entries all lead to one compressed cluster.
    pub async fn measure(&self, path: &Path, format: Format) -> Result<u64> {
        #[derive(Deserialize)]
        struct Measured {
            required: u64,
        }
        let head = ["measure", "--output=json", "-O", "qcow2", "-f", format.name(), "--"];
        let out = self.run("measuring an image", args(&head, &[path.as_os_str()]), Limits::INFO).await?;
        let measured: Measured = serde_json::from_slice(&out).doing("reading qemu-img's measure of an image")?;
        Ok(measured.required)
    }

    /// Writes the content of `from` to a new standalone image `to`; holes stay holes. What has no room is not begun: filling the disk
    /// would have everybody else's writes fail as well.
    pub async fn convert(&self, from: (&Path, Format), to: (&Path, Format), compress: Compress) -> Result<()> {
        let mut head = vec!["convert", "-f", from.1.name(), "-O", to.1.name()];
        let options = compress.options(to.1);
        head.extend(options);
        if !options.is_empty() {
            head.push("-c");
        }
        head.push("--");
        let args = args(&head, &[from.0.as_os_str(), to.0.as_os_str()]);
        let _permit = self.conversions.acquire().await.doing("waiting for a turn to convert an image")?;
        // What packing saves is not known before: it is not counted on.
        if self.measure(from.0, from.1).await? > space(to.0.parent().unwrap_or(Path::new("/")))?.free {
            return Err(full("converting an image"));
        }
        self.run("converting an image", args, Limits::CONVERT).await.map(drop)
    }

    /// The same of what another pool exports; it has no format but that of its bytes.
    pub async fn convert_exported(&self, from: &Target, to: (&Path, Format)) -> Result<()> {
        let source = exported(from)?;
        let args =
            args(&["convert", "--image-opts", "-O", to.1.name(), "--"], &[OsStr::new(&source), to.0.as_os_str()]);
        let _permit = self.conversions.acquire().await.doing("waiting for a turn to convert an image")?;
        self.run("copying an exported volume", args, Limits::CONVERT).await.map(drop)
    }

    /// An empty image, for what is written into it as it is, or packed.
    pub async fn create(&self, path: &Path, format: Format, size: u64, compress: Compress) -> Result<()> {
        let size = size.to_string();
        let head = [&["create", "-q", "-f", format.name()], compress.options(format), &["--"]].concat();
        let args = args(&head, &[path.as_os_str(), OsStr::new(&size)]);
        self.run("creating an empty disk", args, Limits::INFO).await.map(drop)
    }

    /// A qcow2 that shows `base` and keeps what is written over it. `size` must not be below the base's.
    pub async fn create_overlay(&self, path: &Path, base: (&Path, Format), size: u64) -> Result<()> {
        let size = size.to_string();
        let head = ["create", "-q", "-f", "qcow2", "-F", base.1.name(), "-b"];
        let tail = [base.0.as_os_str(), OsStr::new("--"), path.as_os_str(), OsStr::new(&size)];
        self.run("creating a disk over its base image", args(&head, &tail), Limits::INFO).await.map(drop)
    }

    /// Where an image has clusters of its own, zeros among them.
    pub async fn present(&self, path: &Path, format: Format) -> Result<Vec<Range<u64>>> {
        #[derive(Deserialize)]
        struct Mapped {
            start: u64,
            length: u64,
            present: bool,
        }
        let doing = "reading which parts an image has";
        let args = args(&["map", "--output=json", "-f", format.name(), "--"], &[path.as_os_str()]);
        let all: Vec<Mapped> = serde_json::from_slice(&self.run(doing, args, Limits::CONVERT).await?).doing(doing)?;
        Ok(all.iter().filter(|m| m.present).map(|m| m.start..m.start + m.length).collect())
    }

    /// Grows an image that nobody has open; never shrinks. Bitmaps that a kill has spoilt go: QEMU resizes none that has one.
    pub async fn grow(&self, path: &Path, format: Format, size: u64) -> Result<()> {
        let info = self.info(path, format).await?;
        if info.virtual_size >= size {
            return Ok(());
        }
        for name in info.spoilt_bitmaps() {
            let args = args(&["bitmap", "--remove", "-f", format.name(), "--"], &[path.as_os_str(), OsStr::new(&name)]);
            self.run("removing a bitmap that a kill has spoilt", args, Limits::INFO).await?;
        }
        let size = size.to_string();
        let args = args(&["resize", "-q", "-f", format.name(), "--"], &[path.as_os_str(), OsStr::new(&size)]);
        self.run("growing a disk", args, Limits::INFO).await.map(drop)
    }

    /// Whether the tables of an image that nobody writes agree with each other. What is only lost space is no damage.
    pub async fn is_sound(&self, path: &Path, format: Format) -> Result<bool> {
        let doing = "checking an image's tables";
        let args = args(&["check", "-q", "-f", format.name(), "--"], &[path.as_os_str()]);
        let (status, _, err) = self.ended(doing, args, Limits::CONVERT).await?;
        match status.code() {
            Some(0 | 3) => Ok(true),
            Some(2) => Ok(false),
            _ => Err(failure(doing, &status.to_string(), &String::from_utf8_lossy(&err))),
        }
    }

    /// Bytes of the clusters that an image has, unpacked.
    pub async fn content(&self, path: &Path, format: Format) -> Result<u64> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Checked {
            #[serde(default)]
            allocated_clusters: u64,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Described {
            cluster_size: u64,
        }
        let doing = "measuring an image's content";
        let asked = |verb| args(&[verb, "--output=json", "-f", format.name(), "--"], &[path.as_os_str()]);
        let checked: Checked =
            serde_json::from_slice(&self.run(doing, asked("check"), Limits::CONVERT).await?).doing(doing)?;
        let described: Described =
            serde_json::from_slice(&self.run(doing, asked("info"), Limits::INFO).await?).doing(doing)?;
        Ok(checked.allocated_clusters * described.cluster_size)
    }

    /// Runs `qemu-img args…` under `limits`; `doing` goes into errors. Returns what it printed.
    pub async fn run(&self, doing: &str, args: Vec<OsString>, limits: Limits) -> Result<Vec<u8>> {
        match self.ended(doing, args, limits).await? {
            (status, out, _) if status.success() => Ok(out),
            (status, _, err) => Err(failure(doing, &status.to_string(), &String::from_utf8_lossy(&err))),
        }
    }

    /// How it ended, and what it printed.
    async fn ended(&self, doing: &str, args: Vec<OsString>, limits: Limits) -> Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
        let mut child = Command::new("prlimit")
            .arg(format!("--as={}", limits.address_space))
            .arg(format!("--cpu={}", limits.cpu.as_secs()))
            .arg("--core=0")
            .arg("--")
            .arg(&self.binary)
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            // One arena per thread would use up the address space limit with nothing in it.
            .env("MALLOC_ARENA_MAX", "2")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Error::internal(format!("{doing}: starting prlimit and qemu-img")).with_source(e))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let all = async { tokio::join!(child.wait(), read_some(out), read_some(err)) };
        match timeout(limits.wall, all).await {
            Err(_) => Err(Error::unavailable(format!("{doing} took longer than {} s", limits.wall.as_secs()))),
            Ok((status, out, err)) => Ok((status.doing(doing)?, out, err)),
        }
    }
}

/// What this host lacks for handling images.
pub fn doctor(img: &QemuImg) -> Vec<Finding> {
    let programs = [(img.binary.as_path(), "apt install qemu-utils"), (Path::new("prlimit"), "apt install util-linux")];
    programs.map(|(name, mend)| program(name, mend).blocking()).into()
}

/// Whether a program is on the path; `mend` says how to get it there.
pub(crate) fn program(name: &Path, mend: &str) -> Finding {
    let check = name.display().to_string();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let runs = |file: &PathBuf| file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok();
    match std::env::split_paths(&path).map(|dir| dir.join(name)).find(runs) {
        Some(file) => Finding::good(check, file.display().to_string()),
        None => Finding::bad(check, "not found", mend),
    }
}

fn args(head: &[&str], tail: &[&OsStr]) -> Vec<OsString> {
    head.iter().map(OsString::from).chain(tail.iter().map(OsString::from)).collect()
}

/// The first bytes of a stream; the rest is read and dropped, so that the writer is never stopped by a full pipe.
async fn read_some(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        // A failing pipe of our own child ends the output; its exit status tells the rest.
        let _ = (&mut stream).take(OUTPUT_LIMIT).read_to_end(&mut kept).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    kept
}
