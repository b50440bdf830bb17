//! The ground a pool's driver stands on: a private directory that one process has at a time.
//!
//! ```text
//!   <dir>/lock                     one driver per directory
//!   <dir>/fences/<volume>          the highest generation seen; stays a week after the volume
//!   <dir>/making/<one per open>/   what is not finished; those of others are removed at open
//! ```
//!
//! A call of an older generation is refused also after the volume has gone: a create that was given up may come after its own
//! undoing. Everything here blocks for the time of a small file.

use crate::{
    disk::{OnDisk, lock_dir, private_dir, remove_dir},
    durable::{self, Unfinished},
    names::plain,
};
use kernel::{Error, Result, VolumeId, error::Doing};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};
use volume::driver::Fence;

/// No call lives that long: the fence of a volume that is gone has nobody left to refuse.
const KEEP_FENCES: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug)]
pub(crate) struct Ground {
    dir: PathBuf,
    making: PathBuf,
    next: AtomicU64,
    _lock: File,
}

impl Ground {
    /// `parts`: directories that the driver has in it besides.
    pub(crate) fn open(dir: &Path, parts: &[&str]) -> Result<Self> {
        let doing = format!("opening the pool {}", dir.display());
        for part in parts.iter().chain(&["fences"]) {
            private_dir(&dir.join(part)).on_disk(&doing)?;
        }
        let dir = fs::canonicalize(dir).doing(&doing)?;
        let lock = lock_dir(&dir)?;
        let making = fresh_making(&dir).on_disk(&doing)?;
        Ok(Self { dir, making, next: AtomicU64::new(0), _lock: lock })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn unfinished(&self) -> Unfinished {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        Unfinished::at(self.making.join(n.to_string()))
    }

    /// Refuses a call that is older than one already seen; remembers this one.
    pub(crate) fn pass(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let path = self.dir.join("fences").join(plain(id)?);
        let seen: u64 = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().doing("reading a volume's fence")?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(e) => return Err(e).doing("reading a volume's fence"),
        };
        if fence.generation < seen {
            let asked = fence.generation;
            return Err(Error::conflict(format!("volume {id} is at generation {seen}, the request is of {asked}")));
        }
        if fence.generation > seen {
            self.write(&path, fence.generation.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// Forgets the fences of volumes that are not there any more, after a while.
    pub(crate) fn prune_fences(&self, there: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(self.dir.join("fences"))? {
            let entry = entry?;
            let gone = !entry.file_name().to_str().is_some_and(&there);
            let age = SystemTime::now().duration_since(entry.metadata()?.modified()?).unwrap_or_default();
            if gone && age > KEEP_FENCES {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// A small file, whole or not at all.
    pub(crate) fn write(&self, name: &Path, content: &[u8]) -> Result<()> {
        let aside = self.unfinished();
        let doing = format!("writing {}", name.display());
        File::create(aside.path()).and_then(|mut file| file.write_all(content)).on_disk(&doing)?;
        durable::commit_blocking(aside.path(), name)
    }

    pub(crate) fn write_record(&self, name: &Path, record: &impl Serialize) -> Result<()> {
        self.write(name, &serde_json::to_vec(record).doing("encoding a record")?)
    }
}

/// A place for unfinished things that no other process has ever had: a `qemu-img` whose parent was killed goes on for a while, and
/// must not find its file's name given to another.
fn fresh_making(dir: &Path) -> io::Result<PathBuf> {
    let all = dir.join("making");
    for old in names(&all)? {
        remove_dir(&all.join(old))?;
    }
    let making = all.join(uuid::Uuid::new_v4().simple().to_string());
    private_dir(&all)?;
    private_dir(&making)?;
    Ok(making)
}

/// What a directory holds, sorted; none if the directory is not there.
pub(crate) fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let doing = format!("reading {}", path.display());
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).doing(&doing).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).doing(&doing),
    }
}

/// Removes a file and makes that last; `Ok` if it is not there.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    let doing = format!("removing {}", path.display());
    match fs::remove_file(path) {
        Ok(()) => durable::sync_parent(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).doing(&doing),
    }
}
