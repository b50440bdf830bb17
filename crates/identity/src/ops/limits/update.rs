use super::{absent, fits};
use crate::{
    Identity, Refusal,
    model::Limit,
    ops::{audit::Note, fields},
    policy::{Authorize, limits::UPDATE_LIMIT},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub resource_limit: Option<i64>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
}

/// Only how much it is, and why, can change.
pub async fn update(id: &Identity, cx: &Ctx, limit_id: &str, update: Update) -> Result<Arc<Limit>> {
    let permit = cx.authorize(&UPDATE_LIMIT, &())?;
    if update.id.as_deref().is_some_and(|new| new != limit_id) {
        return Err(Refusal::invalid("Cannot change limit ID").into());
    }
    let (note, model, limit_id) = (Note::of(cx), id.config().limit_model, limit_id.to_owned());
    id.write(permit, "identity.limit.update", move |tx| {
        let old = tx.get::<Limit>(&limit_id).ok_or_else(|| absent(&limit_id))?;
        let value = update.resource_limit.unwrap_or(old.value);
        let description = update.description.clone().unwrap_or_else(|| old.description.clone());
        let new = Limit { value, description, ..Limit::clone(&old) };
        fits(model, tx.view(), &new)?;
        note.updated(tx, "limit", &limit_id)?;
        Ok(tx.put(new))
    })
    .await
}
