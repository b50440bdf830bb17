use crate::{
    Identity, Refusal,
    model::{Role, role},
    ops::on::On,
    policy::{
        Authorize, Permit,
        roles::{GET_DOMAIN_ROLE, GET_ROLE},
    },
};
use kernel::{Ctx, Result};
use policy::Rule;
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, role_id: &str) -> Result<Arc<Role>> {
    permitted(id, cx, [&GET_ROLE, &GET_DOMAIN_ROLE], role_id).map(|(role, _)| role)
}

/// Asks the rule for global roles, or the one for domains' roles, as the role is. Keystone looks for a role before it asks:
/// 404 for whoever asks.
pub(super) fn permitted(
    id: &Identity,
    cx: &Ctx,
    rules: [&'static Rule; 2],
    role_id: &str,
) -> Result<(Arc<Role>, Permit)> {
    let role = role::find(&id.view(), role_id).ok_or_else(|| Refusal::not_found("role", role_id))?;
    let rule = rules[usize::from(role.domain.is_some())];
    let permit = cx.authorize(rule, &On::default().with("role_id", role_id).role(Some(&role)))?;
    Ok((role, permit))
}
