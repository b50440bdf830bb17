use super::absent;
use crate::{
    Identity, Refusal,
    model::{AccessToken, Role, role},
    ops::on::On,
    policy::{
        Authorize,
        oauth1::{GET_ACCESS_TOKEN, GET_ACCESS_TOKEN_ROLE, LIST_ACCESS_TOKEN_ROLES},
    },
};
use ::policy::Rule;
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, user_id: &str, token_id: &str) -> Result<Arc<AccessToken>> {
    find(id, cx, &GET_ACCESS_TOKEN, user_id, token_id)
}

/// What the user lent.
pub fn roles(id: &Identity, cx: &Ctx, user_id: &str, token_id: &str) -> Result<Vec<Arc<Role>>> {
    let token = find(id, cx, &LIST_ACCESS_TOKEN_ROLES, user_id, token_id)?;
    let view = id.view();
    Ok(token.roles.iter().filter_map(|id| role::find(&view, id)).collect())
}

pub fn role(id: &Identity, cx: &Ctx, user_id: &str, token_id: &str, role_id: &str) -> Result<Arc<Role>> {
    let token = find(id, cx, &GET_ACCESS_TOKEN_ROLE, user_id, token_id)?;
    let lent = token.roles.iter().any(|lent| **lent == *role_id).then(|| role::find(&id.view(), role_id)).flatten();
    lent.ok_or_else(|| Refusal::not_found("role", role_id).into())
}

fn find(id: &Identity, cx: &Ctx, rule: &'static Rule, user_id: &str, token_id: &str) -> Result<Arc<AccessToken>> {
    let _ = cx.authorize(rule, &On::default().with("user_id", user_id))?;
    let found = id.view().get::<AccessToken>(token_id).filter(|token| *token.user == *user_id);
    found.ok_or_else(|| absent().into())
}
