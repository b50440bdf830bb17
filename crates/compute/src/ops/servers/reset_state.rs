use super::{Target, find_in, idle};
use crate::{
    Compute,
    model::{
        Server, ServerState,
        action::{Action, Verb},
    },
};
use kernel::{Ctx, Result};

/// Sets a server's state by hand: to ACTIVE or ERROR. While a flow is at it, it would only be overwritten, or contradict
/// what the flow does; then it is refused.
pub(crate) async fn reset_state(c: &Compute, cx: &Ctx, server: &Target, state: ServerState) -> Result<()> {
    let (cx, server) = (cx.clone(), server.server());
    let reset = c.store.transact("compute.server.reset_state", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        idle(&server, "resetState")?;
        let now = cx.now();
        tx.update::<Server>(&server.id, |s| (s.state, s.updated) = (state, now));
        let action = Action::asked(&cx, &server.id, &server.project, Verb::ResetState);
        action.finish(tx, server.host.as_ref(), None, now)
    });
    reset.await
}
