//! Takes a snapshot on the volume's pool.

use super::{QUICK, gone_is_fine, homeless, place, set_snapshot_status, volume};
use crate::{
    VolumeService,
    model::{Snapshot, SnapshotStatus, Volume},
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Result, SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

pub(crate) struct CreateSnapshot(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) snapshot: SnapshotId,
}

impl CreateSnapshot {
    async fn make(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        make(&self.0, &state.snapshot).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            set_snapshot_status(tx, &state.snapshot, SnapshotStatus::Available, now);
            Ok(())
        }))
    }

    async fn unmake(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        remove(&self.0, &state.snapshot).await?;
        Ok(Commit::nothing())
    }
}

/// Takes a snapshot on its volume's pool; `Ok` if it is there.
pub(super) async fn make(service: &VolumeService, id: &SnapshotId) -> std::result::Result<(), StepError> {
    let none = || StepError::Failed(crate::error::no_snapshot(id));
    let snapshot = service.view().get::<Snapshot>(id).ok_or_else(none)?;
    let volume = volume(service, &snapshot.volume)?;
    let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
    let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation, "snapshot": snapshot.id});
    service.on_host(&host, "volume.create_snapshot", params, QUICK).await?;
    Ok(())
}

/// Removes a snapshot from its pool; `Ok` if it is not there.
pub(super) async fn remove(service: &VolumeService, id: &SnapshotId) -> std::result::Result<(), StepError> {
    end(service, id, "volume.delete_snapshot").await
}

/// Leaves a snapshot on its pool as nobody's; `Ok` if it is not there.
pub(super) async fn let_go(service: &VolumeService, id: &SnapshotId) -> std::result::Result<(), StepError> {
    end(service, id, "volume.release_snapshot").await
}

async fn end(service: &VolumeService, id: &SnapshotId, method: &str) -> std::result::Result<(), StepError> {
    let view = service.view();
    let Some(snapshot) = view.get::<Snapshot>(id) else { return Ok(()) };
    let Some(volume) = view.get::<Volume>(&snapshot.volume) else { return Ok(()) };
    let Some((host, backend)) = place(&volume) else { return Ok(()) };
    let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation, "snapshot": snapshot.id});
    gone_is_fine(service.on_host(&host, method, params, QUICK).await)
}

impl Flow for CreateSnapshot {
    const KIND: &'static str = "volume.create_snapshot";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("make", Self::make).undo(Self::unmake)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, _why: &str, now: Timestamp) -> Result<()> {
        if tx.get::<Snapshot>(&state.snapshot).is_some_and(|s| s.status == SnapshotStatus::Creating) {
            set_snapshot_status(tx, &state.snapshot, SnapshotStatus::Error, now);
        }
        Ok(())
    }
}
