//! Images that volumes were made of, unpacked: the next volume of one is a copy within the pool.
//!
//! ```text
//!   fetch ▶ hash ▶ header ▶ qemu-img convert ▶ <dir>/images/<what was checked>.qcow2 ▶ a copy, sharing blocks where files can
//! ```
//!
//! What lies there is named by everything that was checked when it was made: who names the same bytes by another hash, another size
//! or another format has them checked as well. The few that were used last are kept, and none where the pool is nearly full.
//!
//! Calls for one image take turns, so that it is fetched once. One that is being copied may be forgotten meanwhile: whoever copies has
//! a name of his own for it (a hard link), which goes when he is done.

use super::{
    FileVolumes, Inner,
    make::{at_rest, fits},
};
use crate::{
    checksum,
    disk::{OnDisk, space},
    durable::{self, Unfinished},
    ground::{names, remove_file},
    qemu_img::Format,
};
use kernel::{Result, error::Doing};
use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use tokio::task::spawn_blocking;
use volume::driver::{ImageBytes, ImageFetch};

const DOING: &str = "keeping an unpacked image";

/// Makes `to`, for a volume of `size` bytes.
pub(super) async fn volume(
    pool: &FileVolumes,
    image: &ImageBytes,
    size: u64,
    fetch: &dyn ImageFetch,
    to: &Path,
) -> Result<()> {
    let inner = &pool.inner;
    let name = checksum::identity(image);
    let place = inner.images().join(format!("{name}.qcow2"));
    let turn = inner.turns.take(&format!("image {name}")).await;
    let base = match found(inner, &place).await? {
        Some(there) => there,
        None => {
            let made = unpacked(inner, image, size, fetch).await?;
            if !keep(inner, &made, &place).await? {
                return fs::rename(made.path(), to).on_disk("finishing a volume's image");
            }
            made
        }
    };
    drop(turn);
    fits(inner.config.img.info(base.path(), Format::Qcow2).await?.virtual_size, size)?;
    at_rest(pool, base.path(), to, Format::Qcow2).await
}

/// A name of our own for what lies there, which counts as used now.
async fn found(inner: &Arc<Inner>, place: &Path) -> Result<Option<Unfinished>> {
    let (own, place) = (inner.pool.unfinished(), place.to_owned());
    let link = move || match fs::hard_link(&place, own.path()) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).on_disk(DOING),
        Ok(()) => {
            let used = File::options().write(true).open(own.path());
            used.and_then(|file| file.set_modified(SystemTime::now())).on_disk(DOING)?;
            Ok(Some(own))
        }
    };
    spawn_blocking(link).await.doing(DOING)?
}

/// The image as the pool has volumes, checked.
async fn unpacked(inner: &Arc<Inner>, image: &ImageBytes, size: u64, fetch: &dyn ImageFetch) -> Result<Unfinished> {
    let (img, fetched, made) = (&inner.config.img, inner.pool.unfinished(), inner.pool.unfinished());
    let format = Format::of_image(&image.disk_format)?;
    fetch.fetch(image, fetched.path()).await?;
    let what = format!("image {}", image.image);
    checksum::verify(fetched.path(), &what, image.size, &image.hash_algo, &image.hash).await?;
    fits(img.info_untrusted(fetched.path(), format).await?.virtual_size, size)?;
    img.convert((fetched.path(), format), (made.path(), Format::Qcow2), inner.config.compress).await?;
    inner.count_packed(made.path()).await?;
    Ok(made)
}

/// Whether it is kept for the next volume.
async fn keep(inner: &Arc<Inner>, made: &Unfinished, place: &Path) -> Result<bool> {
    let (inner, made, place) = (inner.clone(), made.path().to_owned(), place.to_owned());
    let keep = move || {
        if inner.config.images_kept == 0 || nearly_full(&inner)? {
            return Ok(false);
        }
        File::open(&made).and_then(|f| f.sync_all()).on_disk(DOING)?;
        match fs::hard_link(&made, &place) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e).on_disk(DOING),
            _ => durable::sync_parent(&place)?,
        }
        forget(&inner, inner.config.images_kept)?;
        Ok(true)
    };
    spawn_blocking(keep).await.doing(DOING)?
}

/// A fiftieth is left, or less.
fn nearly_full(inner: &Inner) -> Result<bool> {
    space(inner.pool.dir()).map(|space| space.free < space.total / 50)
}

/// Images give way to volumes. Blocks for the time of a few small files.
pub(super) fn make_room(inner: &Inner) -> Result<()> {
    if nearly_full(inner)? { forget(inner, 0) } else { Ok(()) }
}

/// Removes all but those used last.
fn forget(inner: &Inner, but: usize) -> Result<()> {
    let mut all: Vec<(SystemTime, PathBuf)> = Vec::new();
    for name in names(&inner.images()).on_disk(DOING)? {
        let path = inner.images().join(name);
        // One that goes away meanwhile needs no removing.
        all.extend(fs::metadata(&path).and_then(|m| m.modified()).ok().map(|used| (used, path)));
    }
    all.sort();
    let too_many = all.len().saturating_sub(but);
    all.iter().take(too_many).try_for_each(|(_, path)| remove_file(path))
}
