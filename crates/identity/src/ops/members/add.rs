use super::Pair;
use crate::{
    Identity, Refusal,
    model::{Group, Membership, User},
    ops::{audit::Note, on::On},
    policy::{Authorize, groups::ADD_USER_TO_GROUP},
};
use kernel::{Ctx, Result};

pub async fn add(id: &Identity, cx: &Ctx, group_id: &str, user_id: &str) -> Result<()> {
    let pair = Pair::find(id, group_id, user_id);
    let permit =
        cx.authorize(&ADD_USER_TO_GROUP, &On::default().group(pair.group.as_deref()).user(pair.user.as_deref()))?;
    let (group, user) = pair.both(group_id, user_id)?;
    let note = Note::of(cx);
    id.write(permit, "identity.member.add", move |tx| {
        if tx.get::<Group>(&group.id).is_none_or(|g| g.deleting) {
            return Err(Refusal::not_found("group", group.id.as_str()).into());
        }
        if tx.get::<User>(&user.id).is_none_or(|u| u.deleting) {
            return Err(Refusal::not_found("user", user.id.as_str()).into());
        }
        tx.put(Membership { group: group.id.clone(), user: user.id.clone() });
        note.updated(tx, "group", &group.id)
    })
    .await
}
