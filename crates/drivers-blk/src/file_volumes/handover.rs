//! What was let go, or put there by hand, and is taken over again.
//!
//! ```text
//!   <dir>/candidates/volume-<id>/                 a volume that was let go, whole as it was
//!                   /<name>.qcow2                 put there by hand
//!   <dir>/volumes/<volume>/released/_snapshot-<id>.qcow2
//! ```
//!
//! Everything moves by renaming, so a kill leaves it on one side or on the other. An image put there by hand is made a volume's
//! directory in its place first: what lies half-way is found and finished by the next try.

use super::{
    FileVolumes,
    pool::{GIB, Pool, VolumeDir, VolumeRecord},
};
use crate::{
    disk::{OnDisk, private_dir},
    durable,
    ground::{Ground, names},
    names::{folder, plain},
    qemu_img::Format,
};
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};
use volume::driver::{Candidate, nothing_lies_here};

const DOING: &str = "handing a volume over";

fn all(area: &Ground) -> PathBuf {
    area.dir().join("candidates")
}

fn released(volume: &VolumeDir) -> PathBuf {
    volume.path().join("released")
}

/// What lies there, in every directory of the pool.
fn lying(pool: &Pool) -> Result<Vec<(&Arc<Ground>, String)>> {
    let mut found = Vec::new();
    for area in pool.areas.all() {
        found.extend(names(&all(area)).doing(DOING)?.into_iter().map(|name| (area, name)));
    }
    Ok(found)
}

/// Candidates. Sizes of images that are by themselves are asked of `qemu-img`; one that cannot be read is no candidate.
pub(super) async fn candidates(pool: &FileVolumes) -> Result<Vec<Candidate>> {
    let (inner, mut found) = (&pool.inner, Vec::new());
    for (area, name) in lying(&inner.pool)? {
        let reference = name.strip_suffix(".qcow2").unwrap_or(&name).to_owned();
        let place = VolumeDir::at(area, all(area).join(&reference));
        let size_gib = match place.record() {
            Ok(record) => record.size_gib,
            Err(_) => match inner.config.img.info_untrusted(&all(area).join(&name), Format::Qcow2).await {
                Ok(info) => info.virtual_size.div_ceil(GIB),
                Err(_) => continue,
            },
        };
        found.push(Candidate { reference, size_gib, of: None });
    }
    for id in inner.pool.ids()? {
        let volume = inner.pool.volume(&id)?;
        for name in names(&released(&volume)).doing(DOING)? {
            let info = inner.config.img.info(&released(&volume).join(&name), Format::Qcow2).await?;
            let reference = name.trim_end_matches(".qcow2").to_owned();
            found.push(Candidate { reference, size_gib: info.virtual_size.div_ceil(GIB), of: Some(id.clone()) });
        }
    }
    found.dedup_by(|a, b| a.reference == b.reference && a.of == b.of);
    Ok(found)
}

/// With the new volume's turn in hand.
pub(super) async fn adopt(pool: &FileVolumes, reference: &str, id: &VolumeId) -> Result<u64> {
    let at = &pool.inner.pool;
    let volume = at.volume(id)?;
    if volume.exists() {
        return Ok(volume.record()?.size_gib);
    }
    let name = folder(reference)?;
    let lies = |name: &str| at.areas.holding("candidates", name);
    let area = lies(name).or_else(|| lies(&format!("{name}.qcow2"))).unwrap_or(at.ground());
    let (volume, from) = (at.volume_in(area, id)?, all(area).join(name));
    whole(pool, area, reference, &from).await?;
    renamed(&from, volume.path())?;
    Ok(volume.record()?.size_gib)
}

/// Makes a volume's directory of an image that lies by itself. Its size is made full GiB.
async fn whole(pool: &FileVolumes, area: &Arc<Ground>, reference: &str, dir: &Path) -> Result<()> {
    let (inner, place) = (&pool.inner, VolumeDir::at(area, dir.to_owned()));
    if place.image().is_file() && place.record().is_ok() {
        return Ok(());
    }
    let by_itself = dir.with_file_name(format!("{reference}.qcow2"));
    if by_itself.is_file() {
        inner.config.img.info_untrusted(&by_itself, Format::Qcow2).await?;
        private_dir(&dir.join("snapshots")).on_disk(DOING)?;
        renamed(&by_itself, &place.image())?;
    }
    if !place.image().is_file() {
        return Err(nothing_lies_here(reference));
    }
    let size_gib = inner.config.img.info_untrusted(&place.image(), Format::Qcow2).await?.virtual_size.div_ceil(GIB);
    inner.config.img.grow(&place.image(), Format::Qcow2, size_gib * GIB).await?;
    inner.write_record(area, place.record_path(), VolumeRecord { size_gib }).await
}

/// With the volume's turn in hand.
pub(super) fn release(volume: &VolumeDir) -> Result<()> {
    if !volume.exists() {
        return Ok(());
    }
    if volume.exported()?.is_some() || !volume.snapshots()?.is_empty() {
        return Err(Error::conflict(format!("volume {} is exported or has snapshots", volume.id)));
    }
    private_dir(&all(&volume.area)).on_disk(DOING)?;
    renamed(volume.path(), &all(&volume.area).join(format!("volume-{}", volume.id)))
}

pub(super) fn adopt_snapshot(volume: &VolumeDir, reference: &str, id: &SnapshotId) -> Result<()> {
    let (from, to) = (released(volume).join(format!("{}.qcow2", folder(reference)?)), volume.snapshot(id)?);
    match (to.is_file(), from.is_file()) {
        (true, _) => Ok(()),
        (false, true) => renamed(&from, &to),
        (false, false) => Err(nothing_lies_here(reference)),
    }
}

pub(super) fn release_snapshot(volume: &VolumeDir, id: &SnapshotId) -> Result<()> {
    let from = volume.snapshot(id)?;
    if !from.is_file() {
        return Ok(());
    }
    private_dir(&released(volume)).on_disk(DOING)?;
    renamed(&from, &released(volume).join(format!("_snapshot-{}.qcow2", plain(id)?)))
}

fn renamed(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::not_found(format!("{} is gone", from.display()))),
        other => other.on_disk(DOING),
    }?;
    durable::sync_parent(from)?;
    durable::sync_parent(to)
}
