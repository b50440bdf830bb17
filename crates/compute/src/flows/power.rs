//! Changes of a guest in its place: start, stop, reboot, pause, suspend, rescue, rebuild. The request has written the intent
//! already; the flow waits for the host.
//!
//! Failing puts the intent back as it was, in a new generation, so that a host that comes back after everybody gave up
//! does not surprise its users; unless there is no way back ([`State::before`] is empty), as for a disk that was made anew.

use super::{create_image::DiscardImage, guest};
use crate::{
    Compute,
    driver::{LocalDiskSpec, VmSpec, VmState},
    model::{
        Fault, PowerState, Server, ServerState,
        action::Action,
        vm::{Power, VmIntent, VmObserved},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::Tx;

/// Longer than any guest gets to shut down, and for images that a host fetches first.
const PATIENCE: Duration = Duration::from_secs(1800);

pub struct ChangePower(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    /// The generation that brings the change.
    pub generation: u64,
    pub reboots: u64,
    /// What the server is when it is done.
    pub reach: ServerState,
    /// What to go back to.
    pub before: Option<Before>,
    /// Whether a server that was not brought to what was wanted is of no use: a reboot that failed.
    pub vital: bool,
}

/// What a change in place may have changed of an intent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    pub power: Power,
    pub spec: VmSpec,
    pub local_disks: Vec<LocalDiskSpec>,
}

impl Before {
    pub(crate) fn of(intent: &VmIntent) -> Self {
        Self { power: intent.power, spec: intent.spec.clone(), local_disks: intent.local_disks.clone() }
    }

    fn is_of(&self, intent: &VmIntent) -> bool {
        *self == Self::of(intent)
    }

    fn put_back(self, intent: &mut VmIntent) {
        (intent.power, intent.spec, intent.local_disks) = (self.power, self.spec, self.local_disks);
    }
}

impl Flow for ChangePower {
    const KIND: &'static str = "compute.change_power";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("settle", Self::settle).within(PATIENCE, PATIENCE)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        state.action.finish(tx, None, Some(why), now)?;
        let ours = |i: &Arc<VmIntent>| i.generation >= state.generation && i.power != Power::Absent;
        if let Some(intent) = tx.get::<VmIntent>(&state.server).filter(ours)
            && let Some(before) = state.before.clone().filter(|b| !b.is_of(&intent))
        {
            guest::change_intent(tx, &state.server, |intent| before.put_back(intent));
        }
        guest::conclude(tx, &state.server, now, |s| {
            s.task = None;
            s.fault = Some(Fault::internal(why, None, now));
            if state.vital {
                s.state = ServerState::Error;
            }
        });
        Ok(())
    }
}

impl ChangePower {
    async fn settle(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let id = state.server.clone();
        let seen = guest::done(&cx, &id, state.generation, |seen| seen.reboots >= state.reboots).await?;
        let (c, now) = (self.0.clone(), cx.now());
        Ok(Commit::with(move |tx, state: &mut State| {
            let server = guest::server(tx, &state.server)?;
            guest::conclude(tx, &state.server, now, |s| {
                reached(s, state.reach, &seen, now);
                s.shelved_image = None;
            });
            if let Some(image) = &server.shelved_image {
                DiscardImage::begin(&c, tx, image, &state.action, now)?;
            }
            state.action.finish(tx, Some(&seen.host), None, now)
        }))
    }
}

/// What was wanted has come about. If the guest has gone on since (it was started and powered itself off at once), what it
/// is now follows in the same transaction.
pub(super) fn reached(server: &mut Server, reach: ServerState, seen: &VmObserved, now: Timestamp) {
    server.task = None;
    server.fault = None;
    server.state = reach;
    server.power = match (reach, seen.state) {
        // A guest that was never started is off like any other.
        (ServerState::Stopped, VmState::Absent) => PowerState::Shutdown,
        (_, state) => PowerState::from(state),
    };
    if reach == ServerState::Active && server.launched.is_none() {
        server.launched = Some(now);
    }
}
