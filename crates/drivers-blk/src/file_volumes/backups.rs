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
    names::{folder, plain},
};
use kernel::{Error, Result, error::Doing};
use rustix::fs::SeekFrom;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};
use volume::driver::{BackupInfo, BackupPlace};

const CHUNK: u64 = 4 << 20;

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

pub(super) fn info(store: &Path, place: &BackupPlace) -> Result<BackupInfo> {
    Ok(describe(place, &manifest(store, place)?))
}

/// Its own chunks, and the manifest.
fn describe(place: &BackupPlace, manifest: &Manifest) -> BackupInfo {
    let own = manifest.chunks.iter().filter(|c| c.of == *place).count();
    BackupInfo { object_count: own as u64 + 1, size: manifest.size }
}

/// Keeps the bytes of `raw`.
pub(super) fn write(store: &Path, place: &BackupPlace, parent: Option<&BackupPlace>, raw: &Path) -> Result<BackupInfo> {
    let to = home(store, place)?;
    let before = parent.map(|p| manifest(store, p)).transpose()?.filter(|m| m.chunk == CHUNK);
    let before = before.map(|m| m.chunks).unwrap_or_default();
    let doing = "writing a backup";
    let aside = store.join("making").join(plain(&place.backup)?);
    remove_dir(&aside).on_disk(doing)?;
    private_dir(&aside).on_disk(doing)?;
    let file = File::open(raw).on_disk(doing)?;
    let size = file.metadata().on_disk(doing)?.len();
    let mut made = Manifest { size, chunk: CHUNK, chunks: Vec::new() };
    let mut next = 0;
    while let Some(number) = next_data(&file, next * CHUNK, size)?.map(|at| at / CHUNK) {
        next = number + 1;
        let bytes = piece(&file, number, size).on_disk(doing)?;
        if bytes.iter().all(|b| *b == 0) {
            continue;
        }
        let hash = hex(&Sha256::digest(&bytes));
        let known =
            before.binary_search_by_key(&number, |c| c.number).ok().map(|i| &before[i]).filter(|c| c.hash == hash);
        let of = match known {
            Some(chunk) => chunk.of.clone(),
            None => {
                let path = aside.join(number.to_string());
                fs::write(&path, &bytes).on_disk(doing)?;
                File::open(&path).and_then(|f| f.sync_all()).on_disk(doing)?;
                place.clone()
            }
        };
        made.chunks.push(Chunk { number, hash, of });
    }
    finish(&aside, &to, &made)?;
    Ok(describe(place, &made))
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
    let mut bytes = vec![0; usize::try_from(CHUNK.min(size - at)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// Gives a backup's bytes back as the file `raw`.
pub(super) fn read(store: &Path, place: &BackupPlace, raw: &Path) -> Result<()> {
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
pub(super) fn delete(store: &Path, place: &BackupPlace) -> Result<()> {
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
