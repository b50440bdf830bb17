use super::create::{settle_references, valid_url};
use crate::{
    Identity, Refusal,
    model::{Endpoint, Extra, Interface, catalog::ServiceId},
    ops::{audit::Note, fields},
    policy::{Authorize, catalog::UPDATE_ENDPOINT},
};
use kernel::{Ctx, RegionId, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub interface: Option<Interface>,
    pub service_id: Option<ServiceId>,
    pub url: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub region_id: Option<Option<RegionId>>,
    pub region: Option<RegionId>,
    pub enabled: Option<bool>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn update(id: &Identity, cx: &Ctx, endpoint_id: &str, update: Update) -> Result<Arc<Endpoint>> {
    let permit = cx.authorize(&UPDATE_ENDPOINT, &())?;
    if update.id.as_deref().is_some_and(|new| new != endpoint_id) {
        return Err(Refusal::invalid("Cannot change ID").into());
    }
    if let Some(url) = &update.url {
        valid_url(url)?;
    }
    let (note, endpoint_id) = (Note::of(cx), endpoint_id.to_owned());
    id.write(permit, "identity.endpoint.update", move |tx| {
        let old = tx.get::<Endpoint>(&endpoint_id);
        let old = old.ok_or_else(|| Refusal::not_found("endpoint", endpoint_id.as_str()))?;
        let mut new = Endpoint { managed: false, ..Endpoint::clone(&old) };
        new.interface = update.interface.unwrap_or(new.interface);
        new.service = update.service_id.clone().unwrap_or(new.service);
        new.url = update.url.clone().unwrap_or(new.url);
        new.enabled = update.enabled.unwrap_or(new.enabled);
        match (&update.region_id, &update.region) {
            (Some(region), _) => new.region.clone_from(region),
            (None, Some(region)) => new.region = Some(region.clone()),
            (None, None) => {}
        }
        new.extra.extend(fields::kept(update.extra.clone()));
        settle_references(tx, &new, update.region_id.is_none())?;
        note.updated(tx, "endpoint", &new.id)?;
        Ok(tx.put(new))
    })
    .await
}
