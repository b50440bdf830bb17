//! What a kill leaves in the pool, and what is of no use any more.
//!
//! Nobody works in the pool meanwhile: calls wait until it is swept, and what this opening has under way bears its name.

use super::{Inner, cli::Failed};
use kernel::{Result, VolumeId};

/// Ends or removes what former openings left.
pub(super) async fn sweep(inner: &Inner) -> Result<()> {
    let doing = |e: Failed| e.while_doing("putting a pool in order");
    let foreign =
        |name: &str, kind: &str| name.strip_prefix(kind).is_some_and(|rest| !rest.starts_with(inner.opening.as_str()));
    let all = inner.images.list().await.map_err(doing)?;
    for made in all.iter().filter(|l| l.snapshot.is_none()).filter_map(|l| l.image.strip_prefix("made-")) {
        install(inner, &made.into()).await?;
    }
    for listed in &all {
        match &listed.snapshot {
            None if foreign(&listed.image, "making-") => {
                // One that its maker's last command still has open goes at the next opening.
                if let Err(e) = inner.images.remove(&listed.image).await {
                    tracing::warn!(image = %listed.image, error = %e, "an unfinished image cannot be removed yet");
                }
            }
            Some(snapshot) if foreign(snapshot, "moment-") => {
                inner.images.unsnap(&format!("{}@{snapshot}", listed.image)).await.map_err(doing)?;
            }
            _ => {}
        }
    }
    for listed in all.iter().filter(|l| l.snapshot.is_none()) {
        husk(inner, &listed.image).await?;
    }
    Ok(())
}

/// Gives what a volume becomes the volume's name. What the volume was keeps its snapshots, as a husk.
pub(super) async fn install(inner: &Inner, id: &VolumeId) -> Result<()> {
    let doing = |e: Failed| e.while_doing("rewriting a volume");
    let (volume, made, husk) = (super::volume_image(id)?, format!("made-{id}"), inner.passing(&format!("husk-{id}")));
    if inner.images.info(&volume).await.map_err(doing)?.is_some() {
        inner.images.rename(&volume, &husk).await.map_err(doing)?;
    }
    inner.images.rename(&made, &volume).await.map_err(doing)?;
    inner.sizes.lock().remove(id);
    self::husk(inner, &husk).await
}

/// Removes a husk without a user's snapshots.
pub(super) async fn husk(inner: &Inner, image: &str) -> Result<()> {
    let doing = |e: Failed| e.while_doing("removing what a volume was");
    if !image.starts_with("husk-") {
        return Ok(());
    }
    if inner.images.snapshots(image).await.map_err(doing)?.iter().any(|s| s.starts_with("snapshot-")) {
        return Ok(());
    }
    inner.images.remove(image).await.map_err(doing)
}
