use super::{Target, find_in, in_state, permitted, unlocked};
use crate::{
    Compute,
    flows::delete::{DeleteServer, State},
    model::{
        Server, ServerState, Task,
        action::{Action, Verb},
    },
    policy::SERVERS_DELETE,
};
use flow::{FlowRecord, Start};
use kernel::{Ctx, Result};
use store::Tx;

/// Begins to delete a server, whatever it is doing: every other flow of it is cancelled, and the delete flow waits until
/// they have undone themselves. Deleting what is being deleted already is fine.
pub(crate) async fn delete(c: &Compute, cx: &Ctx, id: &str) -> Result<()> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &SERVERS_DELETE)?;
    let (c, cx) = (c.clone(), cx.clone());
    c.store.clone().transact("compute.server.delete", move |tx| mark(&c, &cx, tx, &server, Verb::Delete)).await
}

/// The same: deleting is not put off (Nova's `reclaim_instance_interval` is 0), so there is nothing to force.
pub(crate) async fn force_delete(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (c, cx, server) = (c.clone(), cx.clone(), server.server());
    c.store.clone().transact("compute.server.delete", move |tx| mark(&c, &cx, tx, &server, Verb::ForceDelete)).await
}

/// Only a server whose deletion was put off could be restored.
pub(crate) fn restore(server: &Target) -> Result<()> {
    in_state(server, "restore", &[ServerState::SoftDeleted])
}

fn mark(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, verb: Verb) -> Result<()> {
    let server = find_in(cx, tx, &server.id)?;
    unlocked(cx, &server)?;
    if server.is_deleting() {
        return Ok(());
    }
    let object = Server::flow_object(&server.id);
    for running in tx.by(FlowRecord::BY_OBJECT, &object) {
        flow::cancel(tx, &running.id);
    }
    let now = cx.now();
    tx.update::<Server>(&server.id, |s| (s.task, s.updated) = (Some(Task::Deleting), now));
    let action = Action::asked(cx, &server.id, &server.project, verb);
    action.begin(tx)?;
    let state = State { server: server.id.clone(), action };
    let begin = Start::<DeleteServer> { object, state, request_id: &cx.request_id, now };
    c.starter.start(tx, begin).map(|_| ())
}
