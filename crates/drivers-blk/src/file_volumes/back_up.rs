//! Backing a volume up: the bytes of one moment are copied aside, then cut into chunks at leisure.
//!
//! ```text
//!   a snapshot, or at rest     copy ▶ every chunk compared with the parent's
//!   in use                     copy by the storage daemon ▶ the same; a mark begins (`marks`)
//!   in use, parent marked      copy of what the mark shows ▶ only those chunks, over the parent's
//! ```

use super::{
    FileVolumes,
    areas::Source,
    disk, make,
    marks::{self, Marking},
    pool::VolumeDir,
    qmp::{Qmp, QmpError},
};
use crate::{
    backups,
    durable::Unfinished,
    ground::Ground,
    qemu_img::{Compress, Format},
};
use kernel::{Error, Result, VolumeId, error::Doing};
use std::path::Path;
use tokio::task::spawn_blocking;
use volume::driver::{BackupInfo, BackupSpec};

const DOING: &str = "writing a backup";

fn marking(e: QmpError) -> Error {
    e.while_doing("marking a volume's backup")
}

/// With the volume's turn in hand.
pub(super) async fn back_up(pool: &FileVolumes, volume: &VolumeId, spec: &BackupSpec) -> Result<BackupInfo> {
    if let Ok(there) = backups::info(&pool.inner.config.backups, &spec.place) {
        return Ok(there);
    }
    let of = pool.inner.pool.existing(volume)?;
    let area = pool.inner.pool.areas.room(Some(Source::of(&of.area, &of.image())))?;
    let from = match &spec.snapshot {
        Some(snapshot) => {
            let from = of.snapshot(snapshot)?;
            if !from.is_file() {
                return Err(Error::not_found(format!("snapshot {snapshot} is not in this pool")));
            }
            from
        }
        None => match pool.inner.serve(&of).await? {
            Some(mut qmp) => return in_use(pool, &of, &mut qmp, spec, &area).await,
            None => of.image(),
        },
    };
    let raw = area.unfinished();
    make::at_rest(pool, &from, raw.path(), Format::Raw).await?;
    whole(pool, spec, raw.path()).await
}

async fn whole(pool: &FileVolumes, spec: &BackupSpec, raw: &Path) -> Result<BackupInfo> {
    let (store, spec, raw) = (pool.inner.config.backups.clone(), spec.clone(), raw.to_owned());
    let write = move || backups::write(&store, &spec.place, spec.parent.as_ref(), &raw);
    spawn_blocking(write).await.doing(DOING)?
}

async fn in_use(
    pool: &FileVolumes,
    of: &VolumeDir,
    qmp: &mut Qmp,
    spec: &BackupSpec,
    area: &Ground,
) -> Result<BackupInfo> {
    let mark = marks::name(&spec.place);
    // Of a try that came to nothing: it speaks of another moment.
    marks::drop_one(qmp, &mark).await.map_err(marking)?;
    let by = parent_mark(pool, qmp, spec).await?;
    let info = copied(pool, of, qmp, spec, area, Marking { begin: Some(mark.clone()), by }).await?;
    // The next one is of this one. Where the others stay for now, that one's clears them.
    if let Err(e) = marks::keep(qmp, &mark).await {
        tracing::warn!(volume = %of.id, error = %e, "marks of older backups stay in a volume's image for now");
    }
    Ok(info)
}

/// The parent's mark, if what it shows is all that a backup of it needs.
async fn parent_mark(pool: &FileVolumes, qmp: &mut Qmp, spec: &BackupSpec) -> Result<Option<String>> {
    let Some(parent) = &spec.parent else { return Ok(None) };
    let name = marks::name(parent);
    let holds = marks::holds(qmp, &name).await.map_err(marking)?;
    Ok((holds && backups::can_be_continued(&pool.inner.config.backups, parent)).then_some(name))
}

async fn copied(
    pool: &FileVolumes,
    of: &VolumeDir,
    qmp: &mut Qmp,
    spec: &BackupSpec,
    area: &Ground,
    marking: Marking,
) -> Result<BackupInfo> {
    let (copy, changes) = (area.unfinished(), marking.by.is_some());
    // A sparse file cannot tell a zero that was written from one that was not.
    let format = if changes { Format::Qcow2 } else { Format::Raw };
    disk::copy(qmp, of, &pool.inner.config, (copy.path(), format, Compress::No), &marking).await?;
    if !changes {
        return whole(pool, spec, copy.path()).await;
    }
    let (chunks, raw) = changed(pool, area, &copy).await?;
    let (store, spec) = (pool.inner.config.backups.clone(), spec.clone());
    let write = move || backups::write_changed(&store, &spec.place, spec.parent.as_ref(), raw.path(), &chunks);
    spawn_blocking(write).await.doing(DOING)?
}

/// The chunks that a copy of changes has, and their bytes.
async fn changed(pool: &FileVolumes, area: &Ground, copy: &Unfinished) -> Result<(Vec<u64>, Unfinished)> {
    let (img, raw) = (&pool.inner.config.img, area.unfinished());
    let present = img.present(copy.path(), Format::Qcow2).await?;
    let mut chunks: Vec<u64> =
        present.iter().flat_map(|r| r.start / backups::CHUNK..r.end.div_ceil(backups::CHUNK)).collect();
    chunks.dedup();
    img.convert((copy.path(), Format::Qcow2), (raw.path(), Format::Raw), Compress::No).await?;
    Ok((chunks, raw))
}
