//! Begins to delete a volume.

use crate::{
    VolumeService, error,
    flows::delete_volume::{DeleteVolume, State},
    flows::set_snapshot_status,
    model::{Attachment, Backup, BackupStatus, Snapshot, SnapshotStatus, Volume, VolumeStatus},
    policy, quotas,
    service::authorize,
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
    /// Its record goes, its bytes stay on the pool.
    pub(crate) unmanage: bool,
}

impl Wanted {
    pub(crate) const FORCE: Self = Self { cascade: false, force: true, unmanage: false };
    pub(crate) const UNMANAGE: Self = Self { cascade: false, force: false, unmanage: true };
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
    let (volume, object) = (tx.get::<Volume>(id).ok_or_else(|| error::no_volume(id))?, Volume::object(id));
    if volume.status == VolumeStatus::Deleting && flow::live_flow_of(tx.view(), &object).is_some() {
        return Ok(());
    }
    if volume.group.is_some() {
        return Err(error::invalid_volume(format!("Volume {id} cannot be deleted while in a group.")));
    }
    ready(tx, &volume, wanted)?;
    for flow in tx.by(flow::FlowRecord::BY_OBJECT, &object) {
        flow::cancel(tx, &flow.id);
    }
    mark(tx, id, if wanted.unmanage { VolumeStatus::Unmanaging } else { VolumeStatus::Deleting }, now);
    let state = State { volume: id.clone(), unmanage: wanted.unmanage };
    service.0.starter.start(tx, Start::<DeleteVolume> { object, state, request_id: request, now }).map(drop)
}

/// Whether nothing stands in the way of a volume's going.
pub(crate) fn ready(tx: &mut Tx, volume: &Volume, wanted: Wanted) -> Result<()> {
    let deletable = matches!(
        volume.status,
        VolumeStatus::Available
            | VolumeStatus::Error
            | VolumeStatus::ErrorDeleting
            | VolumeStatus::ErrorExtending
            | VolumeStatus::ErrorRestoring
            | VolumeStatus::ErrorManaging
            | VolumeStatus::ErrorUnmanaging
    );
    if !deletable && !wanted.force {
        let needed = "available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots or be disassociated from snapshots after volume transfer";
        return Err(error::invalid_volume(format!("Volume status must be {needed}.")));
    }
    if !tx.by(Attachment::BY_VOLUME, &volume.id).is_empty() {
        return Err(error::invalid_volume(format!("Volume {} is attached.", volume.id)));
    }
    let snapshots = tx.by(Snapshot::BY_VOLUME, &volume.id);
    if !snapshots.is_empty() && !wanted.cascade {
        return Err(error::invalid_volume("Volume must not have dependent snapshots."));
    }
    if let Some(busy) = snapshots.iter().find(|s| !s.status.may_be_deleted() && s.status != SnapshotStatus::Deleting) {
        return Err(error::invalid_volume(format!("snapshot {} is {}.", busy.id, busy.status.as_str())));
    }
    let backing_up = |b: &Arc<Backup>| b.status == BackupStatus::Creating;
    if tx.by(Backup::BY_VOLUME, &volume.id).iter().any(backing_up) {
        return Err(error::invalid_volume("a backup of it is being made."));
    }
    Ok(())
}

/// On its way out, its snapshots with it.
pub(crate) fn mark(tx: &mut Tx, id: &VolumeId, status: VolumeStatus, now: Timestamp) {
    for snapshot in tx.by(Snapshot::BY_VOLUME, id) {
        set_snapshot_status(tx, &snapshot.id, SnapshotStatus::Deleting, now);
    }
    tx.update::<Volume>(id, |v| {
        (v.status, v.updated_at) = (status, now);
        v.generation += 1;
    });
}

/// Removes the record, those of its snapshots that went with it, and gives their quota back.
pub(crate) fn forget(service: &VolumeService, tx: &mut Tx, id: &VolumeId) {
    for snapshot in tx.by(Snapshot::BY_VOLUME, id) {
        crate::ops::snapshots::forget(tx, &snapshot.id);
    }
    if let Some(volume) = tx.get::<Volume>(id) {
        tx.delete::<Volume>(id);
        crate::ops::encryption_keys::remove(service, tx, volume.encryption_key.as_ref());
        let amounts = [("volumes", 1), ("gigabytes", quotas::gib(volume.size_gib))];
        quotas::release(tx, &volume.project, &volume.volume_type, &amounts);
    }
}
