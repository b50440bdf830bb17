use crate::{
    Identity,
    model::{Consumer, Extra, oauth1::ConsumerId},
    ops::{audit::Note, fields, oauth1::seal},
    policy::{Authorize, oauth1::CREATE_CONSUMER},
};
use kernel::{Ctx, Result, ids::uuid_hex};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    pub description: Option<String>,
    #[serde(flatten)]
    pub extra: Extra,
}

/// The consumer, and its secret, which is seen here and never again.
pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<(Arc<Consumer>, String)> {
    let permit = cx.authorize(&CREATE_CONSUMER, &())?;
    let secret = uuid_hex().to_string();
    let mut extra = fields::kept(new.extra);
    extra.remove("secret");
    let consumer = Consumer {
        id: ConsumerId::from(uuid_hex().as_str()),
        description: new.description,
        secret: seal(id, &secret)?,
        extra,
    };
    let note = Note::of(cx);
    let written = id.write(permit, "identity.consumer.create", move |tx| {
        note.created(tx, "OS-OAUTH1:consumer", &consumer.id)?;
        tx.insert(consumer.clone())
    });
    Ok((written.await?, secret))
}
