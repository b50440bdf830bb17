//! Begins to take a snapshot over, or to let one go.

use super::reference;
use crate::{
    VolumeService, error,
    flows::{
        delete_snapshot::Fate,
        manage::{ManageSnapshot, SnapshotState},
    },
    model::{Snapshot, Volume},
    ops::snapshots::{self, NewSnapshot},
    policy,
    service::authorize,
};
use flow::Start;
use kernel::{Ctx, Result, SnapshotId};
use serde_json::Value;
use std::sync::Arc;
use store::Tx;

pub(crate) async fn manage(service: &VolumeService, cx: &Ctx, new: NewSnapshot, of: &Value) -> Result<Arc<Snapshot>> {
    let volume = service.find_volume(cx, &new.volume)?;
    let permit = authorize(cx, &policy::SNAPSHOT_MANAGE, &volume.project)?;
    let (inner, reference) = (service.clone(), reference(of)?);
    let begin = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&new.volume).ok_or_else(|| error::no_volume(&new.volume))?;
        if volume.pool.is_none() {
            return Err(error::invalid_volume("it lies on no back end"));
        }
        let state = SnapshotState { snapshot: new.id.clone(), reference: reference.clone() };
        let (object, now) = (Snapshot::object(&new.id), new.now);
        inner.0.starter.start(tx, Start::<ManageSnapshot> { object, state, request_id: &new.request_id, now })?;
        snapshots::record(tx, &new, &volume)
    };
    service.write(permit, "volume.snapshot.manage", begin).await
}

/// Its record goes, its bytes stay.
pub(crate) async fn unmanage(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let snapshot = service.find_snapshot(cx, id)?;
    let permit = authorize(cx, &policy::SNAPSHOT_UNMANAGE, &snapshot.project)?;
    let (inner, id, request_id, now) = (service.clone(), SnapshotId::from(id), cx.request_id.clone(), cx.now());
    let begin = move |tx: &mut Tx| {
        snapshots::begin_delete(
            &inner,
            tx,
            &id,
            snapshots::Deletion { force: false, fate: Fate::LetGo },
            &request_id,
            now,
        )
    };
    service.write(permit, "volume.snapshot.unmanage", begin).await
}
