//! Deleting a server: first whatever else is under way ends, then the guest, then everything the server had.
//!
//! ```text
//!   request   task = deleting, every other flow of the server cancelled         one transaction → 204
//!   quiesce   … those flows have undone themselves …  → intent Absent           commit
//!   remove    … the host says the guest is gone, volumes are disconnected …     commit: nothing is left
//! ```
//!
//! Never undone: what is half deleted cannot be made whole. If the host cannot end the guest, the server is in ERROR and
//! may be deleted again.

use super::{
    create::release_quota,
    create_image::DiscardImage,
    guest::{self, Removed},
    moving::{claims, spare},
    vtpm,
};
use crate::{
    Compute,
    model::{Fault, Migration, Server, ServerState, action::Action, server::Deleted},
};
use flow::{Commit, Flow, FlowRecord, Step, StepCx, StepError, StepResult};
use kernel::{Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::Tx;

/// Other flows may have to wait for a host that is just coming back.
const LONG: Duration = Duration::from_secs(1800);

pub struct DeleteServer(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
}

impl Flow for DeleteServer {
    const KIND: &'static str = "compute.delete_server";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("quiesce", Self::quiesce).within(LONG, LONG),
            Step::new("remove", Self::remove).within(LONG, LONG),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        let error = |s: &mut Server| {
            (s.state, s.task, s.updated) = (ServerState::Error, None, now);
            s.fault = Some(Fault::internal(why, None, now));
        };
        // Not `conclude`: this is the one flow that may take the mark away.
        tx.update::<Server>(&state.server, error);
        state.action.finish(tx, None, Some(why), now)
    }
}

impl DeleteServer {
    async fn quiesce(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (object, now) = (Server::flow_object(&state.server), cx.now());
        let mut watch = cx.store.watch();
        while cx.snapshot().by(FlowRecord::BY_OBJECT, &object).any(|flow| flow.id != cx.flow) {
            watch.next().await;
        }
        Ok(Commit::with(move |tx, state: &mut State| {
            guest::want_absent(tx, &state.server, now);
            for spare in spare::all(tx.view(), &state.server) {
                spare::drop_from(tx, &state.server, &spare.host);
            }
            Ok(())
        }))
    }

    async fn remove(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        let removed = guest::remove(&c, &cx, &state.server).await?;
        let mut given_up = Vec::new();
        for spare in spare::all(&cx.snapshot(), &state.server) {
            if spare::gone_from(&c, &cx, &state.server, &spare.host).await? == Removed::Yes {
                given_up.push(spare.host.clone());
            }
        }
        if let Some(server) = cx.snapshot().get::<Server>(&state.server) {
            guest::disconnect_volumes(&c, &server).await.map_err(StepError::Retry)?;
        }
        Ok(Commit::with(move |tx, state: &mut State| {
            given_up.iter().for_each(|host| spare::forget(tx, &state.server, host));
            finish(&c, tx, state, removed, now)
        }))
    }
}

fn finish(c: &Compute, tx: &mut Tx, state: &State, removed: Removed, now: Timestamp) -> Result<()> {
    guest::forget(tx, &state.server, removed);
    let Some(server) = tx.get::<Server>(&state.server) else { return Ok(()) };
    c.ports.release(tx, &server.id, None)?;
    for device in &server.devices {
        let Some(volume) = device.volume() else { continue };
        c.volumes.release(tx, &volume.attachment)?;
        if device.delete_on_termination {
            c.volumes.delete(tx, &volume.volume)?;
        }
    }
    vtpm::forget(c, tx, &server);
    c.placer.release(tx, &server.id)?;
    for migration in tx.by(Migration::BY_SERVER, &server.id) {
        claims::give_up(c, tx, &migration.id)?;
        tx.delete::<Migration>(&migration.id);
    }
    if let Some(image) = &server.shelved_image {
        DiscardImage::begin(c, tx, image, &state.action, now)?;
    }
    release_quota(tx, &server);
    state.action.finish(tx, server.host.as_ref(), None, now)?;
    tx.history(Deleted::STREAM, now, &Deleted::of(&server, now))?;
    tx.delete::<Server>(&server.id);
    Ok(())
}
