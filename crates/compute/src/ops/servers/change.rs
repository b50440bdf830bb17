//! One change of a guest in its place: the checks that all of them have, the intent, the flow.

use super::{find_in, in_state, on_host, unlocked};
use crate::{
    Compute, ComputeError,
    flows::{
        guest::change_intent,
        power::{Before, ChangePower, State},
    },
    model::{
        Server, ServerState, Task,
        action::{Action, Verb},
        vm::{Power, VmIntent},
    },
};
use flow::Start;
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Tx;

/// What is done, and what becomes of the server.
pub(super) struct Change {
    /// The name in refusals.
    pub(super) name: &'static str,
    pub(super) states: &'static [ServerState],
    pub(super) verb: Verb,
    pub(super) task: Task,
    pub(super) reach: ServerState,
    pub(super) restart: Restart,
    pub(super) failing: Failing,
}

/// Whether a guest that runs is made to start anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    No,
    /// The guest does it by itself, if it does.
    Soft,
    /// In the hardware of the intent.
    Hard,
}

/// What is left when the host cannot do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// The server as it was.
    Back,
    /// A server in ERROR, whose guest shall be as it was.
    Error,
    /// A server in ERROR; what it was is lost.
    Lost,
}

/// The server, if this may be done to it now.
pub(super) fn allowed(cx: &Ctx, tx: &mut Tx, server: &Server, change: &Change) -> Result<Arc<Server>> {
    let server = find_in(cx, tx, &server.id)?;
    unlocked(cx, &server)?;
    on_host(&server)?;
    in_state(&server, change.name, change.states)?;
    Ok(server)
}

/// What has been written down of a change.
pub(super) struct Begun {
    pub(super) action: Action,
    pub(super) generation: u64,
    reboots: u64,
    before: Before,
}

/// Writes what the guest shall be, and starts the flow that waits until it is. To be called after [`allowed`].
pub(super) fn begin(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    server: &Server,
    change: &Change,
    edit: impl FnOnce(&mut VmIntent),
) -> Result<()> {
    let Begun { action, generation, reboots, before } = write(cx, tx, server, change, edit)?;
    let before = Some(before).filter(|_| change.failing != Failing::Lost);
    let (reach, vital) = (change.reach, change.failing != Failing::Back);
    let state = State { server: server.id.clone(), action, generation, reboots, reach, before, vital };
    let (object, now) = (Server::flow_object(&server.id), cx.now());
    c.starter.start(tx, Start::<ChangePower> { object, state, request_id: &cx.request_id, now }).map(|_| ())
}

/// The same for whoever starts another flow.
pub(super) fn write(
    cx: &Ctx,
    tx: &mut Tx,
    server: &Server,
    change: &Change,
    edit: impl FnOnce(&mut VmIntent),
) -> Result<Begun> {
    let not_ready = || ComputeError::NotReady(server.id.clone());
    let intent = tx.get::<VmIntent>(&server.id).filter(|i| i.power != Power::Absent).ok_or_else(not_ready)?;
    let before = Before::of(&intent);
    let reboots = server.reboots + u64::from(change.restart != Restart::No);
    let generation = change_intent(tx, &server.id, |intent| {
        intent.reboots = reboots;
        intent.reboot_hard = change.restart == Restart::Hard;
        edit(intent);
    });
    let generation = generation.ok_or_else(not_ready)?;
    tx.update::<Server>(&server.id, |s| {
        (s.task, s.reboots, s.updated) = (Some(change.task), reboots, cx.now());
    });
    let action = Action::asked(cx, &server.id, &server.project, change.verb);
    action.begin(tx)?;
    Ok(Begun { action, generation, reboots, before })
}
