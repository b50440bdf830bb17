//! Snapshots of all volumes of a group: taken and removed together, all of them or none.

use super::{
    create_snapshot::{make, remove},
    set_snapshot_status,
};
use crate::{
    VolumeService,
    model::{GroupSnapshot, Snapshot, SnapshotStatus},
    ops::{groups, snapshots::forget},
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{Result, SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

pub(crate) struct CreateGroupSnapshot(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) group_snapshot: String,
    pub(crate) snapshots: Vec<SnapshotId>,
}

impl CreateGroupSnapshot {
    /// There is nothing to prepare; but its undo removes what `make` has made before it failed at the next.
    async fn begin(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        Ok(Commit::nothing())
    }

    async fn unmake(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        for id in &state.snapshots {
            remove(&self.0, id).await?;
        }
        Ok(Commit::nothing())
    }

    async fn make(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        for id in &state.snapshots {
            make(&self.0, id).await?;
        }
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            state.snapshots.iter().for_each(|id| set_snapshot_status(tx, id, SnapshotStatus::Available, now));
            Ok(())
        }))
    }
}

impl Flow for CreateGroupSnapshot {
    const KIND: &'static str = "volume.create_group_snapshot";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("begin", Self::begin).undo(Self::unmake), Step::new("make", Self::make)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, _why: &str, now: Timestamp) -> Result<()> {
        for id in &state.snapshots {
            if tx.get::<Snapshot>(id).is_some_and(|s| s.status == SnapshotStatus::Creating) {
                set_snapshot_status(tx, id, SnapshotStatus::Error, now);
            }
        }
        Ok(())
    }
}

pub(crate) struct DeleteGroupSnapshot(pub(crate) VolumeService);

impl DeleteGroupSnapshot {
    async fn unmake(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        // A flow that was cancelled for this one may still be undoing.
        let (own, object) = (cx.flow.clone(), GroupSnapshot::object(&state.group_snapshot));
        cx.wait_for(|view| {
            let others = view.by(flow::FlowRecord::BY_OBJECT, &object).any(|f| f.id != own);
            (!others).then_some(Ok(()))
        })
        .await?;
        for id in &state.snapshots {
            remove(&self.0, id).await?;
        }
        Ok(Commit::with(|tx, state: &mut State| {
            state.snapshots.iter().for_each(|id| forget(tx, id));
            groups::snapshots::forget(tx, &state.group_snapshot);
            Ok(())
        }))
    }
}

impl Flow for DeleteGroupSnapshot {
    const KIND: &'static str = "volume.delete_group_snapshot";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("unmake", Self::unmake)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, _why: &str, now: Timestamp) -> Result<()> {
        state.snapshots.iter().for_each(|id| set_snapshot_status(tx, id, SnapshotStatus::ErrorDeleting, now));
        let said = Some("error_deleting".to_owned());
        tx.update::<GroupSnapshot>(&state.group_snapshot, |s| (s.deleting, s.said) = (false, said.clone()));
        Ok(())
    }
}
