use super::absent;
use crate::{
    Identity, Refusal,
    model::{Consumer, Extra},
    ops::{audit::Note, fields},
    policy::{Authorize, oauth1::UPDATE_CONSUMER},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn update(id: &Identity, cx: &Ctx, consumer_id: &str, update: Update) -> Result<Arc<Consumer>> {
    let permit = cx.authorize(&UPDATE_CONSUMER, &())?;
    if update.id.as_deref().is_some_and(|new| new != consumer_id) {
        return Err(Refusal::invalid("Cannot change consumer ID").into());
    }
    let (note, consumer_id) = (Note::of(cx), consumer_id.to_owned());
    id.write(permit, "identity.consumer.update", move |tx| {
        let old = tx.get::<Consumer>(&consumer_id).ok_or_else(absent)?;
        let mut new = Consumer::clone(&old);
        new.description = update.description.clone().unwrap_or(new.description);
        new.extra.extend(fields::kept(update.extra.clone()));
        note.updated(tx, "OS-OAUTH1:consumer", &consumer_id)?;
        Ok(tx.put(new))
    })
    .await
}
