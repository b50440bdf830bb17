use super::{find_in, idle, permitted};
use crate::{
    Compute,
    model::{Server, ServerState},
    policy::RESET_STATE,
};
use kernel::{Ctx, Result};

/// Sets a server's state by hand: to ACTIVE or ERROR. While a flow is at it, it would only be overwritten, or contradict
/// what the flow does; then it is refused.
pub(crate) async fn reset_state(c: &Compute, cx: &Ctx, id: &str, state: ServerState) -> Result<()> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &RESET_STATE)?;
    let cx = cx.clone();
    let reset = c.store.transact("compute.server.reset_state", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        idle(&server, "resetState")?;
        let now = cx.now();
        tx.update::<Server>(&server.id, |s| (s.state, s.updated) = (state, now));
        Ok(())
    });
    reset.await
}
