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

/// Asks the rule for global roles, or the one for domains' roles, as the role is; what is not there counts as global.
pub(super) fn permitted(
    id: &Identity,
    cx: &Ctx,
    rules: [&'static Rule; 2],
    role_id: &str,
) -> Result<(Arc<Role>, Permit)> {
    let found = role::find(&id.view(), role_id);
    let of_domain = found.as_ref().is_some_and(|r| r.domain.is_some());
    let on = On::default().with("role_id", role_id).role(found.as_deref().filter(|_| of_domain));
    let permit = cx.authorize(rules[usize::from(of_domain)], &on)?;
    let role = found.ok_or_else(|| Refusal::not_found("role", role_id))?;
    Ok((role, permit))
}
