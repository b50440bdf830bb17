//! Groups of several volumes: made of another group or of its snapshot, and removed. All of them or none.
//!
//! ```text
//!   CreateGroup   place ─▶ make        (undone: whatever was made is removed, then nothing has a pool)
//!   DeleteGroup   unmake               (records, quota and the group itself go in one transaction)
//! ```
//!
//! A group that is made of nothing has no volumes and needs no flow. While a group's flow lives its volumes have none of their own.

use super::{
    COPY,
    create_volume::{make, off_pool, put_on_pool, unmake},
    set_status, settle, tell,
};
use crate::{
    VolumeService,
    model::{Group, MessageEvent, Volume, VolumeStatus},
    ops::{groups, volumes::delete::forget},
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{Result, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::Tx;

pub(crate) struct CreateGroup(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) group: String,
    pub(crate) volumes: Vec<VolumeId>,
}

impl CreateGroup {
    async fn place(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let now = cx.now();
        let place = move |tx: &mut Tx, state: &mut State| {
            state.volumes.iter().try_for_each(|id| put_on_pool(&self.0, tx, id, now))
        };
        Ok(Commit::with(place))
    }

    /// Also of what `make` has made before it failed at the next.
    async fn unplace(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        for id in &state.volumes {
            unmake(&self.0, id).await?;
        }
        Ok(Commit::with(|tx, state: &mut State| {
            state.volumes.iter().for_each(|id| off_pool(tx, id));
            Ok(())
        }))
    }

    async fn make(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        for id in &state.volumes {
            make(&self.0, id).await?;
        }
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            for id in &state.volumes {
                settle(tx, id, VolumeStatus::Creating, VolumeStatus::Available, None, now);
            }
            Ok(())
        }))
    }
}

impl Flow for CreateGroup {
    const KIND: &'static str = "volume.create_group";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("place", Self::place).undo(Self::unplace),
            Step::new("make", Self::make).within(COPY, COPY + Duration::from_secs(300)),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        for id in &state.volumes {
            tell(tx, id, MessageEvent::CreateVolume, now);
            settle(tx, id, VolumeStatus::Creating, VolumeStatus::Error, Some(why), now);
        }
        Ok(())
    }
}

pub(crate) struct DeleteGroup(pub(crate) VolumeService);

impl DeleteGroup {
    async fn unmake(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        // A flow that was cancelled for this one may still be undoing.
        let own = cx.flow.clone();
        cx.wait_for(|view| {
            let objects = state.volumes.iter().map(Volume::object).chain([Group::object(&state.group)]);
            let mut flows =
                objects.flat_map(|object| view.by(flow::FlowRecord::BY_OBJECT, &object).collect::<Vec<_>>());
            (!flows.any(|f| f.id != own)).then_some(Ok(()))
        })
        .await?;
        for id in &state.volumes {
            unmake(&self.0, id).await?;
        }
        let service = self.0.clone();
        Ok(Commit::with(move |tx, state: &mut State| {
            state.volumes.iter().for_each(|id| forget(&service, tx, id));
            groups::forget(tx, &state.group);
            Ok(())
        }))
    }
}

impl Flow for DeleteGroup {
    const KIND: &'static str = "volume.delete_group";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("unmake", Self::unmake)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        for id in &state.volumes {
            set_status(tx, id, VolumeStatus::ErrorDeleting, Some(why), now);
        }
        tx.update::<Group>(&state.group, |g| (g.deleting, g.said) = (false, Some("error_deleting".to_owned())));
        Ok(())
    }
}
