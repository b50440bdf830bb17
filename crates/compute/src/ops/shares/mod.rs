//! Shares in guests: there is no share service in this cloud, so that no share is ever found.

use super::servers::permitted;
use crate::{
    Compute, ComputeError,
    model::ServerState,
    policy::{SHARES_CREATE, SHARES_DELETE, SHARES_INDEX, SHARES_SHOW},
};
use kernel::{Ctx, Result};
use std::convert::Infallible;

/// What a share is looked for to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Show,
    Attach,
    Detach,
}

pub(crate) async fn list(c: &Compute, cx: &Ctx, server: &str) -> Result<()> {
    permitted(cx, &c.store.read().await?, server, &SHARES_INDEX).map(drop)
}

/// Says who may look for a share and in which state of the server, and then that it is not there.
pub(crate) async fn find(c: &Compute, cx: &Ctx, server: &str, share: &str, what: Sharing) -> Result<Infallible> {
    let (rule, name, states): (_, _, &[ServerState]) = match what {
        Sharing::Show => (&SHARES_SHOW, "", &[]),
        Sharing::Attach => (&SHARES_CREATE, "create share", &[ServerState::Stopped]),
        Sharing::Detach => (&SHARES_DELETE, "delete share", &[ServerState::Stopped, ServerState::Error]),
    };
    let (server, _permit) = permitted(cx, &c.store.read().await?, server, rule)?;
    if !states.is_empty() {
        super::servers::in_state(&server, name, states)?;
    }
    Err(ComputeError::NoShare(share.into()).into())
}
