//! Takes over what lies on a pool: a volume, or a snapshot of one. Undone, it lies there as a candidate again.

use super::{QUICK, gone_is_fine, homeless, place, set_snapshot_status, settle, volume};
use crate::{
    VolumeService,
    model::{Snapshot, SnapshotStatus, Volume, VolumeStatus},
    quotas,
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Result, SnapshotId, Timestamp, VolumeId, error::Doing};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

pub(crate) struct ManageVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    pub(crate) reference: String,
}

impl ManageVolume {
    async fn adopt(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let params = json!({
            "backend": backend, "id": volume.id, "generation": volume.generation, "reference": state.reference,
        });
        let size = self.0.on_host(&host, "volume.adopt", params, QUICK).await?;
        let size: u64 = serde_json::from_value(size).doing("reading the size of a volume that was taken over")?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            let found = tx.get::<Volume>(&state.volume).ok_or_else(|| crate::error::no_volume(&state.volume))?;
            // How much it is, only its pool could say.
            quotas::claim(tx, &found.project, &found.volume_type, &[("gigabytes", quotas::gib(size))])?;
            tx.update::<Volume>(&state.volume, |v| v.size_gib = size);
            settle(tx, &state.volume, VolumeStatus::Managing, VolumeStatus::Available, None, now);
            Ok(())
        }))
    }

    async fn release(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        if let Some(volume) = self.0.view().get::<Volume>(&state.volume)
            && let Some((host, backend)) = place(&volume)
        {
            let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation});
            gone_is_fine(self.0.on_host(&host, "volume.release", params, QUICK).await)?;
        }
        Ok(Commit::nothing())
    }
}

impl Flow for ManageVolume {
    const KIND: &'static str = "volume.manage_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("adopt", Self::adopt).undo(Self::release)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        settle(tx, &state.volume, VolumeStatus::Managing, VolumeStatus::ErrorManaging, Some(why), now);
        Ok(())
    }
}

pub(crate) struct ManageSnapshot(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotState {
    pub(crate) snapshot: SnapshotId,
    pub(crate) reference: String,
}

impl ManageSnapshot {
    async fn adopt(self: Arc<Self>, cx: StepCx, state: SnapshotState) -> StepResult<Self> {
        let none = || StepError::Failed(crate::error::no_snapshot(&state.snapshot));
        let snapshot = self.0.view().get::<Snapshot>(&state.snapshot).ok_or_else(none)?;
        let volume = volume(&self.0, &snapshot.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let params = json!({
            "backend": backend, "id": volume.id, "generation": volume.generation, "snapshot": snapshot.id,
            "reference": state.reference,
        });
        self.0.on_host(&host, "volume.adopt_snapshot", params, QUICK).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut SnapshotState| {
            set_snapshot_status(tx, &state.snapshot, SnapshotStatus::Available, now);
            Ok(())
        }))
    }

    async fn release(self: Arc<Self>, _cx: StepCx, state: SnapshotState) -> StepResult<Self> {
        super::create_snapshot::let_go(&self.0, &state.snapshot).await?;
        Ok(Commit::nothing())
    }
}

impl Flow for ManageSnapshot {
    const KIND: &'static str = "volume.manage_snapshot";
    type State = SnapshotState;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("adopt", Self::adopt).undo(Self::release)]
    }

    fn failed(&self, tx: &mut Tx, state: &SnapshotState, _why: &str, now: Timestamp) -> Result<()> {
        if tx.get::<Snapshot>(&state.snapshot).is_some_and(|s| s.status == SnapshotStatus::Creating) {
            set_snapshot_status(tx, &state.snapshot, SnapshotStatus::Error, now);
        }
        Ok(())
    }
}
