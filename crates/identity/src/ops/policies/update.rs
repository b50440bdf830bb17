use crate::{
    Identity, Refusal,
    model::{Extra, Policy},
    ops::{audit::Note, fields, found::found_in},
    policy::{Authorize, policies::UPDATE_POLICY},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub blob: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn update(id: &Identity, cx: &Ctx, policy_id: &str, update: Update) -> Result<Arc<Policy>> {
    let permit = cx.authorize(&UPDATE_POLICY, &())?;
    if update.id.as_deref().is_some_and(|new| new != policy_id) {
        return Err(Refusal::invalid("Cannot change policy ID").into());
    }
    let (note, policy_id) = (Note::of(cx), policy_id.to_owned());
    id.write(permit, "identity.policy.update", move |tx| {
        let mut new = Policy::clone(&*found_in::<Policy>(tx, "policy", &policy_id)?);
        new.blob = update.blob.clone().unwrap_or(new.blob);
        new.kind = update.kind.clone().unwrap_or(new.kind);
        new.extra.extend(fields::kept(update.extra.clone()));
        note.updated(tx, "policy", &policy_id)?;
        Ok(tx.put(new))
    })
    .await
}
