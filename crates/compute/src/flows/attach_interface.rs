//! Attaching an interface: the request has bound the port and put it into the intent; the flow waits for network and guest.

use super::guest::{self, Said};
use crate::{
    Compute,
    model::{
        Server,
        action::Action,
        vm::{VmIntent, VmObserved},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Error, PortId, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::{Snapshot, Tx};

const NETWORK: Duration = Duration::from_secs(60);

pub struct AttachInterface(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub port: PortId,
    pub generation: u64,
}

impl Flow for AttachInterface {
    const KIND: &'static str = "compute.attach_interface";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("plug", Self::plug).undo(Self::unplug).within(NETWORK * 2, NETWORK * 4)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        // A step that failed at its first try is not undone, but the request has bound the port already.
        take_port(tx, &state.server, &state.port);
        forget_port(&self.0, tx, &state.server, &state.port)?;
        state.action.finish(tx, None, Some(why), now)
    }
}

impl AttachInterface {
    async fn plug(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, id) = (self.0.clone(), state.server.clone());
        c.ports.wait_ready(std::slice::from_ref(&state.port), NETWORK).await?;
        let plugged = |seen: &VmObserved| !seen.state.is_on() || seen.ports.contains(&state.port);
        let host = guest::done(&cx, &id, state.generation, plugged).await?.host;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            c.ports.set_plugged(tx, &state.port, true)?;
            tx.update::<Server>(&state.server, |s| s.updated = now);
            state.action.finish(tx, Some(&host), None, now)
        }))
    }

    async fn unplug(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (id, port) = (state.server.clone(), state.port.clone());
        let taken = guest::fenced(&cx, "compute.guest.unplug_port", move |tx| Ok(take_port(tx, &id, &port)));
        if let Some(generation) = taken.await? {
            let look = |snapshot: &Snapshot| let_go(snapshot, &state.server, &state.port, generation);
            guest::wait(&cx, &state.server, look).await?;
        }
        Ok(Commit::nothing())
    }
}

/// Whether the guest is without a port, by the host's word on a generation.
pub(super) fn let_go(
    snapshot: &Snapshot,
    server: &ServerId,
    port: &PortId,
    generation: u64,
) -> Option<std::result::Result<(), StepError>> {
    match guest::said(snapshot, server, generation)? {
        Said::Done(seen) => (!seen.state.is_on() || !seen.ports.contains(port)).then_some(Ok(())),
        Said::Refused(why) => Some(Err(StepError::Retry(Error::unavailable(why)))),
    }
}

/// Takes a port out of the intent: the generation without it, `None` if the server has no intent.
pub(crate) fn take_port(tx: &mut Tx, server: &ServerId, port: &PortId) -> Option<u64> {
    let intent = tx.get::<VmIntent>(server)?;
    if !intent.ports.iter().any(|p| p.bound.port == *port) {
        return Some(intent.generation);
    }
    guest::change_intent(tx, server, |i| i.ports.retain(|p| p.bound.port != *port))
}

/// Gives the port back and forgets the interface.
pub(super) fn forget_port(c: &Compute, tx: &mut Tx, server: &ServerId, port: &PortId) -> Result<()> {
    c.ports.release(tx, server, Some(port))?;
    tx.update::<Server>(server, |s| s.nics.retain(|n| n.plan.port != *port));
    Ok(())
}
