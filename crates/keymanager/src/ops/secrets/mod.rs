//! Secrets.

pub(crate) mod consumers;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod metadata;
pub(crate) mod payload;

use crate::{
    KeyManager,
    model::Secret,
    policy,
    service::{QUOTAS, authorize_secret},
};
use kernel::{Ctx, Result, Timestamp};
use std::sync::Arc;
use store::Tx;

/// Bytes of a payload, as Barbican limits it.
pub(crate) const MOST: usize = 20_000;

pub(crate) fn show(service: &KeyManager, cx: &Ctx, id: &str) -> Result<Arc<Secret>> {
    let found = service.secret(cx, id)?;
    let _read = authorize_secret(cx, &policy::SECRET_GET, "Secret retrieval", &found)?;
    Ok(found)
}

/// Removes a secret and what it counts for; nothing if it is gone.
pub(crate) fn remove(tx: &mut Tx, id: &str) {
    let Some(secret) = tx.get::<Secret>(id) else { return };
    let consumers = i64::try_from(secret.consumers.len()).unwrap_or(0);
    QUOTAS.release(tx, &secret.project, &[("secrets", 1), ("consumers", consumers)]);
    tx.delete::<Secret>(id);
}

/// Changes a secret that is still there.
pub(crate) fn change(tx: &mut Tx, id: &str, now: Timestamp, edit: impl FnOnce(&mut Secret)) -> Result<Arc<Secret>> {
    let changed = tx.update::<Secret>(id, |secret| {
        edit(secret);
        secret.updated_at = now;
    });
    changed.ok_or_else(crate::error::no_secret)
}
