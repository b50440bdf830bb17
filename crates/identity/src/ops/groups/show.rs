use crate::{
    Identity, Refusal,
    model::{Group, group},
    ops::on::On,
    policy::{Authorize, groups::GET_GROUP},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, group_id: &str) -> Result<Arc<Group>> {
    let group = group::find(&id.view(), group_id);
    let _ = cx.authorize(&GET_GROUP, &On::default().with("group_id", group_id).group(group.as_deref()))?;
    group.ok_or_else(|| Refusal::not_found("group", group_id).into())
}
