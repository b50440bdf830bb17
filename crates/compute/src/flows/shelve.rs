//! Shelving: the guest is stopped, its root disk becomes an image, and, at once or later, its host gets everything back.
//! Unshelving is a start before that, and [`super::create`]'s from the image after it.
//!
//! ```text
//!   request   image queued (none for a server that boots from a volume)      one transaction → 202
//!   stop      … the guest is off …                                           commit
//!   copy      … the host fills the image …                                   commit: SHELVED, perhaps the next flow
//!
//!   offload   … the guest is gone, volumes are exported to nobody …          commit: SHELVED_OFFLOADED, nothing claimed
//! ```
//!
//! Until `copy` has ended, failing starts the guest again. An offload that failed has a host without a guest, maybe; it can only
//! be offloaded again ([`super::reconcile_moves`] does).

use super::{
    create_image::DiscardImage,
    guest,
    moving::{
        FOR_GOOD, LONG,
        places::{stop, unstop},
        working,
    },
};
use crate::{
    Compute,
    model::{Fault, PowerState, Server, ServerState, Task, action::Action, vm::Power},
};
use flow::{Commit, Flow, Start, Step, StepCx, StepError, StepResult};
use kernel::{Error, HostName, ImageId, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

pub struct ShelveServer(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub host: HostName,
    /// The image to fill, and of which disk.
    pub image: Option<(ImageId, String)>,
    /// What the guest was before.
    pub power: Power,
}

impl Flow for ShelveServer {
    const KIND: &'static str = "compute.shelve_server";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("stop", Self::stop).undo(Self::unstop).within(LONG, LONG),
            Step::new("copy", Self::copy).within(LONG, LONG),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        guest::conclude(tx, &state.server, now, |s| {
            s.task = None;
            s.fault = Some(Fault::internal(why, None, now));
        });
        state.action.finish(tx, Some(&state.host), Some(why), now)?;
        match &state.image {
            Some((image, _)) => DiscardImage::begin(&self.0, tx, image, &state.action, now),
            None => Ok(()),
        }
    }
}

impl ShelveServer {
    async fn stop(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        stop(&cx, &state.server).await?;
        Ok(Commit::with(move |tx, state: &mut State| {
            tx.update::<Server>(&state.server, |s| s.task = working(s, Task::ShelvingImageUploading));
            Ok(())
        }))
    }

    async fn unstop(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        Ok(Commit::with(move |tx, state: &mut State| {
            unstop(tx, &state.server, state.power);
            Ok(())
        }))
    }

    /// What boots from a volume has nothing on its host that it could come back to: it is offloaded at once.
    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        if let Some((image, disk)) = &state.image {
            let params = json!({"server": state.server, "disk": disk, "image": image});
            let copied = self.0.hosts.call(&state.host, "vm.snapshot", params, LONG);
            tokio::select! {
                done = copied => { done?; }
                () = cx.cancelled() => return Err(StepError::Failed(Error::conflict("the operation was cancelled"))),
            }
        }
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            guest::conclude(tx, &state.server, now, |s| {
                (s.state, s.task, s.power) = (ServerState::Shelved, None, PowerState::Shutdown);
                (s.shelved_image, s.shelved) = (state.image.as_ref().map(|(image, _)| image.clone()), Some(now));
            });
            let server = guest::server(tx, &state.server)?;
            if server.is_deleting() || (state.image.is_some() && c.config.shelved_offload_seconds != Some(0)) {
                return state.action.finish(tx, Some(&state.host), None, now);
            }
            begin_offload(&c, tx, &server, state.action.clone(), now)
        }))
    }
}

/// Begins to take a shelved server from its host; the caller has looked whether it may be, and begun the action.
pub(crate) fn begin_offload(c: &Compute, tx: &mut Tx, server: &Server, action: Action, now: Timestamp) -> Result<()> {
    tx.update::<Server>(&server.id, |s| (s.task, s.updated) = (Some(Task::ShelvingOffloading), now));
    let request_id = action.request_id.clone();
    let state = Offload { server: server.id.clone(), action };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<OffloadServer> { object, state, request_id: &request_id, now }).map(drop)
}

pub struct OffloadServer(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offload {
    pub server: ServerId,
    pub action: Action,
}

impl Flow for OffloadServer {
    const KIND: &'static str = "compute.offload_server";
    type State = Offload;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("offload", Self::offload).within(LONG, FOR_GOOD)]
    }

    fn failed(&self, tx: &mut Tx, state: &Offload, why: &str, now: Timestamp) -> Result<()> {
        guest::conclude(tx, &state.server, now, |s| {
            s.task = None;
            s.fault = Some(Fault::internal(why, None, now));
        });
        state.action.finish(tx, None, Some(why), now)
    }
}

impl OffloadServer {
    async fn offload(self: Arc<Self>, cx: StepCx, state: Offload) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        let removed = guest::remove(&c, &cx, &state.server).await?;
        if let Some(server) = cx.snapshot().get::<Server>(&state.server) {
            guest::disconnect_volumes(&c, &server).await.map_err(StepError::Retry)?;
        }
        Ok(Commit::with(move |tx, state: &mut Offload| {
            let server = guest::server(tx, &state.server)?;
            guest::forget(tx, &state.server, removed);
            c.placer.release(tx, &state.server)?;
            c.ports.unbind(tx, &state.server)?;
            guest::conclude(tx, &state.server, now, |s| {
                (s.state, s.task, s.power) = (ServerState::ShelvedOffloaded, None, PowerState::Shutdown);
                (s.host, s.availability_zone) = (None, s.pinned_zone.clone());
                s.cells.clear();
            });
            state.action.finish(tx, server.host.as_ref(), None, now)
        }))
    }
}
