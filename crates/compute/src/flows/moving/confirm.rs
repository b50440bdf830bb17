//! The server stays as it is: what was kept for a way back goes, and with it the claim on the host that was left.

use super::{FOR_GOOD, LONG, claims, note, recount, resize_before, resize_of, spare};
use crate::{
    Compute,
    flows::{
        guest::{self, Removed, Said, change_intent},
        vtpm,
    },
    model::{
        PowerState, Server, ServerState, Task,
        action::Action,
        migration::MigrationStatus,
        vm::{Power, VmIntent},
    },
};
use flow::{Commit, Flow, Start, Step, StepCx, StepError, StepResult};
use kernel::{Error, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

pub struct ConfirmResize(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    /// Of the intent without the old disks, for a resize in place.
    pub generation: u64,
}

/// Begins to confirm; the caller has looked whether it may be.
pub(crate) fn begin(c: &Compute, tx: &mut Tx, server: &Server, action: Action, now: Timestamp) -> Result<()> {
    let resize = resize_of(server)?;
    tx.update::<Server>(&server.id, |s| (s.task, s.updated) = (Some(Task::ResizeConfirming), now));
    note(tx, &resize.migration, MigrationStatus::Confirming, now);
    let generation = match resize.is_in_place() {
        true => change_intent(tx, &server.id, |intent| intent.kept_disks.clear()),
        false => spare::drop_from(tx, &server.id, &resize.source),
    };
    action.begin(tx)?;
    let request_id = action.request_id.clone();
    let state = State { server: server.id.clone(), action, generation: generation.unwrap_or_default() };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<ConfirmResize> { object, state, request_id: &request_id, now }).map(drop)
}

impl Flow for ConfirmResize {
    const KIND: &'static str = "compute.confirm_resize";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("drop", Self::drop_old).within(LONG, FOR_GOOD)]
    }

    /// It can be confirmed again.
    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        if let Some(resize) = tx.get::<Server>(&state.server).and_then(|s| s.resize.clone()) {
            note(tx, &resize.migration, MigrationStatus::Finished, now);
        }
        guest::conclude(tx, &state.server, now, |s| s.task = None);
        state.action.finish(tx, None, Some(why), now)
    }
}

impl ConfirmResize {
    async fn drop_old(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, id, now) = (self.0.clone(), state.server.clone(), cx.now());
        let resize = resize_before(&cx, &id)?;
        let gone = if resize.is_in_place() {
            let done = guest::wait(&cx, &id, |snapshot| match guest::said(snapshot, &id, state.generation)? {
                Said::Done(_) => Some(Ok(())),
                Said::Refused(why) => Some(Err(StepError::Retry(Error::unavailable(why)))),
            });
            done.await?;
            Removed::Later
        } else {
            spare::gone_from(&c, &cx, &id, &resize.source).await?
        };
        Ok(Commit::with(move |tx, state: &mut State| {
            if gone == Removed::Yes {
                spare::forget(tx, &state.server, &resize.source);
            }
            claims::give_up(&c, tx, &resize.migration)?;
            if resize.manner.is_live() {
                let server = guest::server(tx, &state.server)?;
                claims::keep(&c, tx, &server, &resize.new, now)?;
            }
            note(tx, &resize.migration, MigrationStatus::Confirmed, now);
            recount(tx, &state.server, |s| s.resize = None);
            vtpm::settle(&c, tx, &state.server);
            let is_off = tx.get::<VmIntent>(&state.server).is_some_and(|i| i.power == Power::Stopped);
            // A guest that powered itself off meanwhile takes its server along, in the same transaction.
            guest::conclude(tx, &state.server, now, |s| {
                s.state = if is_off { ServerState::Stopped } else { ServerState::Active };
                s.power = if is_off { PowerState::Shutdown } else { s.power };
                (s.task, s.fault) = (None, None);
            });
            let host = tx.get::<Server>(&state.server).and_then(|s| s.host.clone());
            state.action.finish(tx, host.as_ref(), None, now)
        }))
    }
}
