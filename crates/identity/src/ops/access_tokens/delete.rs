use super::absent;
use crate::{
    Identity, Refusal,
    model::AccessToken,
    ops::audit::Note,
    policy::{Authorize, oauth1::DELETE_ACCESS_TOKEN},
};
use kernel::{Ctx, Result};

/// Every token that was got by it ends at once.
pub async fn delete(id: &Identity, cx: &Ctx, user_id: &str, token_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_ACCESS_TOKEN, &())?;
    let (note, user_id, token_id) = (Note::of(cx), user_id.to_owned(), token_id.to_owned());
    id.write(permit, "identity.access_token.delete", move |tx| {
        let token = tx.get::<AccessToken>(&token_id).ok_or_else(absent)?;
        if *token.user != *user_id {
            return Err(Refusal::Unauthorized("the access token is of another user").into());
        }
        tx.delete::<AccessToken>(&token_id);
        note.deleted(tx, "OS-OAUTH1:access_token", &token_id)
    })
    .await
}
