//! A live migration that was called off, or failed: where is the guest?
//!
//! ```text
//!   ask the source to keep it ─┬─ it does ─────────────────────────────────────────▶ back
//!                              └─ it has left; the other host ─┬─ has it ──────────▶ the move has happened
//!                                                              ├─ will (post-copy) ▶ ask again
//!                                                              └─ does not ────────▶ end what waits there; the source goes on
//! ```
//!
//! A guest that died on its way is the source's: what it wrote is on the source's disks, and there it can be started again.

use super::{
    LiveMigrate, QUICK, State,
    arrive::{finish, has_landed},
    prepare::again,
    switch,
};
use crate::{
    driver::{CallOff, Progress, Stage, VmState, VmStatus},
    flows::{
        guest::{self, Said},
        moving::spare,
    },
    model::{
        Server,
        vm::{Power, VmIntent, VmObserved},
    },
};
use flow::{Commit, StepCx, StepError, StepResult};
use kernel::{Error, HostName, Kind, Result};
use ports::network::Crossing;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Tx;

/// Where a guest turned out to be.
enum Found {
    Here,
    There(VmState),
    /// It stands still here, all of it was sent, and it did not land.
    Between,
}

impl LiveMigrate {
    pub(super) async fn undo_transfer(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let dest = state.dest()?;
        match self.find(&cx, &state, &dest).await? {
            Found::There(guest) => self.stays(&cx, &state, dest, guest).await,
            Found::Here | Found::Between => self.back(&cx, &state, dest).await,
        }
    }

    async fn find(&self, cx: &StepCx, state: &State, dest: &HostName) -> std::result::Result<Found, StepError> {
        match self.call_off(cx, state, CallOff::IfHere).await {
            Ok(()) => return Ok(Found::Here),
            Err(e) if e.is(Kind::Conflict) || e.is(Kind::NotFound) => {}
            Err(e) => return Err(again(e.into())),
        }
        let of = json!({"server": state.server});
        let there: VmStatus = self.ask(dest, "vm.status", of, QUICK).await.map_err(StepError::Retry)?;
        if has_landed(there.state) {
            return Ok(Found::There(there.state));
        }
        match self.at_source(state).await? {
            Some(Stage::PostCopy) => {
                Err(StepError::Retry(Error::unavailable("the guest is about to go on over there")))
            }
            _ => Ok(Found::Between),
        }
    }

    /// How far the source's guest is. `None`: none is there, or it died on its way.
    async fn at_source(&self, state: &State) -> std::result::Result<Option<Stage>, StepError> {
        match self.ask::<Progress>(&state.source, "vm.progress", json!({"server": state.server}), QUICK).await {
            Ok(progress) => Ok(Some(progress.stage)),
            Err(e) if e.is(Kind::NotFound) || e.is(Kind::Conflict) => Ok(None),
            Err(e) => Err(again(e.into())),
        }
    }

    async fn call_off(&self, cx: &StepCx, state: &State, known: CallOff) -> Result<()> {
        let generation = cx.snapshot().get::<Server>(&state.server).map_or(0, |s| s.generation);
        let params = json!({"server": state.server, "generation": generation, "known": known});
        self.0.hosts.call(&state.source, "vm.call_off", params, QUICK).await.map(|_: Value| ())
    }

    async fn stays(&self, cx: &StepCx, state: &State, dest: HostName, guest: VmState) -> StepResult<Self> {
        let (c, now, wanted) = (self.0.clone(), cx.now(), state.clone());
        // It may have gone there by itself, before anybody wrote it down.
        let service = c.clone();
        guest::fenced(cx, "compute.live.switch", move |tx| switch(&service, tx, &wanted, now)).await?;
        let removed = self.leave(cx, state).await?;
        Ok(Commit::with(move |tx, state: &mut State| {
            state.stays = true;
            let seen = tx.get::<VmObserved>(&state.server).map(|seen| VmObserved::clone(&seen));
            let seen = seen.unwrap_or_else(|| VmObserved::of(&state.server, &dest, guest, now));
            finish(&c, tx, state, &seen, removed, now)
        }))
    }

    async fn back(&self, cx: &StepCx, state: &State, dest: HostName) -> StepResult<Self> {
        let (c, wanted) = (self.0.clone(), state.clone());
        let now = cx.now();
        let crossed = guest::fenced(cx, "compute.live.back", move |tx| {
            unswitch(&c, tx, &wanted)?;
            spare::drop_from(tx, &wanted.server, &wanted.dest()?);
            tx.update::<Server>(&wanted.server, |s| s.updated = now);
            Ok(())
        });
        crossed.await?;
        self.ended(cx, state, &dest).await?;
        if let Err(e) = self.call_off(cx, state, CallOff::NotLanded).await
            && self.at_source(state).await?.is_some()
        {
            return Err(again(e.into()));
        }
        Ok(Commit::with(|tx, state: &mut State| {
            guest::change_intent(tx, &state.server, |intent| intent.power = state.power);
            Ok(())
        }))
    }

    /// Until the other host has said that nothing of the guest is there. A host that is away is waited for.
    async fn ended(&self, cx: &StepCx, state: &State, dest: &HostName) -> std::result::Result<(), StepError> {
        let key = VmIntent::spare_key(&state.server, dest);
        guest::wait(cx, &state.server, |snapshot| {
            let Some(spare) = snapshot.get::<VmIntent>(&key) else { return Some(Ok(())) };
            match guest::said_of(snapshot, &key, spare.generation)? {
                Said::Done(seen) => (seen.state == VmState::Absent).then_some(Ok(())),
                Said::Refused(why) => Some(Err(StepError::Retry(Error::unavailable(why)))),
            }
        })
        .await
    }
}

/// The server is the source's again, on paper; its guest is not told to run yet.
fn unswitch(c: &crate::Compute, tx: &mut Tx, state: &State) -> Result<()> {
    let dest = state.dest()?;
    let main = tx.get::<VmIntent>(&state.server).filter(|i| i.host == dest);
    let (Some(main), Some(here)) = (main, spare::get(tx, &state.server, &state.source)) else { return Ok(()) };
    spare::put(tx, &main, &dest, Power::Absent);
    let generation = guest::next_generation(tx, &state.server);
    spare::forget(tx, &state.server, &state.source);
    tx.put(VmIntent { spare: false, power: Power::Leaving, generation, ..VmIntent::clone(&here) });
    tx.delete::<VmObserved>(&state.server);
    tx.update::<Server>(&state.server, |s| {
        (s.host, s.availability_zone) = (Some(state.source.clone()), state.source_zone.clone());
        s.cells.clone_from(&here.spec.cells);
    });
    c.ports.cross(tx, &state.server, &state.source, Crossing::Arrived)?;
    c.ports.cross(tx, &state.server, &dest, Crossing::Await)
}
