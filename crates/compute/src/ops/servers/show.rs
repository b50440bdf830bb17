use super::permitted;
use crate::{Compute, model::Server, policy::SERVERS_SHOW};
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Snapshot;

/// A server, and the state of everything it was read from.
pub(crate) async fn show(c: &Compute, cx: &Ctx, id: &str) -> Result<(Arc<Server>, Snapshot)> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, id, &SERVERS_SHOW)?;
    Ok((server, snapshot))
}
