//! Images that volumes were made of, unpacked: the next volume of one is a copy within the pool.
//!
//! ```text
//!   fetch ▶ hash ▶ header ▶ qemu-img convert ▶ <dir>/images/<what was checked>.qcow2 ▶ a copy, sharing blocks where files can
//! ```
//!
//! Each directory of a pool keeps its own, as blocks are shared within a file system only. What lies there is named by everything that was checked when it was made: who names the same bytes by another hash, another size
//! or another format has them checked as well. The few that were used last are kept, and none where the pool is nearly full.
//!
//! Calls for one image take turns, so that it is fetched once. One that is being copied may be forgotten meanwhile: whoever copies has
//! a name of his own for it (a hard link), which goes when he is done.

use super::{
    FileVolumes, Inner,
    areas::{Source, nearly_full},
    make::{at_rest, fits},
};
use crate::{
    checksum,
    disk::OnDisk,
    durable::{self, Unfinished},
    ground::{Ground, names, remove_file},
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

fn images(area: &Ground) -> PathBuf {
    area.dir().join("images")
}

fn file_name(image: &ImageBytes) -> String {
    format!("{}.qcow2", checksum::identity(image))
}

/// The image as the pool has it already.
pub(super) fn source(inner: &Inner, image: &ImageBytes) -> Option<Source> {
    let name = file_name(image);
    let area = inner.pool.areas.holding("images", &name)?;
    Some(Source::of(area, &images(area).join(name)))
}

/// Makes `to`, which lies in `area`, for a volume of `size` bytes.
pub(super) async fn volume(
    pool: &FileVolumes,
    area: &Arc<Ground>,
    image: &ImageBytes,
    size: u64,
    fetch: &dyn ImageFetch,
    to: &Path,
) -> Result<()> {
    let inner = &pool.inner;
    let place = images(area).join(file_name(image));
    let turn = inner.turns.take(&place.display().to_string()).await;
    let base = match found(area, &place).await? {
        Some(there) => there,
        None => {
            let made = unpacked(inner, area, image, size, fetch).await?;
            if !keep(inner, area, &made, &place).await? {
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
async fn found(area: &Ground, place: &Path) -> Result<Option<Unfinished>> {
    let (own, place) = (area.unfinished(), place.to_owned());
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
async fn unpacked(
    inner: &Arc<Inner>,
    area: &Ground,
    image: &ImageBytes,
    size: u64,
    fetch: &dyn ImageFetch,
) -> Result<Unfinished> {
    let (img, fetched, made) = (&inner.config.img, area.unfinished(), area.unfinished());
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
async fn keep(inner: &Inner, area: &Arc<Ground>, made: &Unfinished, place: &Path) -> Result<bool> {
    let (kept, area) = (inner.config.images_kept, Arc::clone(area));
    let (made, place) = (made.path().to_owned(), place.to_owned());
    let keep = move || {
        if kept == 0 || nearly_full(&area)? {
            return Ok(false);
        }
        File::open(&made).and_then(|f| f.sync_all()).on_disk(DOING)?;
        match fs::hard_link(&made, &place) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e).on_disk(DOING),
            _ => durable::sync_parent(&place)?,
        }
        forget(&area, kept)?;
        Ok(true)
    };
    spawn_blocking(keep).await.doing(DOING)?
}

/// Images give way to volumes. Blocks for the time of a few small files.
pub(super) fn make_room(inner: &Inner) -> Result<()> {
    let full = |area: &Arc<Ground>| if nearly_full(area)? { forget(area, 0) } else { Ok(()) };
    inner.pool.areas.all().iter().try_for_each(full)
}

/// Removes all but those used last.
fn forget(area: &Ground, but: usize) -> Result<()> {
    let mut all: Vec<(SystemTime, PathBuf)> = Vec::new();
    for name in names(&images(area)).on_disk(DOING)? {
        let path = images(area).join(name);
        // One that goes away meanwhile needs no removing.
        all.extend(fs::metadata(&path).and_then(|m| m.modified()).ok().map(|used| (used, path)));
    }
    all.sort();
    let too_many = all.len().saturating_sub(but);
    all.iter().take(too_many).try_for_each(|(_, path)| remove_file(path))
}
