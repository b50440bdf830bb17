use super::device;
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::Server,
    ops::servers::{find_in, permitted},
    policy::ATTACHMENTS_UPDATE,
};
use kernel::{Ctx, Result};

/// Changes whether a volume goes with its server. Exchanging the volume for another is for migrations of volumes, of which
/// there are none.
pub(crate) async fn update(
    c: &Compute,
    cx: &Ctx,
    server: &str,
    volume: String,
    new_volume: &str,
    delete: Option<bool>,
) -> Result<()> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &ATTACHMENTS_UPDATE)?;
    if new_volume != volume {
        c.volumes.visible(cx, &snapshot, &volume)?;
        let text = format!("volume {volume} is not migrating; this API should only be called by Cinder");
        return Err(ComputeError::Conflict(text).into());
    }
    let delete = delete.ok_or_else(|| invalid("The volume to change to is the one that is attached."))?;
    let cx = cx.clone();
    let updated = c.store.transact("compute.attachment.update", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        let at = device(&server, &volume)?.id.clone();
        tx.update::<Server>(&server.id, |s| {
            s.devices.iter_mut().filter(|d| d.id == at).for_each(|d| d.delete_on_termination = delete);
        });
        Ok(())
    });
    updated.await
}
