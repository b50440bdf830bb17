use super::Pair;
use crate::{
    Identity, Refusal,
    model::Membership,
    ops::on::On,
    policy::{Authorize, groups::CHECK_USER_IN_GROUP},
};
use kernel::{Ctx, Result};

pub fn check(id: &Identity, cx: &Ctx, group_id: &str, user_id: &str) -> Result<()> {
    let pair = Pair::find(id, group_id, user_id);
    let on = On::default().group(pair.group.as_deref()).user(pair.user.as_deref());
    let _ = cx.authorize(&CHECK_USER_IN_GROUP, &on)?;
    pair.both(group_id, user_id)?;
    if pair.view.contains::<Membership>(&Membership::id(group_id, user_id)) {
        return Ok(());
    }
    Err(Refusal::Absent(format!("User '{user_id}' not found in group '{group_id}'")).into())
}
