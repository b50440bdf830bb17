//! What was revoked, for services that check tokens without asking (Keystone's OS-REVOKE).

use crate::{
    Identity,
    model::Revocation,
    policy::{Authorize, tokens::LIST_REVOKE_EVENTS},
};
use kernel::{Ctx, Result, Timestamp};
use std::sync::Arc;

/// Those not older than `since`.
pub fn events(id: &Identity, cx: &Ctx, since: Option<Timestamp>) -> Result<Vec<Arc<Revocation>>> {
    let _ = cx.authorize(&LIST_REVOKE_EVENTS, &())?;
    let recent = |r: &Arc<Revocation>| since.is_none_or(|since| r.issued_before >= since);
    Ok(id.view().all::<Revocation>().filter(recent).collect())
}
