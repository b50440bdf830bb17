//! Removes a snapshot from its pool and its record.

use super::{
    create_snapshot::{let_go, remove},
    set_snapshot_status,
};
use crate::{
    VolumeService,
    model::{Snapshot, SnapshotStatus},
    ops::snapshots::forget,
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{Result, SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

pub(crate) struct DeleteSnapshot(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) snapshot: SnapshotId,
    #[serde(default)]
    pub(crate) fate: Fate,
}

/// What becomes of a snapshot's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    #[default]
    Removed,
    /// They stay on the pool, for who takes them over.
    LetGo,
}

impl DeleteSnapshot {
    async fn unmake(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        // A flow that was cancelled for this one may still be undoing.
        let own = cx.flow.clone();
        cx.wait_for(|view| {
            let others = view.by(flow::FlowRecord::BY_OBJECT, &Snapshot::object(&state.snapshot)).any(|f| f.id != own);
            (!others).then_some(Ok(()))
        })
        .await?;
        match state.fate {
            Fate::Removed => remove(&self.0, &state.snapshot).await?,
            Fate::LetGo => let_go(&self.0, &state.snapshot).await?,
        }
        Ok(Commit::with(|tx, state: &mut State| {
            forget(tx, &state.snapshot);
            Ok(())
        }))
    }
}

impl Flow for DeleteSnapshot {
    const KIND: &'static str = "volume.delete_snapshot";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("unmake", Self::unmake)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, _why: &str, now: Timestamp) -> Result<()> {
        set_snapshot_status(tx, &state.snapshot, SnapshotStatus::ErrorDeleting, now);
        Ok(())
    }
}
