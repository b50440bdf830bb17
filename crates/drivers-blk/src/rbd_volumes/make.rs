//! Making volumes and copies: everything that ends in a new image.
//!
//! ```text
//!   blank      create
//!   image      [fetch ▶ hash ▶ header ▶ raw ▶ import ▶ image-<hash>@base]  once   ▶ clone ▶ grow
//!   snapshot   clone ▶ grow
//!   volume     snapshot of a moment ▶ clone ▶ snapshot away ▶ grow
//!   backup     chunks, each checked ▶ import ▶ grow
//!   exported   qemu-img convert ▶ import ▶ grow
//! ```

use super::{GIB, Inner, Swept, cli::Failed, sweep, volume_image};
use crate::{
    backups as store, checksum,
    durable::Unfinished,
    names::plain,
    qemu_img::{Compress, Format, INVALID_IMAGE},
};
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use rustix::io::Errno;
use std::path::Path;
use tokio::task::spawn_blocking;
use volume::driver::{BackupPlace, ImageBytes, ImageFetch, VolumeSource, VolumeSpec};

/// Base images that no volume was cloned of are kept up to this many.
const IDLE_BASES: usize = 8;

fn making(e: Failed) -> Error {
    e.while_doing("making a volume")
}

pub(super) fn path(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::bad_request(format!("the path {} is not UTF-8", path.display())))
}

/// With the volume's turn in hand.
pub(super) async fn volume(inner: &Inner, spec: &VolumeSpec, fetch: &dyn ImageFetch) -> Result<()> {
    let image = volume_image(&spec.id)?;
    inner.ready().await?;
    if inner.images.info(&image).await.map_err(making)?.is_some() {
        return Ok(());
    }
    build(inner, spec, fetch, &image).await?;
    inner.sizes.lock().insert(spec.id.clone(), spec.size_gib.saturating_mul(GIB));
    Ok(())
}

/// With the volume's turn in hand: another image takes its name.
pub(super) async fn rewrite(inner: &Inner, spec: &VolumeSpec, fetch: &dyn ImageFetch) -> Result<()> {
    inner.ready().await?;
    inner.existing(&spec.id).await?;
    inner.not_exported(&spec.id)?;
    if matches!(&spec.source, VolumeSource::Volume { volume } if *volume == spec.id) {
        return Ok(());
    }
    build(inner, spec, fetch, &format!("made-{}", spec.id)).await?;
    let installed = sweep::install(inner, &spec.id).await;
    if installed.is_err() {
        // Half done, it is ended before the next call.
        *inner.swept.lock().await = Swept::NotYet;
    }
    installed
}

/// Makes an image aside and gives it its name.
async fn build(inner: &Inner, spec: &VolumeSpec, fetch: &dyn ImageFetch, name: &str) -> Result<()> {
    let aside = inner.passing("making");
    let built = async {
        fill(inner, spec, fetch, &aside).await?;
        match inner.images.rename(&aside, name).await {
            // Whoever was before us did it after all.
            Err(e) if e.is(Errno::EXIST) => inner.images.remove(&aside).await.map_err(making),
            other => other.map_err(making),
        }
    };
    let built = built.await;
    if built.is_err()
        && let Err(e) = inner.images.remove(&aside).await
    {
        tracing::warn!(image = aside, error = %e, "an unfinished image stays until the next start");
    }
    built
}

async fn fill(inner: &Inner, spec: &VolumeSpec, fetch: &dyn ImageFetch, to: &str) -> Result<()> {
    let size = spec.size_gib.saturating_mul(GIB);
    match &spec.source {
        VolumeSource::Blank => return inner.images.create(to, size).await.map_err(making),
        VolumeSource::Image(image) => {
            let base = base(inner, image, size, fetch).await?;
            inner.images.clone_of(&format!("{base}@base"), to).await.map_err(making)?;
        }
        VolumeSource::Snapshot { snapshot, volume } => {
            let from = snapshot_of(inner, volume, snapshot).await?;
            inner.images.clone_of(&from, to).await.map_err(making)?;
        }
        VolumeSource::Volume { volume } => {
            // Looked for before its turn is taken: so no two creates wait for each other.
            inner.existing(volume).await?;
            let _turn = inner.turns.take(volume).await;
            let moment = format!("{}@{}", volume_image(volume)?, inner.passing("moment"));
            inner.images.snap(&moment).await.map_err(making)?;
            let cloned = inner.images.clone_of(&moment, to).await;
            inner.images.unsnap(&moment).await.map_err(making)?;
            cloned.map_err(making)?;
        }
        VolumeSource::Backup(place) => from_backup(inner, place, to).await?,
        VolumeSource::Exported { target } => {
            let aside = inner.ground.unfinished();
            inner.config.img.convert_exported(target, (aside.path(), Format::Raw)).await?;
            inner.images.import(path(aside.path())?, to).await.map_err(making)?;
        }
    }
    let needed = inner.images.info(to).await.map_err(making)?.map_or(0, |i| i.size);
    fits(needed, size)?;
    if needed < size { inner.images.grow(to, size).await.map_err(making) } else { Ok(()) }
}

fn fits(needed: u64, size: u64) -> Result<()> {
    if needed <= size {
        return Ok(());
    }
    Err(Error::bad_request(format!("the volume's source needs {needed} bytes, the volume has {size}"))
        .with_code(INVALID_IMAGE))
}

/// A user's snapshot that must be there, as `image@snapshot`.
pub(super) async fn snapshot_of(inner: &Inner, volume: &VolumeId, snapshot: &SnapshotId) -> Result<String> {
    let holder = inner.holder(volume, snapshot).await?;
    let holder = holder.ok_or_else(|| Error::not_found(format!("snapshot {snapshot} is not in this pool")))?;
    Ok(format!("{holder}@snapshot-{}", plain(snapshot)?))
}

/// The image whose snapshot `base` has the bytes of `image`, made unless it is there. It is named by everything that was checked
/// when it was made, so who asks for the same bytes by another hash, or another size, is checked as well.
async fn base(inner: &Inner, image: &ImageBytes, size: u64, fetch: &dyn ImageFetch) -> Result<String> {
    let name = format!("image-{}", checksum::identity(image));
    let _one = inner.bases.lock().await;
    if let Some(there) = inner.images.info(&name).await.map_err(making)? {
        fits(there.size, size)?;
        return Ok(name);
    }
    let raw = raw(inner, image, size, fetch).await?;
    forget_bases(inner).await?;
    let aside = inner.passing("making");
    let import = async {
        inner.images.import(path(raw.path())?, &aside).await.map_err(making)?;
        inner.images.snap(&format!("{aside}@base")).await.map_err(making)?;
        inner.images.rename(&aside, &name).await.map_err(making)
    };
    let imported = import.await;
    if imported.is_err() {
        // Nothing to be done about a cluster that does not even let that go: the next opening tries again.
        let _ = inner.images.remove(&aside).await;
    }
    imported.map(|()| name)
}

/// An image's bytes as they lie on a disk, checked first.
async fn raw(inner: &Inner, image: &ImageBytes, size: u64, fetch: &dyn ImageFetch) -> Result<Unfinished> {
    let (img, fetched, raw) = (&inner.config.img, inner.ground.unfinished(), inner.ground.unfinished());
    let format = Format::of_image(&image.disk_format)?;
    fetch.fetch(image, fetched.path()).await?;
    let what = format!("image {}", image.image);
    checksum::verify(fetched.path(), &what, image.size, &image.hash_algo, &image.hash).await?;
    fits(img.info_untrusted(fetched.path(), format).await?.virtual_size, size)?;
    img.convert((fetched.path(), format), (raw.path(), Format::Raw), Compress::No).await?;
    Ok(raw)
}

/// Removes base images that nothing is cloned of, but for a few. With the bases' turn in hand.
async fn forget_bases(inner: &Inner) -> Result<()> {
    let names = inner.images.names().await.map_err(making)?;
    let mut idle = 0;
    for base in names.iter().filter(|n| n.starts_with("image-")) {
        if inner.images.children(base).await.map_err(making)?.is_empty() {
            idle += 1;
            if idle > IDLE_BASES {
                inner.images.remove(base).await.map_err(making)?;
            }
        }
    }
    Ok(())
}

async fn from_backup(inner: &Inner, place: &BackupPlace, to: &str) -> Result<()> {
    let (dir, place, aside) = (inner.config.backups.clone(), place.clone(), inner.ground.unfinished());
    let raw = aside.path().to_owned();
    spawn_blocking(move || store::read(&dir, &place, &raw)).await.doing("reading a backup")??;
    inner.images.import(path(aside.path())?, to).await.map_err(making)
}

/// With the volume's turn in hand. `to` need not be in the pool's file system.
pub(super) async fn copy_out(inner: &Inner, volume: &VolumeId, format: Format, to: &Path) -> Result<()> {
    let doing = |e: Failed| e.while_doing("copying a volume");
    inner.ready().await?;
    inner.existing(volume).await?;
    let (raw, part) = (Unfinished::beside(to, ".raw"), Unfinished::beside(to, ".part"));
    let moment = format!("{}@{}", volume_image(volume)?, inner.passing("moment"));
    inner.images.snap(&moment).await.map_err(doing)?;
    let exported = inner.images.export(&moment, path(raw.path())?).await;
    inner.images.unsnap(&moment).await.map_err(doing)?;
    exported.map_err(doing)?;
    if format == Format::Raw {
        return raw.commit(to).await;
    }
    inner.config.img.convert((raw.path(), Format::Raw), (part.path(), format), Compress::No).await?;
    part.commit(to).await
}
