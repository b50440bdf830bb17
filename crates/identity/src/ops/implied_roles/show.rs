use super::permitted;
use crate::{
    Identity, Refusal,
    model::Role,
    policy::roles::{CHECK_IMPLIED_ROLE, GET_IMPLIED_ROLE},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, prior: &str, implied: &str) -> Result<(Arc<Role>, Arc<Role>)> {
    let (prior, implied, _) = permitted(id, cx, &GET_IMPLIED_ROLE, prior, implied)?;
    if prior.implies.contains(&implied.id) {
        return Ok((prior, implied));
    }
    Err(Refusal::NotImplied { prior: prior.id.to_string(), implied: implied.id.to_string() }.into())
}

/// HEAD has a rule of its own, and that for GET on top (as in Keystone).
pub fn check(id: &Identity, cx: &Ctx, prior: &str, implied: &str) -> Result<()> {
    let _ = permitted(id, cx, &CHECK_IMPLIED_ROLE, prior, implied)?;
    show(id, cx, prior, implied).map(drop)
}
