use crate::{
    Identity, Refusal,
    model::{Extra, Service},
    ops::{audit::Note, fields},
    policy::{Authorize, catalog::UPDATE_SERVICE},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub name: Option<String>,
    pub enabled: Option<bool>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn update(id: &Identity, cx: &Ctx, service_id: &str, update: Update) -> Result<Arc<Service>> {
    let permit = cx.authorize(&UPDATE_SERVICE, &())?;
    if update.id.as_deref().is_some_and(|new| new != service_id) {
        return Err(Refusal::invalid("Cannot change ID").into());
    }
    let (note, service_id) = (Note::of(cx), service_id.to_owned());
    id.write(permit, "identity.service.update", move |tx| {
        let old = tx.get::<Service>(&service_id).ok_or_else(|| Refusal::not_found("service", service_id.as_str()))?;
        let mut new = Service::clone(&old);
        new.kind = update.kind.clone().unwrap_or(new.kind);
        new.name = update.name.clone().unwrap_or(new.name);
        new.enabled = update.enabled.unwrap_or(new.enabled);
        new.extra.extend(fields::kept(update.extra.clone()));
        note.updated(tx, "service", &new.id)?;
        Ok(tx.put(new))
    })
    .await
}
