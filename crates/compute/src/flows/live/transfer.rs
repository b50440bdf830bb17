//! Sending the guest, and the moment from which it is the other host's.

use super::{LONG, LiveMigrate, QUICK, State, prepare::again, switch};
use crate::{
    driver::{Landing, Sent, Travel},
    flows::moving::working,
    model::Server,
};
use flow::{Commit, StepCx, StepError, StepResult};
use kernel::{Error, Kind};
use serde_json::json;
use std::sync::Arc;

impl LiveMigrate {
    pub(super) async fn transfer(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, dest) = (self.0.clone(), state.dest()?);
        let of = json!({"server": state.server});
        let to: Landing = match self.ask(&dest, "vm.landing", of, QUICK).await {
            Ok(to) => to,
            // What waited there has died, or went on by itself after post-copy: undo finds out which.
            Err(e) if e.is(Kind::Conflict) || e.is(Kind::NotFound) => return Err(StepError::Failed(e)),
            Err(e) => return Err(StepError::Retry(e)),
        };
        let travel =
            Travel { to, post_copy_after: c.config.post_copy_after(), bandwidth: c.config.migration_bandwidth() };
        let generation = cx.snapshot().get::<Server>(&state.server).map_or(0, |s| s.generation);
        let params = json!({"server": state.server, "generation": generation, "travel": travel});
        let sent = tokio::select! {
            sent = self.ask::<Sent>(&state.source, "vm.send", params, LONG) => sent,
            // What has been sent is for undo to take back, this step's included.
            () = cx.cancelled() => Err(Error::unavailable("the operation was cancelled")),
        };
        match sent {
            Ok(Sent::All | Sent::Running) => {}
            // It runs on where it is, and nothing of the attempt is left there.
            Err(e) if e.is(Kind::Conflict) => return Err(StepError::Failed(e)),
            Err(e) => return Err(again(e.into())),
        }
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            switch(&c, tx, state, now)?;
            let task = state.task();
            tx.update::<Server>(&state.server, |s| s.task = working(s, task));
            Ok(())
        }))
    }
}
