use super::{Full, find, not_lent};
use crate::{
    Identity, Refusal,
    model::{Fields, Role},
    ops::on::On,
    policy::{
        Authorize,
        trusts::{GET_ROLE_FOR_TRUST, GET_TRUST, LIST_ROLES_FOR_TRUST},
    },
};
use ::policy::Rule;
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, trust_id: &str) -> Result<Full> {
    look(id, cx, &GET_TRUST, trust_id)
}

pub fn roles(id: &Identity, cx: &Ctx, trust_id: &str) -> Result<Full> {
    look(id, cx, &LIST_ROLES_FOR_TRUST, trust_id)
}

/// One role that it delegates.
pub fn role(id: &Identity, cx: &Ctx, trust_id: &str, role_id: &str) -> Result<Arc<Role>> {
    let full = look(id, cx, &GET_ROLE_FOR_TRUST, trust_id)?;
    let found = full.roles.into_iter().find(|role| *role.id == *role_id);
    found.ok_or_else(|| Refusal::not_found("role", role_id).into())
}

fn look(id: &Identity, cx: &Ctx, rule: &'static Rule, trust_id: &str) -> Result<Full> {
    let view = id.view();
    let trust = find(&view, trust_id, id.now())?;
    let _ = cx.authorize(rule, &On::default().object("trust", Some(&*trust as &dyn Fields)))?;
    not_lent(cx)?;
    Ok(Full::of(&view, trust))
}
