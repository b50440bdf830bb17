use super::{claim, settle, unused};
use crate::{
    Identity,
    model::{RegisteredLimit, catalog::ServiceId},
    ops::{audit::Note, fields},
    policy::{Authorize, limits::UPDATE_REGISTERED_LIMIT},
};
use kernel::{Ctx, RegionId, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub service_id: Option<ServiceId>,
    #[serde(default, deserialize_with = "fields::given")]
    pub region_id: Option<Option<RegionId>>,
    pub resource_name: Option<String>,
    pub default_limit: Option<i64>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
}

/// Refused while limits rest on it.
pub async fn update(id: &Identity, cx: &Ctx, limit_id: &str, update: Update) -> Result<Arc<RegisteredLimit>> {
    let permit = cx.authorize(&UPDATE_REGISTERED_LIMIT, &())?;
    let (note, limit_id) = (Note::of(cx), limit_id.to_owned());
    id.write(permit, "identity.registered_limit.update", move |tx| {
        let old = unused(tx, &limit_id)?;
        let mut new = old.clone();
        new.resource.service = update.service_id.clone().unwrap_or(new.resource.service);
        new.resource.region = update.region_id.clone().unwrap_or(new.resource.region);
        new.resource.name = update.resource_name.clone().unwrap_or(new.resource.name);
        new.default = update.default_limit.unwrap_or(new.default);
        new.description = update.description.clone().unwrap_or(new.description);
        if new.resource != old.resource {
            settle(tx, &new.resource)?;
            claim(tx, &new)?;
            tx.release_unique(RegisteredLimit::NAMES, &old.resource.key(), &old.id);
        }
        note.updated(tx, "registered_limit", &limit_id)?;
        Ok(tx.put(new))
    })
    .await
}
