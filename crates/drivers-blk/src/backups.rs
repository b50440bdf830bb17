//! Backups in a directory: chunks of a volume's bytes, each once along a chain of increments.
//!
//! ```text
//!   <store>/containers/<container>/<backup>/manifest.json   the size, and for each chunk its hash and whose file has it
//!                                          /<number>        a chunk that the parent did not have
//!   <store>/making/<backup>                                 what is not finished
//! ```
//!
//! Invariants
//! - A backup is there whole or not at all: made aside, synced, renamed.
//! - A chunk of zeros is not kept; one that is as in the parent is the parent's file, which is why a parent outlives its children.
//! - A chunk is checked against its hash before it is given back. Everything here blocks.

use crate::{
    checksum::hex,
    disk::{OnDisk, private_dir, remove_dir},
    durable,
    ground::names,
    names::{folder, plain},
};
use kernel::{Error, Result, error::Doing};
use rustix::fs::SeekFrom;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use volume::driver::{BackupInfo, BackupPlace};

pub(crate) const CHUNK: u64 = 4 << 20;

const WRITING: &str = "writing a backup";

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    size: u64,
    chunk: u64,
    /// By position; those that are not here are zeros.
    chunks: Vec<Chunk>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Chunk {
    number: u64,
    hash: String,
    /// The backup in whose directory its file is.
    of: BackupPlace,
}

fn home(store: &Path, place: &BackupPlace) -> Result<PathBuf> {
    Ok(store.join("containers").join(folder(&place.container)?).join(plain(&place.backup)?))
}

fn manifest(store: &Path, place: &BackupPlace) -> Result<Manifest> {
    let path = home(store, place)?.join("manifest.json");
    if !path.is_file() {
        return Err(Error::not_found(format!("backup {} is not here", place.backup)));
    }
    let doing = "reading a backup's manifest";
    serde_json::from_slice(&fs::read(path).on_disk(doing)?).doing(doing)
}

pub(crate) fn info(store: &Path, place: &BackupPlace) -> Result<BackupInfo> {
    Ok(describe(place, &manifest(store, place)?))
}

/// Its own chunks, and the manifest.
fn describe(place: &BackupPlace, manifest: &Manifest) -> BackupInfo {
    let own = manifest.chunks.iter().filter(|c| c.of == *place).count();
    BackupInfo { object_count: own as u64 + 1, size: manifest.size }
}

/// A backup on its way: chunks come in any order, each as it is in the end.
pub(crate) struct Writer {
    place: BackupPlace,
    to: PathBuf,
    aside: PathBuf,
    /// Of the parent, by number.
    before: Vec<Chunk>,
    made: BTreeMap<u64, Chunk>,
    /// The chunk that is being changed, so that many small changes of one cost one write.
    open: Option<(u64, Vec<u8>)>,
    size: u64,
}

/// What a backup shows where nothing was put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Zeros,
    /// What its parent shows.
    Parent,
}

impl Writer {
    /// Of a volume of `size` bytes.
    pub(crate) fn new(
        store: &Path,
        place: &BackupPlace,
        parent: Option<&BackupPlace>,
        ground: Ground,
        size: u64,
    ) -> Result<Self> {
        let to = home(store, place)?;
        let before = parent.map(|p| manifest(store, p)).transpose()?.filter(|m| m.chunk == CHUNK);
        let before = before.map(|m| m.chunks).unwrap_or_default();
        let aside = store.join("making").join(plain(&place.backup)?);
        remove_dir(&aside).on_disk(WRITING)?;
        private_dir(&aside).on_disk(WRITING)?;
        let shown = before.iter().filter(|c| ground == Ground::Parent && c.number * CHUNK < size);
        let made = shown.map(|c| (c.number, c.clone())).collect();
        Ok(Self { place: place.clone(), to, aside, before, made, open: None, size })
    }

    /// What the backup shows at a chunk's place as it is now, in the chunk's length.
    fn shown(&self, store: &Path, number: u64) -> Result<Vec<u8>> {
        let mut bytes = match self.made.get(&number) {
            Some(chunk) if chunk.of == self.place => fs::read(self.aside.join(number.to_string())).on_disk(WRITING)?,
            Some(chunk) => fs::read(home(store, &chunk.of)?.join(number.to_string())).on_disk(WRITING)?,
            None => Vec::new(),
        };
        bytes.resize(length(number, self.size), 0);
        Ok(bytes)
    }

    fn put(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        self.made.remove(&number);
        if bytes.iter().all(|b| *b == 0) {
            return Ok(());
        }
        let hash = hex(&Sha256::digest(bytes));
        let known = self.before.binary_search_by_key(&number, |c| c.number).ok().map(|i| &self.before[i]);
        let of = match known.filter(|c| c.hash == hash) {
            Some(chunk) => chunk.of.clone(),
            None => {
                let path = self.aside.join(number.to_string());
                fs::write(&path, bytes).on_disk(WRITING)?;
                File::open(&path).and_then(|f| f.sync_all()).on_disk(WRITING)?;
                self.place.clone()
            }
        };
        self.made.insert(number, Chunk { number, hash, of });
        Ok(())
    }

    /// Changes a part of a chunk or of several.
    pub(crate) fn patch(&mut self, store: &Path, mut at: u64, mut with: Patch<'_>) -> Result<()> {
        while with.len() > 0 {
            let (number, from) = (at / CHUNK, usize::try_from(at % CHUNK).unwrap_or_default());
            if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
                self.close()?;
                self.open = Some((number, self.shown(store, number)?));
            }
            let (_, bytes) = self.open.as_mut().ok_or_else(|| Error::internal(WRITING))?;
            let room = bytes.get_mut(from..).filter(|room| !room.is_empty());
            let room =
                room.ok_or_else(|| Error::internal(format!("a change at byte {at} is beyond the volume's end")))?;
            at += with.take(room) as u64;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.open.take().map_or(Ok(()), |(number, bytes)| self.put(number, &bytes))
    }

    /// The backup is there from now on.
    pub(crate) fn finish(mut self) -> Result<BackupInfo> {
        self.close()?;
        let made = Manifest { size: self.size, chunk: CHUNK, chunks: self.made.into_values().collect() };
        finish(&self.aside, &self.to, &made)?;
        Ok(describe(&self.place, &made))
    }
}

/// Bytes to put somewhere.
pub(crate) enum Patch<'a> {
    Bytes(&'a [u8]),
    Zeros(u64),
}

impl Patch<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(n) => *n,
        }
    }

    /// Puts as many as there is room for; how many that were.
    fn take(&mut self, room: &mut [u8]) -> usize {
        let n = usize::try_from(self.len()).unwrap_or(usize::MAX).min(room.len());
        match self {
            Self::Bytes(bytes) => {
                room[..n].copy_from_slice(&bytes[..n]);
                *bytes = &bytes[n..];
            }
            Self::Zeros(left) => {
                room[..n].fill(0);
                *left -= n as u64;
            }
        }
        n
    }
}

fn length(number: u64, size: u64) -> usize {
    usize::try_from(CHUNK.min(size.saturating_sub(number * CHUNK))).unwrap_or_default()
}

/// Keeps the bytes of `raw`.
pub(crate) fn write(store: &Path, place: &BackupPlace, parent: Option<&BackupPlace>, raw: &Path) -> Result<BackupInfo> {
    let file = File::open(raw).on_disk(WRITING)?;
    let size = file.metadata().on_disk(WRITING)?.len();
    let mut writer = Writer::new(store, place, parent, Ground::Zeros, size)?;
    let mut next = 0;
    while let Some(number) = next_data(&file, next * CHUNK, size)?.map(|at| at / CHUNK) {
        next = number + 1;
        writer.put(number, &piece(&file, number, size).on_disk(WRITING)?)?;
    }
    writer.finish()
}

/// Whether changes of whole chunks can be written over this backup.
pub(crate) fn can_be_continued(store: &Path, parent: &BackupPlace) -> bool {
    manifest(store, parent).is_ok_and(|m| m.chunk == CHUNK)
}

/// Keeps these chunks of `raw`, and is as the parent elsewhere.
pub(crate) fn write_changed(
    store: &Path,
    place: &BackupPlace,
    parent: Option<&BackupPlace>,
    raw: &Path,
    chunks: &[u64],
) -> Result<BackupInfo> {
    let file = File::open(raw).on_disk(WRITING)?;
    let size = file.metadata().on_disk(WRITING)?.len();
    let mut writer = Writer::new(store, place, parent, Ground::Parent, size)?;
    for number in chunks {
        writer.put(*number, &piece(&file, *number, size).on_disk(WRITING)?)?;
    }
    writer.finish()
}

fn finish(aside: &Path, to: &Path, made: &Manifest) -> Result<()> {
    let doing = "finishing a backup";
    let path = aside.join("manifest.json");
    fs::write(&path, serde_json::to_vec(made).doing(doing)?).on_disk(doing)?;
    File::open(&path).and_then(|f| f.sync_all()).on_disk(doing)?;
    File::open(aside).and_then(|d| d.sync_all()).on_disk(doing)?;
    if let Some(container) = to.parent() {
        private_dir(container).on_disk(doing)?;
        durable::sync_parent(container)?;
    }
    fs::rename(aside, to).on_disk(doing)?;
    durable::sync_parent(to)
}

/// Where the file next has bytes that were written; holes are passed over.
fn next_data(file: &File, from: u64, size: u64) -> Result<Option<u64>> {
    if from >= size {
        return Ok(None);
    }
    match rustix::fs::seek(file, SeekFrom::Data(from)) {
        Ok(at) => Ok(Some(at.max(from))),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(e) => Err(Error::internal("looking for a volume's bytes").with_source(e)),
    }
}

/// Chunk `number` of the file; the last one may be short.
fn piece(file: &File, number: u64, size: u64) -> std::io::Result<Vec<u8>> {
    let at = number * CHUNK;
    let mut bytes = vec![0; length(number, size)];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// Gives a backup's bytes back as the file `raw`.
pub(crate) fn read(store: &Path, place: &BackupPlace, raw: &Path) -> Result<()> {
    let (doing, manifest) = ("restoring a backup", manifest(store, place)?);
    let file = File::create(raw).on_disk(doing)?;
    file.set_len(manifest.size).on_disk(doing)?;
    for chunk in &manifest.chunks {
        let bytes = fs::read(home(store, &chunk.of)?.join(chunk.number.to_string())).on_disk(doing)?;
        if hex(&Sha256::digest(&bytes)) != chunk.hash {
            return Err(Error::conflict(format!("backup {} is damaged: chunk {}", place.backup, chunk.number)));
        }
        file.write_all_at(&bytes, chunk.number * manifest.chunk).on_disk(doing)?;
    }
    Ok(())
}

/// Out of sight at once, then gone.
pub(crate) fn delete(store: &Path, place: &BackupPlace) -> Result<()> {
    let (doing, from) = ("removing a backup", home(store, place)?);
    let making = store.join("making");
    private_dir(&making).on_disk(doing)?;
    let aside = making.join(format!("{}.gone", plain(&place.backup)?));
    if from.is_dir() {
        remove_dir(&aside).on_disk(doing)?;
        fs::rename(&from, &aside).on_disk(doing)?;
        durable::sync_parent(&from)?;
    }
    remove_dir(&aside).on_disk(doing)
}

/// Reads every chunk, with a pause between them; sentences about those that are not what was written.
pub(crate) fn scrub(store: &Path, pause: Duration) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let containers = store.join("containers");
    for container in names(&containers).on_disk("looking for backups")? {
        for backup in names(&containers.join(&container)).on_disk("looking for backups")? {
            let place = BackupPlace { backup, container: container.clone() };
            // One that is removed meanwhile is nothing to speak of.
            let Ok(manifest) = manifest(store, &place) else { continue };
            for chunk in manifest.chunks.iter().filter(|c| c.of == place) {
                let bytes = fs::read(home(store, &place)?.join(chunk.number.to_string()));
                let sound = bytes.is_ok_and(|b| hex(&Sha256::digest(&b)) == chunk.hash);
                if !sound && home(store, &place)?.is_dir() {
                    found.push(format!("backup {}: chunk {} is not what was written", place.backup, chunk.number));
                }
                thread::sleep(pause);
            }
        }
    }
    Ok(found)
}
