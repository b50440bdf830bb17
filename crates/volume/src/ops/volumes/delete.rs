//! Begins to delete a volume.

use crate::{
    VolumeService, error,
    flows::delete_volume::{DeleteVolume, State},
    model::{Attachment, Snapshot, Volume, VolumeStatus},
    policy,
    service::{QUOTAS, authorize},
};
use flow::Start;
use kernel::{Ctx, Error, Result, Timestamp, VolumeId, ids::RequestId};
use store::Tx;

pub(crate) async fn delete_volume(service: &VolumeService, cx: &Ctx, id: &str, force: bool) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::DELETE, &volume.project)?;
    if force && !cx.is_admin() {
        return Err(Error::forbidden(
            "Policy doesn't allow volume_extension:volume_admin_actions:force_delete to be performed.",
        ));
    }
    let (inner, id, request_id, now) = (service.clone(), volume.id.clone(), cx.request_id.clone(), cx.now());
    service.write(permit, "volume.volume.delete", move |tx| begin(&inner, tx, &id, force, &request_id, now)).await
}

/// `deleting`, with its flow. A volume that is being made is let go first.
pub(crate) fn begin(
    service: &VolumeService,
    tx: &mut Tx,
    id: &VolumeId,
    force: bool,
    request: &RequestId,
    now: Timestamp,
) -> Result<()> {
    let volume = tx.get::<Volume>(id).ok_or_else(|| error::no_volume(id))?;
    if volume.status == VolumeStatus::Deleting {
        return Ok(());
    }
    let deletable = matches!(
        volume.status,
        VolumeStatus::Available | VolumeStatus::Error | VolumeStatus::ErrorDeleting | VolumeStatus::ErrorExtending
    );
    if !deletable && !force {
        let wanted = "available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots or be disassociated from snapshots after volume transfer";
        return Err(error::invalid_volume(format!("Volume status must be {wanted}.")));
    }
    if !tx.by(Attachment::BY_VOLUME, id).is_empty() {
        return Err(error::invalid_volume(format!("Volume {id} is attached.")));
    }
    if !tx.by(Snapshot::BY_VOLUME, id).is_empty() {
        return Err(error::invalid_volume("Volume must not have dependent snapshots."));
    }
    for flow in tx.by(flow::FlowRecord::BY_OBJECT, &Volume::object(id)) {
        flow::cancel(tx, &flow.id);
    }
    tx.update::<Volume>(id, |v| {
        (v.status, v.updated_at) = (VolumeStatus::Deleting, now);
        v.generation += 1;
    });
    let state = State { volume: id.clone() };
    service
        .0
        .starter
        .start(tx, Start::<DeleteVolume> { object: Volume::object(id), state, request_id: request, now })?;
    Ok(())
}

/// Removes the record and gives its quota back.
pub(crate) fn forget(tx: &mut Tx, id: &VolumeId) {
    if let Some(volume) = tx.get::<Volume>(id) {
        tx.delete::<Volume>(id);
        let size = i64::try_from(volume.size_gib).unwrap_or(0);
        QUOTAS.release(tx, &volume.project, &[("volumes", 1), ("gigabytes", size)]);
    }
}
