//! A resize of a guest that runs, where it runs; [`super`] has the drawing.
//!
//! The host makes it so in the generation that says so, or refuses, and then the guest has what it had: so undo writes what was before,
//! and waits for the host's word, whatever that is. Nothing is written of the guest's hardware but what changes: the intent goes on to say
//! what the guest was started as.

use super::{LONG, bound_for, claims, given_up, note, places::arrived, resize_before, resize_of, working};
use crate::{
    Compute,
    driver::VmState,
    flows::{guest, power::reached},
    model::{
        Flavor, Server, ServerState, Task,
        action::Action,
        hardware,
        migration::MigrationStatus,
        reshape::Manner,
        vm::{VmIntent, VmObserved},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Error, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

pub struct ReshapeServer(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
}

impl Flow for ReshapeServer {
    const KIND: &'static str = "compute.reshape_server";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("claim", Self::claim).undo(Self::unclaim),
            Step::new("shape", Self::shape).undo(Self::unshape).within(LONG, LONG),
        ]
    }

    /// One that went elsewhere for its new shape has claimed for that, even if nothing was done here.
    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        if let Some(server) = tx.get::<Server>(&state.server)
            && let Some(resize) = &server.resize
        {
            claims::keep(&self.0, tx, &server, &resize.old, now)?;
        }
        given_up(&self.0, tx, &state.server, &state.action, why, now, |_| ())
    }
}

impl ReshapeServer {
    /// The host must have room for either shape, until it is decided which stays. One that was gone to for that has it.
    async fn claim(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            let resize = resize_of(&server)?;
            if resize.manner == Manner::LiveMigration {
                return Ok(());
            }
            let mut request = claims::for_either(&c, tx, &server, (&resize.old, &resize.new), &[]);
            request.only_hosts = vec![resize.source.clone()];
            c.placer.claim(tx, &request, now)?;
            bound_for(tx, &state.server, &resize, (&resize.source, resize.source_zone.as_ref()), now);
            Ok(())
        }))
    }

    async fn unclaim(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            let resize = resize_of(&server)?;
            claims::take_back(&c, tx, &server, &resize.migration, now)?;
            tx.update::<Server>(&state.server, |s| {
                s.resize.iter_mut().for_each(|r| r.dest = None);
                s.task = working(s, Task::ResizePrep);
            });
            Ok(())
        }))
    }

    async fn shape(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let resize = resize_before(&cx, &state.server)?;
        let seen = match take(&cx, &state.server, resize.new.flavor.clone()).await {
            Err(StepError::Failed(why)) => {
                self.give_back(&cx, &state.server).await?;
                return Err(StepError::Failed(why));
            }
            taken => taken?,
        };
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| finish(&c, tx, state, &seen, now)))
    }

    async fn unshape(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        self.give_back(&cx, &state.server).await?;
        Ok(Commit::nothing())
    }

    /// The guest is wanted as it was, and its host has heard of it.
    async fn give_back(&self, cx: &StepCx, id: &ServerId) -> std::result::Result<(), StepError> {
        let (server, old) = (id.clone(), resize_before(cx, id)?.old.flavor);
        let back = guest::fenced(cx, "compute.guest.unshape", move |tx| Ok(want(tx, &server, &old)));
        if let Some(generation) = back.await? {
            guest::wait(cx, id, |snapshot| guest::said(snapshot, id, generation)).await;
        }
        Ok(())
    }
}

/// Writes that a guest shall have what a flavor gives, in the hardware that it is; the generation of that.
fn want(tx: &mut Tx, id: &ServerId, flavor: &Flavor) -> Option<u64> {
    let intent = tx.get::<VmIntent>(id)?;
    let mut spec = intent.spec.clone();
    (spec.vcpus, spec.memory_mib) = (flavor.vcpus, flavor.ram_mib);
    hardware::set_limits(&mut spec, flavor);
    if spec == intent.spec {
        return Some(intent.generation);
    }
    guest::change_intent(tx, id, |intent| intent.spec = spec)
}

/// The guest has what a flavor gives, by its host's word; a failure if it refuses, and then it has what it had.
pub(super) async fn take(cx: &StepCx, id: &ServerId, flavor: Flavor) -> std::result::Result<VmObserved, StepError> {
    let server = id.clone();
    let wanted = guest::fenced(cx, "compute.guest.shape", move |tx| Ok(want(tx, &server, &flavor)));
    let gone = || StepError::Failed(Error::conflict("the server is on no host"));
    let generation = wanted.await?.ok_or_else(gone)?;
    guest::done(cx, id, generation, |seen| seen.state != VmState::Absent).await
}

fn finish(c: &Compute, tx: &mut Tx, state: &State, seen: &VmObserved, now: Timestamp) -> Result<()> {
    let server = guest::server(tx, &state.server)?;
    let resize = resize_of(&server)?;
    arrived(c, tx, &server)?;
    note(tx, &resize.migration, MigrationStatus::Finished, now);
    guest::conclude(tx, &state.server, now, |s| {
        *s = resize.new.on(s);
        reached(s, ServerState::Active, seen, now);
        s.state = ServerState::Resized;
    });
    state.action.finish(tx, Some(&seen.host), None, now)
}
