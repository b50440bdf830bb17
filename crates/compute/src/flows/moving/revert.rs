//! The server goes back to where and how it was before it was resized or moved.

use super::{
    LONG, claims, note,
    places::{Settling, arrived, come_back, settle_on},
    recount, reshape, resize_before, resize_of, spare,
};
use crate::{
    Compute,
    driver::VmState,
    flows::{guest, power::reached, vtpm},
    model::{
        Fault, Server, ServerState,
        action::Action,
        migration::MigrationStatus,
        vm::{Power, VmIntent, VmObserved},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

pub struct RevertResize(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub generation: u64,
}

impl Flow for RevertResize {
    const KIND: &'static str = "compute.revert_resize";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("leave", Self::leave).within(LONG, LONG), Step::new("run", Self::run).within(LONG, LONG)]
    }

    /// Half way between two hosts there is no state to go to; both keep what they have, and it can be reverted again.
    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        if let Some(resize) = tx.get::<Server>(&state.server).and_then(|s| s.resize.clone()) {
            note(tx, &resize.migration, MigrationStatus::Finished, now);
        }
        guest::conclude(tx, &state.server, now, |s| {
            (s.state, s.task) = (ServerState::Error, None);
            s.fault = Some(Fault::internal(why, None, now));
        });
        state.action.finish(tx, None, Some(why), now)
    }
}

impl RevertResize {
    async fn leave(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        if self.gives_back(&cx, &state).await? {
            return Ok(Commit::with(|tx, state: &mut State| {
                state.generation = tx.get::<VmIntent>(&state.server).map_or(0, |intent| intent.generation);
                Ok(())
            }));
        }
        let (resize, connected) = come_back(&c, &cx, &state.server, now).await?;
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            let settling = Settling::back(Power::reaching(resize.was), connected.as_deref());
            state.generation = settle_on(&c, tx, &resize.old.on(&server), settling)?;
            if let Some(dest) = resize.dest.as_ref().filter(|_| !resize.is_in_place()) {
                spare::drop_from(tx, &state.server, dest);
            }
            Ok(())
        }))
    }

    /// Whether a guest that was given another shape while it ran has taken its old one again, and runs on. One that is off, or does not
    /// give back, is restarted.
    async fn gives_back(&self, cx: &StepCx, state: &State) -> std::result::Result<bool, StepError> {
        let (snapshot, resize) = (cx.snapshot(), resize_before(cx, &state.server)?);
        let intent = snapshot.get::<VmIntent>(&state.server);
        let runs = intent.is_some_and(|i| i.power == Power::Running && i.spec.vcpus <= resize.old.flavor.vcpus);
        if !resize.manner.is_live() || !runs || Power::reaching(resize.was) != Power::Running {
            return Ok(false);
        }
        match reshape::take(cx, &state.server, resize.old.flavor).await {
            Ok(_) => Ok(true),
            Err(StepError::Failed(e)) => {
                tracing::info!(server = %state.server, error = %e.internal_text(), "a guest is restarted to be what it was");
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }

    async fn run(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let c = self.0.clone();
        let stays_off = Power::reaching(resize_before(&cx, &state.server)?.was) == Power::Stopped;
        let is_there = |seen: &VmObserved| stays_off || seen.state != VmState::Absent;
        let seen = guest::done(&cx, &state.server, state.generation, is_there).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| finish(&c, tx, state, &seen, now)))
    }
}

fn finish(c: &Compute, tx: &mut Tx, state: &State, seen: &VmObserved, now: Timestamp) -> Result<()> {
    let server = guest::server(tx, &state.server)?;
    let resize = resize_of(&server)?;
    arrived(c, tx, &server)?;
    claims::take_back(c, tx, &server, &resize.migration, now)?;
    if resize.manner.is_live() {
        claims::keep(c, tx, &server, &resize.old, now)?;
    }
    note(tx, &resize.migration, MigrationStatus::Reverted, now);
    recount(tx, &state.server, |s| {
        *s = resize.old.on(s);
        s.resize = None;
    });
    vtpm::settle(c, tx, &state.server);
    guest::conclude(tx, &state.server, now, |s| reached(s, resize.was, seen, now));
    state.action.finish(tx, Some(&seen.host), None, now)
}
