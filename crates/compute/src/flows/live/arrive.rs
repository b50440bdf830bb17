//! The guest on its new host, and the end of what is left of it on the old one.

use super::{LiveMigrate, QUICK, State, grow};
use crate::{
    Compute,
    driver::{Progress, Stage, VmState},
    flows::{
        guest::{self, Removed},
        moving::{claims, note, spare},
    },
    model::{
        ServerState,
        migration::MigrationStatus,
        state::PowerState,
        vm::{Power, VmObserved},
    },
};
use flow::{Commit, StepCx, StepError, StepResult};
use kernel::{Error, HostName, Result, Timestamp};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::{Snapshot, Tx};

/// Between looks at memory that follows after post-copy.
const LOOK: Duration = Duration::from_millis(200);

impl LiveMigrate {
    pub(super) async fn arrive(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (dest, id) = (state.dest()?, state.server.clone());
        let landed = guest::wait(&cx, &id, |snapshot| match seen_at(snapshot, &state, &dest)? {
            seen if has_landed(seen.state) => Some(Ok(seen)),
            // It stands still: the sooner it goes on where it was, the better.
            seen => seen.error.map(|why| Err(StepError::Failed(Error::conflict(why)))),
        });
        let seen = landed.await?;
        let removed = self.leave(&cx, &state).await?;
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| finish(&c, tx, state, &seen, removed, now)))
    }

    /// The source gives up all that it had; one that is away does so when it is back.
    pub(super) async fn leave(&self, cx: &StepCx, state: &State) -> std::result::Result<Removed, StepError> {
        self.drained(state).await?;
        let (id, source) = (state.server.clone(), state.source.clone());
        guest::fenced(cx, "compute.live.leave", move |tx| Ok(spare::drop_from(tx, &id, &source))).await?;
        spare::gone_from(&self.0, cx, &state.server, &state.source).await
    }

    /// After post-copy the source must not go before its memory has.
    async fn drained(&self, state: &State) -> std::result::Result<(), StepError> {
        loop {
            let params = json!({"server": state.server});
            match self.ask::<Progress>(&state.source, "vm.progress", params, QUICK).await {
                Ok(progress) if progress.stage == Stage::PostCopy => tokio::time::sleep(LOOK).await,
                // The source died after all had been sent, or while it was sent; it has nothing to give any more.
                Err(e) if e.is(kernel::Kind::Unavailable) && self.0.hosts.is_connected(&state.source) => {
                    return Err(StepError::Retry(e));
                }
                _ => return Ok(()),
            }
        }
    }
}

/// What the host that was gone to says of the guest, if it is the server's.
fn seen_at(snapshot: &Snapshot, state: &State, dest: &HostName) -> Option<VmObserved> {
    let seen = snapshot.get::<VmObserved>(&state.server)?;
    (seen.host == *dest).then(|| VmObserved::clone(&seen))
}

/// It is a guest of that host, whatever it does there.
pub(super) fn has_landed(state: VmState) -> bool {
    !matches!(state, VmState::Absent | VmState::Arriving)
}

/// The move has happened.
pub(super) fn finish(
    c: &Compute,
    tx: &mut Tx,
    state: &mut State,
    seen: &VmObserved,
    removed: Removed,
    now: Timestamp,
) -> Result<()> {
    if removed == Removed::Yes {
        spare::forget(tx, &state.server, &state.source);
        claims::give_up(c, tx, &state.migration)?;
    }
    note(tx, &state.migration, MigrationStatus::Completed, now);
    if state.resizes {
        return grow::begin(c, tx, state, now);
    }
    guest::conclude(tx, &state.server, now, |s| {
        s.task = None;
        s.power = PowerState::from(seen.state);
        s.state = if state.power == Power::Paused { ServerState::Paused } else { ServerState::Active };
    });
    state.action.finish(tx, Some(&seen.host), None, now)
}
