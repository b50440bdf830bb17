//! `unmake` removes the volume, and before it the snapshots that go with it, from its pool; the records, their quota and the flow end in one transaction.

use super::{QUICK, gone_is_fine, place, settle};
use crate::{
    VolumeService,
    model::{Snapshot, SnapshotStatus, Volume, VolumeStatus},
    ops::volumes::delete::forget,
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{Result, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

pub(crate) struct DeleteVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    /// Its bytes stay on the pool, for who takes them over.
    #[serde(default)]
    pub(crate) unmanage: bool,
}

impl DeleteVolume {
    async fn unmake(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        // A flow that was cancelled for this one may still be undoing.
        let own = cx.flow.clone();
        cx.wait_for(|view| {
            let others = view.by(flow::FlowRecord::BY_OBJECT, &Volume::object(&state.volume)).any(|f| f.id != own);
            (!others).then_some(Ok(()))
        })
        .await?;
        if let Some(volume) = self.0.view().get::<Volume>(&state.volume)
            && let Some((host, backend)) = place(&volume)
        {
            for snapshot in self.0.view().by(Snapshot::BY_VOLUME, &volume.id) {
                super::create_snapshot::remove(&self.0, &snapshot.id).await?;
            }
            let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation});
            let method = if state.unmanage { "volume.release" } else { "volume.delete" };
            gone_is_fine(self.0.on_host(&host, method, params, QUICK).await)?;
        }
        let service = self.0.clone();
        Ok(Commit::with(move |tx, state: &mut State| {
            forget(&service, tx, &state.volume);
            Ok(())
        }))
    }
}

impl Flow for DeleteVolume {
    const KIND: &'static str = "volume.delete_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("unmake", Self::unmake)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        for snapshot in tx.by(Snapshot::BY_VOLUME, &state.volume) {
            super::set_snapshot_status(tx, &snapshot.id, SnapshotStatus::ErrorDeleting, now);
        }
        let (during, after) = match state.unmanage {
            true => (VolumeStatus::Unmanaging, VolumeStatus::ErrorUnmanaging),
            false => (VolumeStatus::Deleting, VolumeStatus::ErrorDeleting),
        };
        settle(tx, &state.volume, during, after, Some(why), now);
        Ok(())
    }
}
