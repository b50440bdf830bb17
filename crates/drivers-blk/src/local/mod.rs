//! Disks that live with the host: root, swap and ephemeral disks of guests, over a cache of images.
//!
//! ```text
//!   <dir>/images/<algo>-<hash>.raw       an image, checked and made raw; shared by all overlays on it, never written
//!   <dir>/disks/<server>/<name>.json     what the disk is and which image it lies on: its claim on the cache
//!   <dir>/disks/<server>/<name>.qcow2    the disk (`swap`: .raw; the state of a TPM: .state, a directory)
//!   <dir>/scratch/                       for callers; what is begun here lies in scratch/making/
//! ```
//!
//! ```text
//!   create   image into the cache (fetch ▶ hash ▶ header ▶ raw ▶ rename) ▶ claim ▶ overlay aside ▶ rename
//!   collect  images without a claim, unused for a while ▶ gone
//! ```
//!
//! Invariants
//! - A disk or image is there whole or not at all: everything is made in `scratch/making`, synced, then renamed. What a kill
//!   leaves there is removed by the next [`LocalStore::open`].
//! - A disk that is there is never touched by `create`; one of a killed `create` is made again.
//! - A claim is written before its disk and removed after it, and collecting takes an image's lock, which `create` holds from
//!   looking at the cache until the claim is on disk. So no image goes from under a disk.
//! - Nothing is opened in a guessed format. Images from outside are named by their record's format, checked against their hash,
//!   refused if their header leads to other files, and converted to raw, which has no header: QEMU never reads theirs.

mod cache;
mod state;
mod swap;

use crate::{
    disk::{OnDisk, lock_dir, remove_dir},
    durable::{self, Unfinished},
    qemu_img::{Compress, Format, INVALID_IMAGE, QemuImg},
};
use async_trait::async_trait;
use cache::Cache;
use compute::driver::{CachedImage, DiskFormat, DiskSource, ImageFetch, ImageSource, LocalDiskSpec, LocalDisks, Tpm};
use kernel::{Error, Result, ServerId, error::Doing};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::spawn_blocking;

const LARGEST_NAME: usize = 32;

#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// Images, disks and scratch, in one file system.
    pub dir: PathBuf,
    /// An image without a disk on it stays this long after its last use. Nova's default is a day.
    pub keep_unused: Duration,
}

impl LocalConfig {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), keep_unused: Duration::from_secs(24 * 3600) }
    }
}

/// The local disks of one host.
#[derive(Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    img: QemuImg,
    cache: Cache,
    making: Making,
    _lock: File,
}

/// What is kept beside a disk.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    /// The file in `images` under this disk.
    base: Option<String>,
}

/// Names for what is not finished.
#[derive(Debug)]
struct Making {
    dir: PathBuf,
    next: AtomicU64,
}

impl Making {
    fn file(&self) -> Unfinished {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        Unfinished::at(self.dir.join(format!("{}-{n}", std::process::id())))
    }
}

impl LocalStore {
    /// Opens (or makes) the directory, for this process alone.
    pub fn open(config: LocalConfig, img: QemuImg) -> Result<Self> {
        let making = config.dir.join("scratch").join("making");
        let doing = format!("opening the local disks in {}", config.dir.display());
        for dir in ["images", "disks"] {
            fs::create_dir_all(config.dir.join(dir)).on_disk(&doing)?;
        }
        let dir = fs::canonicalize(&config.dir).doing(&doing)?;
        let lock = lock_dir(&dir)?;
        remove_dir(&making).and_then(|()| fs::create_dir_all(&making)).on_disk(&doing)?;
        let cache = Cache::new(dir.join("images"), config.keep_unused);
        let making = Making { dir: dir.join("scratch").join("making"), next: AtomicU64::new(0) };
        Ok(Self { inner: Arc::new(Inner { dir, img, cache, making, _lock: lock }) })
    }

    /// Work on the cache that blocks.
    async fn on_cache<R: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<R> + Send + 'static) -> Result<R> {
        let inner = self.inner.clone();
        spawn_blocking(move || work(&inner)).await.doing("looking after the image cache")?
    }
}

impl Inner {
    /// The directory of a server's disks. No path is made of an id that could lead elsewhere.
    fn server(&self, server: &ServerId) -> Result<PathBuf> {
        let plain = !server.is_empty() && server.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        match plain {
            true => Ok(self.dir.join("disks").join(server.as_str())),
            false => Err(Error::bad_request(format!("{server:?} cannot be a server's id"))),
        }
    }

    fn disk(&self, server: &ServerId, name: &str) -> Result<(PathBuf, Kind)> {
        let plain = (1..=LARGEST_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain {
            return Err(Error::bad_request(format!("{name:?} cannot be a disk's name")));
        }
        let (extension, kind) = match name {
            name if is_swap(name) => ("raw", Kind::Image(Format::Raw)),
            name if Tpm::is_state(name) => ("state", Kind::State),
            _ => ("qcow2", Kind::Image(Format::Qcow2)),
        };
        Ok((self.server(server)?.join(format!("{name}.{extension}")), kind))
    }

    /// Names of the cached images that some disk claims. A claim that cannot be read claims everything.
    fn claimed(&self) -> Result<Vec<String>> {
        let mut bases = Vec::new();
        for server in fs::read_dir(self.dir.join("disks")).doing("reading the local disks")? {
            let server = server.doing("reading the local disks")?.path();
            for file in fs::read_dir(&server).into_iter().flatten() {
                let path = file.doing("reading the local disks")?.path();
                if path.extension().is_some_and(|e| e == "json") {
                    let doing = format!("reading the claim {}", path.display());
                    let claim: Claim = serde_json::from_slice(&fs::read(&path).doing(&doing)?).doing(&doing)?;
                    bases.extend(claim.base);
                }
            }
        }
        Ok(bases)
    }

    async fn claim(&self, disk: &Path, base: Option<String>) -> Result<()> {
        let text = serde_json::to_vec(&Claim { base }).doing("claiming an image")?;
        let aside = self.making.file();
        let name = disk.with_extension("json");
        fs::write(aside.path(), text).on_disk("claiming an image")?;
        aside.commit(&name).await
    }

    async fn make_over_image(&self, disk: &LocalDiskSpec, path: &Path, fetch: &dyn ImageFetch) -> Result<()> {
        let Some(image) = &disk.base else {
            self.claim(path, None).await?;
            return self.make_blank(disk, path).await;
        };
        let held = self.cache.hold(image).await?;
        let base = self.base(&held, image, disk.size_bytes, fetch).await?;
        self.cache.hit(&held);
        let size = fs::metadata(&base).on_disk("looking at a cached image")?.len();
        // Zero is Nova's "as large as the image".
        if disk.size_bytes != 0 && disk.size_bytes < size {
            return Err(too_small(disk.size_bytes, size));
        }
        self.claim(path, Some(held.name().to_owned())).await?;
        drop(held);
        let aside = self.making.file();
        self.img.create_overlay(aside.path(), (&base, Format::Raw), disk.size_bytes.max(size)).await?;
        aside.commit(path).await
    }

    /// An image's file in the cache, brought there if it is not. `limit`: see [`cache::bring`].
    async fn base(
        &self,
        held: &cache::Held,
        image: &ImageSource,
        limit: u64,
        fetch: &dyn ImageFetch,
    ) -> Result<PathBuf> {
        match held.ready()? {
            Some(base) => Ok(base),
            None => cache::bring(held, image, limit, fetch, &self.img, &self.making).await,
        }
    }

    /// The copy comes from another host, which may be in other hands than it was: it must not lead to files of this one.
    async fn make_of_copy(&self, copy: &Path, size: u64, path: &Path, kind: Kind) -> Result<()> {
        let Kind::Image(format) = kind else {
            let (from, aside) = (copy.to_owned(), self.making.file());
            let to = aside.path().to_owned();
            spawn_blocking(move || state::unpack(&from, &to)).await.doing("making a TPM's state of a copy")??;
            return aside.commit(path).await;
        };
        let found = self.img.info_untrusted(copy, Format::Qcow2).await?;
        let aside = self.making.file();
        self.img.convert((copy, Format::Qcow2), (aside.path(), format), Compress::No).await?;
        if size > found.virtual_size {
            self.img.grow(aside.path(), format, size).await?;
        }
        self.claim(path, None).await?;
        aside.commit(path).await
    }

    async fn make_blank(&self, disk: &LocalDiskSpec, path: &Path) -> Result<()> {
        let aside = self.making.file();
        if Tpm::is_state(&disk.name) {
            state::make(aside.path()).on_disk("making room for a TPM's state")?;
        } else if is_swap(&disk.name) {
            let (file, size) = (aside.path().to_owned(), disk.size_bytes);
            let made = spawn_blocking(move || swap::make(&file, size)).await.doing("making a swap disk")?;
            made.on_disk("making a swap disk")?;
        } else {
            self.img.create(aside.path(), Format::Qcow2, disk.size_bytes, Compress::No).await?;
        }
        aside.commit(path).await
    }
}

/// What a disk of a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image(Format),
    /// No disk at all, but a TPM's: it is where the disks are, and goes where they go.
    State,
}

impl Kind {
    const fn format(self) -> DiskFormat {
        match self {
            Self::Image(Format::Qcow2) => DiskFormat::Qcow2,
            _ => DiskFormat::Raw,
        }
    }
}

/// Also one that took another's place: `swapv2`.
fn is_swap(name: &str) -> bool {
    name == "swap" || name.starts_with("swapv")
}

/// Nova refuses this before a host is chosen, by `min_disk` and the virtual size; here it is the last line.
fn too_small(size: u64, needed: u64) -> Error {
    Error::bad_request(format!("the image needs a disk of {needed} bytes, the flavor's has {size}"))
        .with_code(INVALID_IMAGE)
}

#[async_trait]
impl LocalDisks for LocalStore {
    async fn create(&self, disk: &LocalDiskSpec, fetch: Arc<dyn ImageFetch>) -> Result<DiskSource> {
        let (path, kind) = self.inner.disk(&disk.server, &disk.name)?;
        if !path.exists() {
            fs::create_dir_all(self.inner.server(&disk.server)?).on_disk("making a server's directory of disks")?;
            durable::sync_parent(path.parent().unwrap_or(&path))?;
            // Its own task: a caller that goes away stops neither a conversion others wait for nor leaves half of one.
            let (inner, disk, to) = (self.inner.clone(), disk.clone(), path.clone());
            let made = tokio::spawn(async move { inner.make_over_image(&disk, &to, fetch.as_ref()).await });
            made.await.doing("making a disk")??;
        }
        Ok(DiskSource::File { path, format: kind.format() })
    }

    async fn remove(&self, server: &ServerId) -> Result<()> {
        let dir = self.inner.server(server)?;
        let removed = spawn_blocking(move || remove_disks(&dir)).await.doing("removing a server's disks")?;
        removed.on_disk("removing a server's disks")
    }

    async fn adopt(&self, disk: &LocalDiskSpec, from: &Path) -> Result<()> {
        let (path, kind) = self.inner.disk(&disk.server, &disk.name)?;
        if path.exists() {
            return Ok(());
        }
        fs::create_dir_all(self.inner.server(&disk.server)?).on_disk("making a server's directory of disks")?;
        durable::sync_parent(path.parent().unwrap_or(&path))?;
        let (inner, from, size) = (self.inner.clone(), from.to_owned(), disk.size_bytes);
        let adopted = tokio::spawn(async move { inner.make_of_copy(&from, size, &path, kind).await });
        adopted.await.doing("making a disk of a copy")?
    }

    async fn keep_only(&self, server: &ServerId, names: &[String]) -> Result<()> {
        let (dir, names) = (self.inner.server(server)?, names.to_vec());
        let removed = spawn_blocking(move || remove_others(&dir, &names)).await.doing("removing disks of a server")?;
        removed.on_disk("removing disks of a server")
    }

    async fn export(&self, server: &ServerId, name: &str, to: &Path) -> Result<()> {
        let (path, kind) = self.inner.disk(server, name)?;
        if !path.exists() {
            return Err(Error::not_found(format!("server {server} has no disk {name} here")));
        }
        // Beside its target, which need not be in our file system.
        let aside = Unfinished::beside(to, ".part");
        match kind {
            Kind::Image(format) => {
                self.inner.img.convert((&path, format), (aside.path(), Format::Qcow2), Compress::No).await?
            }
            Kind::State => {
                let file = aside.path().to_owned();
                spawn_blocking(move || state::pack(&path, &file)).await.doing("packing a TPM's state")??;
            }
        }
        aside.commit(to).await
    }

    async fn list(&self) -> Result<Vec<ServerId>> {
        let mut servers = Vec::new();
        for entry in fs::read_dir(self.inner.dir.join("disks")).doing("listing the local disks")? {
            let name = entry.doing("listing the local disks")?.file_name();
            servers.extend(name.to_str().map(ServerId::from));
        }
        Ok(servers)
    }

    async fn cache(&self, image: &ImageSource, fetch: Arc<dyn ImageFetch>) -> Result<()> {
        let (inner, image) = (self.inner.clone(), image.clone());
        // Its own task, as in `create`.
        let brought = tokio::spawn(async move {
            let held = inner.cache.hold(&image).await?;
            inner.base(&held, &image, 0, fetch.as_ref()).await.map(drop)
        });
        brought.await.doing("bringing an image into the cache")?
    }

    async fn cached(&self) -> Result<Vec<CachedImage>> {
        self.on_cache(|inner| inner.cache.list()).await
    }

    async fn uncache(&self, image: &ImageSource) -> Result<()> {
        let held = self.inner.cache.hold(image).await?;
        self.on_cache(move |inner| inner.cache.forget(&held, || inner.claimed())).await
    }

    async fn prune(&self) -> Result<Vec<CachedImage>> {
        self.on_cache(|inner| inner.cache.collect(|| inner.claimed())).await
    }

    fn scratch(&self) -> PathBuf {
        self.inner.dir.join("scratch")
    }
}

/// Each disk before its claim.
fn remove_others(dir: &Path, names: &[String]) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let paths: Vec<PathBuf> = entries.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    let other = |path: &PathBuf| {
        path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| !names.iter().any(|name| name == stem))
    };
    let is_claim = |path: &PathBuf| path.extension().is_some_and(|e| e == "json");
    let (claims, disks): (Vec<_>, Vec<_>) = paths.into_iter().filter(other).partition(is_claim);
    disks.iter().chain(&claims).try_for_each(|path| remove(path))?;
    if disks.is_empty() && claims.is_empty() { Ok(()) } else { File::open(dir)?.sync_all() }
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Disks first, claims after them.
fn remove_disks(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e != "json") {
            remove(&path)?;
        }
    }
    fs::remove_dir_all(dir)?;
    File::open(dir.parent().unwrap_or(dir))?.sync_all()
}

#[cfg(test)]
mod tests;
