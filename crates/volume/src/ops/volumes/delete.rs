//! Begins to delete a volume.

use crate::{
    VolumeService, error,
    flows::delete_volume::{DeleteVolume, State},
    flows::set_snapshot_status,
    model::{Attachment, Backup, BackupStatus, Snapshot, SnapshotStatus, Volume, VolumeStatus},
    policy,
    service::{QUOTAS, authorize},
};
use flow::Start;
use kernel::{Ctx, Result, Timestamp, VolumeId, ids::RequestId};
use std::sync::Arc;
use store::Tx;

/// How far a deletion goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// With its snapshots.
    pub(crate) cascade: bool,
    /// Whatever its status.
    pub(crate) force: bool,
    /// Though a group has it, which goes too.
    pub(crate) with_group: bool,
}

impl Wanted {
    pub(crate) const FORCE: Self = Self { cascade: false, force: true, with_group: false };
    pub(crate) const WITH_GROUP: Self = Self { cascade: false, force: false, with_group: true };
}

pub(crate) async fn delete_volume(service: &VolumeService, cx: &Ctx, id: &str, wanted: Wanted) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, if wanted.force { &policy::FORCE_DELETE } else { &policy::DELETE }, &volume.project)?;
    let (inner, id, request_id, now) = (service.clone(), volume.id.clone(), cx.request_id.clone(), cx.now());
    service.write(permit, "volume.volume.delete", move |tx| begin(&inner, tx, &id, wanted, &request_id, now)).await
}

/// `deleting`, with its flow. A volume that is being made is let go first.
pub(crate) fn begin(
    service: &VolumeService,
    tx: &mut Tx,
    id: &VolumeId,
    wanted: Wanted,
    request: &RequestId,
    now: Timestamp,
) -> Result<()> {
    let volume = tx.get::<Volume>(id).ok_or_else(|| error::no_volume(id))?;
    if volume.status == VolumeStatus::Deleting {
        return Ok(());
    }
    let deletable = matches!(
        volume.status,
        VolumeStatus::Available
            | VolumeStatus::Error
            | VolumeStatus::ErrorDeleting
            | VolumeStatus::ErrorExtending
            | VolumeStatus::ErrorRestoring
            | VolumeStatus::ErrorManaging
    );
    if !deletable && !wanted.force {
        let needed = "available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots or be disassociated from snapshots after volume transfer";
        return Err(error::invalid_volume(format!("Volume status must be {needed}.")));
    }
    if !tx.by(Attachment::BY_VOLUME, id).is_empty() {
        return Err(error::invalid_volume(format!("Volume {id} is attached.")));
    }
    if volume.group.is_some() && !wanted.with_group {
        return Err(error::invalid_volume(format!("Volume {id} cannot be deleted while in a group.")));
    }
    let snapshots = tx.by(Snapshot::BY_VOLUME, id);
    if !snapshots.is_empty() && !wanted.cascade {
        return Err(error::invalid_volume("Volume must not have dependent snapshots."));
    }
    if let Some(busy) = snapshots.iter().find(|s| !s.status.may_be_deleted() && s.status != SnapshotStatus::Deleting) {
        return Err(error::invalid_volume(format!("snapshot {} is {}.", busy.id, busy.status.as_str())));
    }
    for snapshot in &snapshots {
        set_snapshot_status(tx, &snapshot.id, SnapshotStatus::Deleting, now);
    }
    let backing_up = |b: &Arc<Backup>| b.status == BackupStatus::Creating;
    if tx.by(Backup::BY_VOLUME, id).iter().any(backing_up) {
        return Err(error::invalid_volume("a backup of it is being made."));
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

/// Removes the record, those of its snapshots that went with it, and gives their quota back.
pub(crate) fn forget(tx: &mut Tx, id: &VolumeId) {
    for snapshot in tx.by(Snapshot::BY_VOLUME, id) {
        crate::ops::snapshots::forget(tx, &snapshot.id);
    }
    if let Some(volume) = tx.get::<Volume>(id) {
        tx.delete::<Volume>(id);
        let size = i64::try_from(volume.size_gib).unwrap_or(0);
        QUOTAS.release(tx, &volume.project, &[("volumes", 1), ("gigabytes", size)]);
        if let Some(group) = &volume.group {
            crate::ops::groups::forget_if_empty(tx, group);
        }
    }
}
