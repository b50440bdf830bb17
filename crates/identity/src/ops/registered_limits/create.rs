use super::{claim, settle};
use crate::{
    Identity,
    model::{
        RegisteredLimit,
        catalog::ServiceId,
        limit::{RegisteredLimitId, Resource},
    },
    ops::audit::Note,
    policy::{Authorize, limits::CREATE_REGISTERED_LIMITS},
};
use kernel::{Ctx, RegionId, Result, ids::uuid_hex};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    pub service_id: ServiceId,
    pub region_id: Option<RegionId>,
    pub resource_name: String,
    pub default_limit: i64,
    pub description: Option<String>,
}

/// All of them, or none.
pub async fn create(id: &Identity, cx: &Ctx, new: Vec<New>) -> Result<Vec<Arc<RegisteredLimit>>> {
    let permit = cx.authorize(&CREATE_REGISTERED_LIMITS, &())?;
    let limits: Vec<_> = new.into_iter().map(New::limit).collect();
    let note = Note::of(cx);
    id.write(permit, "identity.registered_limit.create", move |tx| {
        let insert = |limit: &RegisteredLimit| {
            settle(tx, &limit.resource)?;
            claim(tx, limit)?;
            note.created(tx, "registered_limit", &limit.id)?;
            tx.insert(limit.clone())
        };
        limits.iter().map(insert).collect()
    })
    .await
}

impl New {
    fn limit(self) -> RegisteredLimit {
        RegisteredLimit {
            id: RegisteredLimitId::from(uuid_hex().as_str()),
            resource: Resource { service: self.service_id, region: self.region_id, name: self.resource_name },
            default: self.default_limit,
            description: self.description,
        }
    }
}
