use super::absent;
use crate::{
    Identity,
    model::{
        AccessToken, Consumer, RequestToken,
        oauth1::{OF_CONSUMER, REQUESTS_OF},
    },
    ops::audit::Note,
    policy::{Authorize, oauth1::DELETE_CONSUMER},
};
use kernel::{Ctx, Result};

/// Tokens that one transaction removes. Whatever is left is void without its consumer, and removed by the next call or by age.
const BUDGET: usize = 1500;

/// Every access that it was given ends.
pub async fn delete(id: &Identity, cx: &Ctx, consumer_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_CONSUMER, &())?;
    let (note, consumer_id) = (Note::of(cx), consumer_id.to_owned());
    id.write(permit, "identity.consumer.delete", move |tx| {
        if tx.get::<Consumer>(&consumer_id).is_none() {
            return Err(absent().into());
        }
        for token in tx.by(OF_CONSUMER, &consumer_id).iter().take(BUDGET) {
            tx.delete::<AccessToken>(&token.id);
        }
        for token in tx.by(REQUESTS_OF, &consumer_id).iter().take(BUDGET / 4) {
            tx.delete::<RequestToken>(&token.id);
        }
        tx.delete::<Consumer>(&consumer_id);
        note.deleted(tx, "OS-OAUTH1:consumer", &consumer_id)
    })
    .await
}
