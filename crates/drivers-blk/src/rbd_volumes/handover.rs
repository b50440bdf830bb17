//! What was let go, or put into the pool by another hand, and is taken over again. Everything moves by renaming.
//!
//! ```text
//!   candidate-volume-<id>            a volume that was let go
//!   <any name but ours>              put there by hand
//!   volume-<id>@released-<id>        a snapshot that was let go
//! ```

use super::{GIB, Inner, cli::Failed, snapshot_name, volume_image};
use crate::names::{folder, plain};
use kernel::{Error, Result, SnapshotId, VolumeId};
use volume::driver::{Candidate, nothing_lies_here};

/// Beginnings of names that are the pool's own.
const OURS: &[&str] = &["volume-", "husk-", "image-", "made-", "making-", "candidate-"];

fn doing(e: Failed) -> Error {
    e.while_doing("handing a volume over")
}

fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| name.starts_with(ours))
}

fn released(id: &str) -> Result<String> {
    Ok(format!("released-{}", plain(id)?))
}

impl Inner {
    pub(super) async fn candidates(&self) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for listed in self.images.list().await.map_err(doing)? {
            let let_go = listed.image.strip_prefix("candidate-");
            let by_hand = Some(listed.image.as_str()).filter(|name| !is_ours(name));
            let volume = listed.image.strip_prefix("volume-");
            let snapshot = listed.snapshot.as_deref().and_then(|s| s.strip_prefix("released-"));
            let (reference, of) = match (let_go.or(by_hand), listed.snapshot.is_some(), volume.zip(snapshot)) {
                (Some(name), false, _) => (name.to_owned(), None),
                (None, true, Some((volume, snapshot))) => (format!("_snapshot-{snapshot}"), Some(volume.into())),
                _ => continue,
            };
            let size = self.images.info(&listed.image).await.map_err(doing)?.map_or(0, |i| i.size);
            found.push(Candidate { reference, size_gib: size.div_ceil(GIB), of });
        }
        Ok(found)
    }

    /// With the new volume's turn in hand.
    pub(super) async fn adopt(&self, reference: &str, id: &VolumeId) -> Result<u64> {
        let (image, let_go) = (volume_image(id)?, format!("candidate-{}", folder(reference)?));
        if self.images.info(&image).await.map_err(doing)?.is_none() {
            let by_hand = Some(reference).filter(|name| !is_ours(name));
            let mut from = None;
            for name in [Some(let_go.as_str()), by_hand].into_iter().flatten() {
                if from.is_none() && self.images.info(name).await.map_err(doing)?.is_some() {
                    from = Some(name);
                }
            }
            self.images.rename(from.ok_or_else(|| nothing_lies_here(reference))?, &image).await.map_err(doing)?;
        }
        let size = self.existing(id).await?;
        if size % GIB != 0 {
            self.images.grow(&image, size.div_ceil(GIB) * GIB).await.map_err(doing)?;
        }
        self.sizes.lock().insert(id.clone(), size.div_ceil(GIB) * GIB);
        Ok(size.div_ceil(GIB))
    }

    pub(super) async fn release(&self, id: &VolumeId) -> Result<()> {
        let image = volume_image(id)?;
        self.not_exported(id)?;
        if self.images.info(&image).await.map_err(doing)?.is_none() {
            return Ok(());
        }
        for holder in self.holders(id).await? {
            if self.images.snapshots(&holder).await.map_err(doing)?.iter().any(|s| s.starts_with("snapshot-")) {
                return Err(Error::conflict(format!("volume {id} has snapshots")));
            }
        }
        self.images.rename(&image, &format!("candidate-{image}")).await.map_err(doing)?;
        self.sizes.lock().remove(id);
        Ok(())
    }

    pub(super) async fn adopt_snapshot(&self, id: &VolumeId, reference: &str, snapshot: &SnapshotId) -> Result<()> {
        if self.holder(id, snapshot).await?.is_some() {
            return Ok(());
        }
        let (image, old) = (volume_image(id)?, reference.strip_prefix("_snapshot-").unwrap_or_default());
        let old = released(old).map_err(|_| nothing_lies_here(reference))?;
        if !self.images.snapshots(&image).await.map_err(doing)?.contains(&old) {
            return Err(nothing_lies_here(reference));
        }
        self.images.rename_snap(&image, &old, &snapshot_name(snapshot)?).await.map_err(doing)
    }

    /// One in a husk stays where it is: the volume that it was of is another image by now.
    pub(super) async fn release_snapshot(&self, id: &VolumeId, snapshot: &SnapshotId) -> Result<()> {
        let Some(holder) = self.holder(id, snapshot).await? else { return Ok(()) };
        if holder != volume_image(id)? {
            return Err(Error::conflict(format!(
                "snapshot {snapshot} is of what volume {id} was before it was rewritten"
            )));
        }
        self.images.rename_snap(&holder, &snapshot_name(snapshot)?, &released(snapshot)?).await.map_err(doing)
    }
}
