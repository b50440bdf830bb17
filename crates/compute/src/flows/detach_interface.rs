//! Detaching an interface: the request has taken the port out of the intent; when the guest is without it, the port goes.

use super::{
    attach_interface::{forget_port, let_go},
    guest,
};
use crate::{
    Compute,
    model::{
        Server,
        action::Action,
        vm::{Power, VmIntent, VmPort},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{PortId, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

pub struct DetachInterface(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub port: PortId,
    pub generation: u64,
    /// As it was in the intent.
    pub plugged: Option<VmPort>,
}

impl Flow for DetachInterface {
    const KIND: &'static str = "compute.detach_interface";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("unplug", Self::unplug)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        put_back(tx, state);
        state.action.finish(tx, None, Some(why), now)
    }
}

impl DetachInterface {
    async fn unplug(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        let look = |snapshot: &store::Snapshot| match snapshot.contains::<VmIntent>(&state.server) {
            true => let_go(snapshot, &state.server, &state.port, state.generation),
            false => Some(Ok(())),
        };
        guest::wait_or_cancel(&cx, &state.server, look).await??;
        Ok(Commit::with(move |tx, state: &mut State| {
            c.ports.set_plugged(tx, &state.port, false)?;
            forget_port(&c, tx, &state.server, &state.port)?;
            tx.update::<Server>(&state.server, |s| s.updated = now);
            let host = tx.get::<Server>(&state.server).and_then(|s| s.host.clone());
            state.action.finish(tx, host.as_ref(), None, now)
        }))
    }
}

/// Back into the intent, as it was.
fn put_back(tx: &mut Tx, state: &State) {
    let Some(plugged) = state.plugged.clone() else { return };
    let is_there = |i: &VmIntent| i.ports.iter().any(|p| p.bound.port == state.port);
    if tx.get::<VmIntent>(&state.server).is_some_and(|i| i.power != Power::Absent && !is_there(&i)) {
        guest::change_intent(tx, &state.server, |i| i.ports.push(plugged));
    }
}
