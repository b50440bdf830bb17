//! Making volumes, snapshots and copies: everything that ends in a new file.
//!
//! ```text
//!   blank     qemu-img create
//!   image     [fetch ▶ hash ▶ header ▶ qemu-img convert]  once (`bases`)  ▶ copy ▶ grow
//!   snapshot  copy the file (by reference where the file system can: XFS, btrfs) ▶ grow
//!   backup    chunks, each checked ▶ qemu-img convert ▶ grow
//!   exported  qemu-img convert over NBD ▶ grow
//!   volume    the same as a snapshot, or a copy by its storage daemon while it is exported ▶ grow
//! ```
//!
//! A snapshot is a whole image of its own, not a layer: deleting or growing the volume does not concern it, no chain has to be
//! kept in order across crashes, and it costs nothing where files share blocks.

use super::{
    FileVolumes,
    areas::Source,
    bases, disk,
    marks::Marking,
    pool::{GIB, VolumeDir, VolumeRecord},
};
use crate::{
    backups,
    disk::OnDisk,
    durable::{self, Unfinished},
    ground::Ground,
    qemu_img::{Compress, Format, INVALID_IMAGE},
};
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use std::{
    fs::{self, File},
    path::Path,
    sync::Arc,
};
use tokio::task::spawn_blocking;
use volume::driver::{BackupPlace, ImageFetch, VolumeSource, VolumeSpec};

/// With the volume's turn in hand. The volume appears by the renaming of its directory.
pub(super) async fn volume(pool: &FileVolumes, spec: &VolumeSpec, fetch: &dyn ImageFetch) -> Result<()> {
    if pool.inner.pool.volume(&spec.id)?.exists() {
        return Ok(());
    }
    let area = pool.inner.pool.areas.room(source(pool, &spec.source)?)?;
    let place = pool.inner.pool.volume_in(&area, &spec.id)?;
    let aside = place.unfinished();
    fs::create_dir_all(aside.path().join("snapshots")).on_disk("making a volume's directory")?;
    let image = aside.path().join("volume.qcow2");
    fill(pool, &area, spec, fetch, &image).await?;
    pool.inner.write_record(&area, aside.path().join("volume.json"), VolumeRecord { size_gib: spec.size_gib }).await?;
    let (from, to) = (aside.path().to_owned(), place.path().to_owned());
    spawn_blocking(move || commit_dir(&from, &image, &to)).await.doing("finishing a volume")?
}

fn commit_dir(aside: &Path, image: &Path, place: &Path) -> Result<()> {
    let doing = "finishing a volume";
    File::open(image).and_then(|f| f.sync_all()).on_disk(doing)?;
    File::open(aside).and_then(|d| d.sync_all()).on_disk(doing)?;
    fs::rename(aside, place).on_disk(doing)?;
    durable::sync_parent(place)
}

/// What lies in the pool of that which a volume is made of: they can share blocks.
fn source(pool: &FileVolumes, source: &VolumeSource) -> Result<Option<Source>> {
    let at = |volume: &VolumeId| pool.inner.pool.volume(volume);
    Ok(match source {
        VolumeSource::Snapshot { volume, snapshot } => {
            let of = at(volume)?;
            Some(Source::of(&of.area, &of.snapshot(snapshot)?))
        }
        VolumeSource::Volume { volume } => at(volume).map(|of| Some(Source::of(&of.area, &of.image())))?,
        VolumeSource::Image(image) => bases::source(&pool.inner, image),
        VolumeSource::Blank | VolumeSource::Backup(_) | VolumeSource::Exported { .. } => None,
    })
}

/// Makes `to`, which lies in `area`.
async fn fill(
    pool: &FileVolumes,
    area: &Arc<Ground>,
    spec: &VolumeSpec,
    fetch: &dyn ImageFetch,
    to: &Path,
) -> Result<()> {
    let img = &pool.inner.config.img;
    let size = spec.size_gib.saturating_mul(GIB);
    match &spec.source {
        VolumeSource::Blank => return img.create(to, Format::Qcow2, size, Compress::No).await,
        VolumeSource::Image(image) => bases::volume(pool, area, image, size, fetch, to).await?,
        VolumeSource::Snapshot { snapshot, volume } => from_snapshot(pool, volume, snapshot, to).await?,
        VolumeSource::Backup(place) => from_backup(pool, area, place, to).await?,
        VolumeSource::Exported { target } => img.convert_exported(target, (to, Format::Qcow2)).await?,
        VolumeSource::Volume { volume } => {
            // Looked for before its turn is taken: so no two creates wait for each other.
            pool.inner.pool.existing(volume)?;
            let _turn = pool.inner.turns.take(volume).await;
            now(pool, volume, to, Format::Qcow2).await?;
        }
    }
    fits(img.info(to, Format::Qcow2).await?.virtual_size, size)?;
    img.grow(to, Format::Qcow2, size).await
}

pub(super) fn fits(needed: u64, size: u64) -> Result<()> {
    if needed <= size {
        return Ok(());
    }
    Err(Error::bad_request(format!("the volume's source needs {needed} bytes, the volume has {size}"))
        .with_code(INVALID_IMAGE))
}

async fn from_backup(pool: &FileVolumes, area: &Ground, place: &BackupPlace, to: &Path) -> Result<()> {
    let (store, aside) = (pool.inner.config.backups.clone(), area.unfinished());
    let (place, raw) = (place.clone(), aside.path().to_owned());
    spawn_blocking(move || backups::read(&store, &place, &raw)).await.doing("reading a backup")??;
    pool.inner.config.img.convert((aside.path(), Format::Raw), (to, Format::Qcow2), pool.inner.config.compress).await?;
    pool.inner.count_packed(to).await
}

/// With the volume's turn in hand: its image is replaced by one made of the source.
pub(super) async fn rewrite(pool: &FileVolumes, spec: &VolumeSpec, fetch: &dyn ImageFetch) -> Result<()> {
    let volume = pool.inner.pool.existing(&spec.id)?;
    if volume.exported()?.is_some() {
        return Err(Error::conflict(format!("volume {} is exported", spec.id)));
    }
    if matches!(&spec.source, VolumeSource::Volume { volume } if *volume == spec.id) {
        return Ok(());
    }
    let aside = volume.unfinished();
    fill(pool, &volume.area, spec, fetch, aside.path()).await?;
    aside.commit(&volume.image()).await?;
    pool.inner.write_record(&volume.area, volume.record_path(), VolumeRecord { size_gib: spec.size_gib }).await
}

async fn from_snapshot(pool: &FileVolumes, volume: &VolumeId, snapshot: &SnapshotId, to: &Path) -> Result<()> {
    let from = pool.inner.pool.volume(volume)?.snapshot(snapshot)?;
    if !from.is_file() {
        return Err(Error::not_found(format!("snapshot {snapshot} is not in this pool")));
    }
    at_rest(pool, &from, to, Format::Qcow2).await
}

/// Copies an image that nobody writes.
pub(super) async fn at_rest(pool: &FileVolumes, from: &Path, to: &Path, format: Format) -> Result<()> {
    if format == Format::Qcow2 {
        let (source, target) = (from.to_owned(), to.to_owned());
        if spawn_blocking(move || reflink(&source, &target)).await.doing("copying an image")?? == Shared::Yes {
            return Ok(());
        }
    }
    pool.inner.config.img.convert((from, Format::Qcow2), (to, format), pool.inner.config.compress).await?;
    counted(pool, to, format).await
}

/// Raw copies are not packed.
async fn counted(pool: &FileVolumes, image: &Path, format: Format) -> Result<()> {
    if format == Format::Qcow2 { pool.inner.count_packed(image).await } else { Ok(()) }
}

#[derive(PartialEq, Eq)]
enum Shared {
    Yes,
    /// The file system has no such thing, or not between these files.
    No,
}

/// Makes `to` a file with the blocks of `from`.
fn reflink(from: &Path, to: &Path) -> Result<Shared> {
    let source = File::open(from).on_disk("opening an image to copy")?;
    let target = File::create(to).on_disk("making a copy of an image")?;
    match rustix::fs::ioctl_ficlone(&target, &source) {
        Ok(()) => Ok(Shared::Yes),
        Err(rustix::io::Errno::NOSPC) => Err(super::qmp::no_space("copying an image")),
        Err(_) => {
            fs::remove_file(to).doing("removing an empty copy")?;
            Ok(Shared::No)
        }
    }
}

/// Copies a volume as it is at one moment, in use or not. With the volume's turn in hand.
async fn now(pool: &FileVolumes, volume: &VolumeId, to: &Path, format: Format) -> Result<()> {
    let volume = pool.inner.pool.existing(volume)?;
    match pool.inner.serve(&volume).await? {
        Some(mut qmp) => {
            let compress = if format == Format::Qcow2 { pool.inner.config.compress } else { Compress::No };
            disk::copy(&mut qmp, &volume, &pool.inner.config, (to, format, compress), &Marking::default()).await?;
            counted(pool, to, format).await
        }
        None => at_rest(pool, &volume.image(), to, format).await,
    }
}

/// With the volume's turn in hand.
pub(super) async fn snapshot(pool: &FileVolumes, volume: &VolumeDir, snapshot: &SnapshotId) -> Result<()> {
    let place = volume.snapshot(snapshot)?;
    if place.is_file() {
        return Ok(());
    }
    let aside = volume.unfinished();
    now(pool, &volume.id, aside.path(), Format::Qcow2).await?;
    aside.commit(&place).await
}

/// With the volume's turn in hand. `to` need not be in the pool's file system.
pub(super) async fn copy_out(pool: &FileVolumes, volume: &VolumeId, format: Format, to: &Path) -> Result<()> {
    let aside = Unfinished::beside(to, ".part");
    now(pool, volume, aside.path(), format).await?;
    aside.commit(to).await
}
