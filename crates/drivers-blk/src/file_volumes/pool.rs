//! The pool's directory: where things lie, and the small records beside them. Everything here blocks for the time of a small file.
//!
//! ```text
//!   <dir>/lock                                one driver per pool
//!   <dir>/fences/<volume>                     the highest generation seen; stays a week after the volume
//!   <dir>/volumes/<volume>/volume.qcow2       the volume
//!                         /volume.json        its size
//!                         /export.json        that it is exported, and how: written before, removed after the daemons
//!                         /snapshots/<snapshot>.qcow2
//!                         /disk/  /gateway/   the homes of its storage daemons
//!   <dir>/sockets/<volume>.{nbd,qmp,gw}
//!   <dir>/making/<one per open>/              what is not finished; those of others are removed at open
//! ```

use crate::{
    disk::{OnDisk, lock_dir, private_dir, remove_dir},
    durable,
    names::plain,
};
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};
use volume::driver::{Fence, Inventory};

/// No call lives that long: the fence of a volume that is gone has nobody left to refuse.
const KEEP_FENCES: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) const GIB: u64 = 1 << 30;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VolumeRecord {
    pub(super) size_gib: u64,
}

/// What is asked of the daemons of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExportRecord {
    pub(super) read_only: bool,
    /// The port of the gateway, once a host other than this one was given the volume.
    pub(super) port: Option<u16>,
}

#[derive(Debug)]
pub(super) struct Pool {
    dir: PathBuf,
    sockets: PathBuf,
    making: PathBuf,
    next: AtomicU64,
    _lock: File,
}

/// The paths of one volume.
#[derive(Clone, Debug)]
pub(super) struct VolumeDir {
    path: PathBuf,
    pub(super) id: VolumeId,
    sockets: PathBuf,
}

/// Something not finished: goes away unless it was renamed to its place.
#[derive(Debug)]
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // One of both is right, or neither when it has found its place.
        let _ = fs::remove_file(&self.0);
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Pool {
    pub(super) fn open(dir: &Path, run_dir: &Path) -> Result<Self> {
        let doing = format!("opening the pool {}", dir.display());
        for part in ["fences", "volumes", "sockets"] {
            private_dir(&dir.join(part)).on_disk(&doing)?;
        }
        let dir = fs::canonicalize(dir).doing(&doing)?;
        let lock = lock_dir(&dir)?;
        let making = fresh_making(&dir).on_disk(&doing)?;
        let sockets = super::sockets::root(&dir.join("sockets"), run_dir)?;
        let pool = Self { dir, sockets, making, next: AtomicU64::new(0), _lock: lock };
        pool.prune_fences().doing(&doing)?;
        Ok(pool)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn unfinished(&self) -> Unfinished {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        Unfinished(self.making.join(n.to_string()))
    }

    pub(super) fn volume(&self, id: &VolumeId) -> Result<VolumeDir> {
        let path = self.dir.join("volumes").join(plain(id)?);
        Ok(VolumeDir { path, id: id.clone(), sockets: self.sockets.clone() })
    }

    /// A volume that must be there.
    pub(super) fn existing(&self, id: &VolumeId) -> Result<VolumeDir> {
        let volume = self.volume(id)?;
        if volume.exists() { Ok(volume) } else { Err(Error::not_found(format!("volume {id} is not in this pool"))) }
    }

    /// Refuses a call that is older than one already seen; remembers this one.
    pub(super) fn pass(&self, id: &VolumeId, fence: Fence) -> Result<()> {
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

    fn prune_fences(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.dir.join("fences"))? {
            let entry = entry?;
            let gone = !self.dir.join("volumes").join(entry.file_name()).exists();
            let age = SystemTime::now().duration_since(entry.metadata()?.modified()?).unwrap_or_default();
            if gone && age > KEEP_FENCES {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// A small file, whole or not at all.
    fn write(&self, name: &Path, content: &[u8]) -> Result<()> {
        let aside = self.unfinished();
        let doing = format!("writing {}", name.display());
        File::create(aside.path()).and_then(|mut file| file.write_all(content)).on_disk(&doing)?;
        durable::commit_blocking(aside.path(), name)
    }

    pub(super) fn write_record(&self, name: &Path, record: &impl Serialize) -> Result<()> {
        self.write(name, &serde_json::to_vec(record).doing("encoding a record")?)
    }

    pub(super) fn ids(&self) -> Result<Vec<VolumeId>> {
        names(&self.dir.join("volumes")).doing("listing the volumes of a pool").map(|names| ids(names, VolumeId::from))
    }

    /// Names of the sockets that lie about.
    pub(super) fn sockets(&self) -> io::Result<Vec<String>> {
        names(&self.dir.join("sockets"))
    }

    pub(super) fn inventory(&self) -> Result<Inventory> {
        let mut found = Inventory::default();
        for id in self.ids()? {
            let volume = self.volume(&id)?;
            let snapshots = volume.snapshots()?;
            found.snapshots.extend(snapshots.into_iter().map(|snapshot| (id.clone(), snapshot)));
            if volume.exported()?.is_some() {
                found.exports.push(id.clone());
            }
            found.volumes.push(id);
        }
        Ok(found)
    }

    /// Ports given to other volumes.
    pub(super) fn ports_in_use(&self) -> Result<Vec<u16>> {
        let mut ports = Vec::new();
        for id in self.ids()? {
            ports.extend(self.volume(&id)?.exported()?.and_then(|e| e.port));
        }
        Ok(ports)
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

/// Sorted; none if the directory is not there.
fn names(dir: &Path) -> io::Result<Vec<String>> {
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

fn ids<T>(names: Vec<String>, id: impl Fn(String) -> T) -> Vec<T> {
    names.into_iter().map(id).collect()
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let doing = format!("reading {}", path.display());
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).doing(&doing).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).doing(&doing),
    }
}

impl VolumeDir {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
    pub(super) fn exists(&self) -> bool {
        self.path.is_dir()
    }
    pub(super) fn image(&self) -> PathBuf {
        self.path.join("volume.qcow2")
    }
    pub(super) fn record_path(&self) -> PathBuf {
        self.path.join("volume.json")
    }
    pub(super) fn export_path(&self) -> PathBuf {
        self.path.join("export.json")
    }
    pub(super) fn home(&self, daemon: &str) -> PathBuf {
        self.path.join(daemon)
    }
    pub(super) fn socket(&self, ending: &str) -> PathBuf {
        self.sockets.join(format!("{}.{ending}", self.id))
    }

    pub(super) fn record(&self) -> Result<VolumeRecord> {
        let missing = || Error::internal(format!("volume {} has no record in its pool", self.id));
        read(&self.record_path())?.ok_or_else(missing)
    }

    pub(super) fn exported(&self) -> Result<Option<ExportRecord>> {
        read(&self.export_path())
    }

    pub(super) fn snapshot(&self, id: &SnapshotId) -> Result<PathBuf> {
        Ok(self.path.join("snapshots").join(format!("{}.qcow2", plain(id)?)))
    }

    pub(super) fn snapshots(&self) -> Result<Vec<SnapshotId>> {
        let names = names(&self.path.join("snapshots")).doing("listing the snapshots of a volume")?;
        Ok(names.iter().filter_map(|n| n.strip_suffix(".qcow2")).map(SnapshotId::from).collect())
    }
}

/// Removes a file and makes that last; `Ok` if it is not there.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    let doing = format!("removing {}", path.display());
    match fs::remove_file(path) {
        Ok(()) => durable::sync_parent(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).doing(&doing),
    }
}
