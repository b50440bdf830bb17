use super::Pair;
use crate::{
    Identity, Refusal,
    model::Membership,
    ops::{audit::Note, on::On},
    policy::{Authorize, groups::REMOVE_USER_FROM_GROUP},
};
use kernel::{Ctx, Result};

pub async fn remove(id: &Identity, cx: &Ctx, group_id: &str, user_id: &str) -> Result<()> {
    let pair = Pair::find(id, group_id, user_id);
    let on = On::default().group(pair.group.as_deref()).user(pair.user.as_deref());
    let permit = cx.authorize(&REMOVE_USER_FROM_GROUP, &on)?;
    let (group, user) = pair.both(group_id, user_id)?;
    let note = Note::of(cx);
    id.write(permit, "identity.member.remove", move |tx| {
        if !tx.delete::<Membership>(&Membership::id(&group.id, &user.id)) {
            let text = format!("User '{}' not found in group '{}'", user.id, group.id);
            return Err(Refusal::Absent(text).into());
        }
        note.updated(tx, "group", &group.id)
    })
    .await
}
