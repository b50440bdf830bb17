use super::STATES;
use crate::{
    Compute, ComputeError,
    flows::{
        attach_interface::take_port,
        detach_interface::{DetachInterface, State},
    },
    model::{
        Server,
        action::{Action, Verb},
        vm::VmIntent,
    },
    ops::servers::{find_in, in_state, permitted, unlocked},
    policy::INTERFACES_DELETE,
};
use flow::Start;
use kernel::{Ctx, PortId, Result};
use store::Tx;

/// Takes the port out of what the guest shall have, and starts the flow that waits until the guest is without it.
pub(crate) async fn detach(c: &Compute, cx: &Ctx, server: &str, port: PortId) -> Result<()> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, server, &INTERFACES_DELETE)?;
    let (c, cx) = (c.clone(), cx.clone());
    c.store.clone().transact("compute.interface.detach", move |tx| begin(&c, &cx, tx, &server, &port)).await
}

fn begin(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, port: &PortId) -> Result<()> {
    let server = find_in(cx, tx, &server.id)?;
    unlocked(cx, &server)?;
    in_state(&server, "detach_interface", STATES)?;
    if !server.nics.iter().any(|n| n.plan.port == *port) {
        return Err(ComputeError::NoInterface(port.to_string(), server.id.clone()).into());
    }
    let in_guest = |i: &VmIntent| i.ports.iter().find(|p| p.bound.port == *port).cloned();
    let plugged = tx.get::<VmIntent>(&server.id).and_then(|i| in_guest(&i));
    let generation = take_port(tx, &server.id, port).unwrap_or(server.generation);
    let now = cx.now();
    tx.update::<Server>(&server.id, |s| s.updated = now);
    let action = Action::asked(cx, &server.id, &server.project, Verb::DetachInterface);
    action.begin(tx)?;
    let state = State { server: server.id.clone(), action, port: port.clone(), generation, plugged };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<DetachInterface> { object, state, request_id: &cx.request_id, now }).map(|_| ())
}
