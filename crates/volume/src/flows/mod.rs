//! Verbs of volumes and snapshots. Each step on a host is a call named by the volume's id and generation.

pub(crate) mod backup;
pub(crate) mod create_snapshot;
pub(crate) mod create_volume;
pub(crate) mod delete_snapshot;
pub(crate) mod delete_volume;
pub(crate) mod extend_volume;
pub(crate) mod group;
pub(crate) mod group_snapshot;
pub(crate) mod manage;
pub(crate) mod measure_pools;
pub(crate) mod migrate_volume;
pub(crate) mod move_in_use;
pub(crate) mod reconcile_limits;
pub(crate) mod rewrite_volume;
pub(crate) mod upload_volume;

use crate::{
    VolumeService,
    model::{MessageEvent, MessageResource, Snapshot, SnapshotStatus, Volume, VolumeStatus},
    ops::messages::{self, About},
};
use flow::{EngineBuilder, StepError};
use kernel::{Error, Timestamp, VolumeId};
use std::{sync::Arc, time::Duration};
use store::Tx;

pub(crate) fn register(engine: EngineBuilder, service: &VolumeService) -> EngineBuilder {
    let service = || service.clone();
    engine
        .register(create_volume::CreateVolume(service()))
        .register(delete_volume::DeleteVolume(service()))
        .register(extend_volume::ExtendVolume(service()))
        .register(upload_volume::UploadVolume(service()))
        .register(upload_volume::DiscardImage(service()))
        .register(rewrite_volume::RewriteVolume(service()))
        .register(backup::CreateBackup(service()))
        .register(backup::DeleteBackup(service()))
        .register(group::CreateGroup(service()))
        .register(group::DeleteGroup(service()))
        .register(group_snapshot::CreateGroupSnapshot(service()))
        .register(group_snapshot::DeleteGroupSnapshot(service()))
        .register(migrate_volume::MigrateVolume(service()))
        .register(migrate_volume::DiscardCopy(service()))
        .register(move_in_use::MoveInUse(service()))
        .register(move_in_use::LeaveCopy(service()))
        .register(manage::ManageVolume(service()))
        .register(manage::ManageSnapshot(service()))
        .register(create_snapshot::CreateSnapshot(service()))
        .register(delete_snapshot::DeleteSnapshot(service()))
}

/// A call that only touches metadata of a pool.
pub(crate) const QUICK: Duration = Duration::from_secs(60);
/// A call that copies bytes.
pub(crate) const COPY: Duration = Duration::from_secs(3600);

/// The volume as it is now; a record that is gone ends the flow.
pub(crate) fn volume(service: &VolumeService, id: &VolumeId) -> Result<Arc<Volume>, StepError> {
    service.view().get::<Volume>(id).ok_or_else(|| StepError::Failed(crate::error::no_volume(id)))
}

/// The host and back end of a volume that has a pool.
pub(crate) fn place(volume: &Volume) -> Option<(kernel::HostName, String)> {
    Some((volume.host.clone()?, volume.backend.clone()?))
}

pub(crate) fn set_status(tx: &mut Tx, id: &VolumeId, status: VolumeStatus, fault: Option<&str>, now: Timestamp) {
    tx.update::<Volume>(id, |v| {
        v.status = status;
        v.fault = fault.map(str::to_owned);
        v.updated_at = now;
    });
}

/// Ends a transitional status, if the volume is still in it: one that was deleted by force meanwhile stays `deleting`.
pub(crate) fn settle(
    tx: &mut Tx,
    id: &VolumeId,
    from: VolumeStatus,
    to: VolumeStatus,
    fault: Option<&str>,
    now: Timestamp,
) {
    if tx.get::<Volume>(id).is_some_and(|v| v.status == from) {
        set_status(tx, id, to, fault, now);
    }
}

pub(crate) fn set_snapshot_status(tx: &mut Tx, id: &kernel::SnapshotId, status: SnapshotStatus, now: Timestamp) {
    tx.update::<Snapshot>(id, |s| (s.status, s.updated_at) = (status, now));
}

/// Tells the volume's project of a flow that failed, under the request that began it.
pub(crate) fn tell(tx: &mut Tx, id: &VolumeId, event: MessageEvent, now: Timestamp) {
    let Some(volume) = tx.get::<Volume>(id) else { return };
    let flow = tx.by(flow::FlowRecord::BY_OBJECT, &Volume::object(id)).pop();
    let request = flow.map(|f| f.request_id.to_string()).unwrap_or_default();
    let about = About { project: &volume.project, resource: MessageResource::Volume, id, request: &request };
    messages::tell(tx, &about, event, now);
}

/// What is not there any more needs no removing.
pub(crate) fn gone_is_fine(result: kernel::Result<serde_json::Value>) -> Result<(), StepError> {
    match result {
        Ok(_) => Ok(()),
        Err(e) if e.is(kernel::Kind::NotFound) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// For steps that cannot be done while the volume has no place.
pub(crate) fn homeless(id: &VolumeId) -> StepError {
    StepError::Failed(Error::conflict(format!("volume {id} lies on no pool")))
}
