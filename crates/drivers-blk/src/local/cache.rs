//! The cache of images: one raw file per content, under a lock of its own while it is looked at, brought or removed.

use super::{Making, too_small};
use crate::{
    checksum,
    disk::OnDisk,
    qemu_img::{Compress, Format, INVALID_IMAGE, QemuImg},
};
use compute::driver::{CachedImage, ImageFetch, ImageSource};
use kernel::{Error, Result, error::Doing};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};
use tokio::sync::OwnedMutexGuard;

/// When an image that is no longer kept was last used: never, so the next collecting removes it once no disk lies on it.
const NOT_KEPT: SystemTime = SystemTime::UNIX_EPOCH;

pub(super) struct Cache {
    dir: PathBuf,
    keep_unused: Duration,
    /// Disks made over each image by this process.
    hits: Mutex<HashMap<String, u64>>,
    locks: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

/// An image nobody else may bring or remove now.
pub(super) struct Held {
    name: String,
    path: PathBuf,
    _guard: OwnedMutexGuard<()>,
}

impl Held {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The image's file if it is in the cache; marks it as used.
    pub fn ready(&self) -> Result<Option<PathBuf>> {
        match File::options().append(true).open(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            file => {
                let now = SystemTime::now();
                file.and_then(|f| f.set_modified(now)).on_disk("looking into the image cache")?;
                Ok(Some(self.path.clone()))
            }
        }
    }
}

impl Cache {
    pub fn new(dir: PathBuf, keep_unused: Duration) -> Self {
        Self { dir, keep_unused, hits: Mutex::default(), locks: Mutex::default() }
    }

    pub async fn hold(&self, image: &ImageSource) -> Result<Held> {
        let name = file_name(image)?;
        let lock = self.lock(&name);
        Ok(Held { path: self.dir.join(&name), name, _guard: lock.lock_owned().await })
    }

    fn lock(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock();
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }

    /// A disk is about to be made over an image.
    pub fn hit(&self, held: &Held) {
        *self.hits.lock().entry(held.name.clone()).or_default() += 1;
    }

    /// Stops keeping an image; it stays for as long as something claims it. Blocks.
    pub fn forget(&self, held: &Held, claimed: impl Fn() -> Result<Vec<String>>) -> Result<()> {
        let doing = "removing an image from the cache";
        let done = match claimed()?.contains(&held.name) {
            true => File::options().append(true).open(&held.path).and_then(|f| f.set_modified(NOT_KEPT)),
            false => fs::remove_file(&held.path),
        };
        match done {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.on_disk(doing),
        }
    }

    /// What is kept for further disks. Blocks.
    pub fn list(&self) -> Result<Vec<CachedImage>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).doing("reading the image cache")? {
            let entry = entry.doing("reading the image cache")?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            match entry.metadata() {
                Ok(meta) => found.extend(self.describe(&name, &meta).filter(|image| image.used_at > 0)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {} // removed since
                Err(e) => return Err(e).on_disk("reading the image cache"),
            }
        }
        Ok(found)
    }

    /// What a file's name and times say; `None` for a file that is no image of ours.
    fn describe(&self, name: &str, meta: &fs::Metadata) -> Option<CachedImage> {
        let (hash_algo, rest) = name.strip_suffix(".raw")?.split_once('-')?;
        let (hash, format) = rest.split_once('-')?;
        let seconds = |at: io::Result<SystemTime>| {
            at.ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).map_or(0, |d| d.as_secs())
        };
        Some(CachedImage {
            hash: hash.to_owned(),
            hash_algo: hash_algo.to_owned(),
            format: format.to_owned(),
            size: meta.blocks() * 512,
            hits: self.hits.lock().get(name).copied().unwrap_or(0),
            made_at: seconds(meta.created()),
            used_at: seconds(meta.modified()),
        })
    }

    /// Removes what nothing claims and nobody used for long enough. Blocks.
    pub fn collect(&self, claimed: impl Fn() -> Result<Vec<String>>) -> Result<Vec<CachedImage>> {
        let mut removed = Vec::new();
        for entry in fs::read_dir(&self.dir).doing("reading the image cache")? {
            let entry = entry.doing("reading the image cache")?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            // In use this moment: it will be claimed, or be here the next time.
            let Ok(_held) = self.lock(&name).try_lock_owned() else { continue };
            let meta = entry.metadata().doing("reading the image cache")?;
            let used = meta.modified().doing("reading the image cache")?;
            let age = SystemTime::now().duration_since(used).unwrap_or_default();
            // Claims are read under the lock, so none can come after the look.
            if age >= self.keep_unused && !claimed()?.contains(&name) {
                fs::remove_file(entry.path()).on_disk("removing an unused image")?;
                tracing::info!(image = name, "removed an unused image from the cache");
                removed.extend(self.describe(&name, &meta));
                self.hits.lock().remove(&name);
            }
        }
        Ok(removed)
    }
}

fn file_name(image: &ImageSource) -> Result<String> {
    let (algo, hash) = (image.hash_algo.to_ascii_lowercase(), image.hash.to_ascii_lowercase());
    let digits = match algo.as_str() {
        "sha256" => 64,
        "sha512" => 128,
        other => {
            return Err(
                Error::bad_request(format!("images hashed by {other:?} are not taken")).with_code(INVALID_IMAGE)
            );
        }
    };
    if hash.len() != digits || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::bad_request(format!("image {} has a malformed hash", image.image)).with_code(INVALID_IMAGE));
    }
    // The same bytes read as another format are another disk.
    Ok(format!("{algo}-{hash}-{}.raw", Format::of_image(&image.disk_format)?.name()))
}

/// Fetches an image, checks it and makes it raw. `limit`: the disk it is for; a larger one is refused before it is unpacked.
pub(super) async fn bring(
    held: &Held,
    image: &ImageSource,
    limit: u64,
    fetch: &dyn ImageFetch,
    img: &QemuImg,
    making: &Making,
) -> Result<PathBuf> {
    let (fetched, raw) = (making.file(), making.file());
    fetch.fetch(image, fetched.path()).await?;
    let what = format!("image {}", image.image);
    checksum::verify(fetched.path(), &what, image.size, &image.hash_algo, &image.hash).await?;
    let format = Format::of_image(&image.disk_format)?;
    let info = img.info_untrusted(fetched.path(), format).await?;
    if limit != 0 && info.virtual_size > limit {
        return Err(too_small(limit, info.virtual_size));
    }
    img.convert((fetched.path(), format), (raw.path(), Format::Raw), Compress::No).await?;
    raw.commit(&held.path).await?;
    Ok(held.path.clone())
}
