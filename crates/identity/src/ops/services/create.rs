use crate::{
    Identity,
    model::{Extra, Service, catalog::ServiceId},
    ops::{audit::Note, fields},
    policy::{Authorize, catalog::CREATE_SERVICE},
};
use kernel::{Ctx, Result, ids::uuid_hex};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub name: String,
    #[serde(default = "fields::yes")]
    pub enabled: bool,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<Service>> {
    let permit = cx.authorize(&CREATE_SERVICE, &())?;
    let service = Service {
        id: ServiceId::from(uuid_hex().as_str()),
        kind: new.kind,
        name: new.name,
        enabled: new.enabled,
        extra: fields::kept(new.extra),
    };
    let note = Note::of(cx);
    id.write(permit, "identity.service.create", move |tx| {
        note.created(tx, "service", &service.id)?;
        tx.insert(service.clone())
    })
    .await
}
