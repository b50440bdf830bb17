use super::{
    name, parent,
    schema::{CREATE, CREATE_14},
};
use crate::{
    Content, Placement, PlacementError,
    model::{Provider, ProviderId},
    policy::PROVIDERS_CREATE,
};
use kernel::{Ctx, Result};
use policy::Authorize;
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Deserialize)]
struct Asked {
    name: String,
    uuid: Option<String>,
    parent_provider_uuid: Option<ProviderId>,
}

pub(crate) async fn create(p: &Placement, cx: &Ctx, content: Content) -> Result<Arc<Provider>> {
    let permit = cx.authorize(&PROVIDERS_CREATE, &())?;
    let asked: Asked = content.read(if cx.version.since(1, 14) { &CREATE_14 } else { &CREATE })?;
    let id = match &asked.uuid {
        // Other spellings of a UUID are brought into the usual one.
        Some(text) => ProviderId::from(uuid::Uuid::parse_str(text).map_or_else(|_| text.clone(), |id| id.to_string())),
        None => ProviderId::new(),
    };
    let now = cx.now();
    let make = move |tx: &mut Tx| made(tx, &asked, Provider::new(id.clone(), asked.name.clone(), now));
    p.write(permit, "placement.provider.create", make).await
}

fn made(tx: &mut Tx, asked: &Asked, mut new: Provider) -> Result<Arc<Provider>> {
    let impossible = |reason: &str| {
        PlacementError::Bad(format!(
            "Unable to create resource provider \"{}\", {}: Object action create failed because: {reason}",
            new.name, new.id
        ))
    };
    if new.name.is_empty() {
        return Err(impossible("name is required").into());
    }
    if asked.parent_provider_uuid.as_ref() == Some(&new.id) {
        let reason = "parent provider UUID cannot be same as UUID. Please set parent provider UUID to None if there is no parent.";
        return Err(impossible(reason).into());
    }
    if let Some(above) = &asked.parent_provider_uuid {
        parent::hold(tx, above).map_err(|reason| impossible(&reason))?;
    }
    let mut twice = Vec::new();
    if tx.get::<Provider>(&new.id).is_some() {
        twice.push(format!("uuid: {}", new.id));
    }
    if !name::take(tx, &new.name, &new.id) {
        twice.push(format!("name: {}", new.name));
    }
    if !twice.is_empty() {
        return Err(PlacementError::Duplicate(twice.join(", ")).into());
    }
    new.parent.clone_from(&asked.parent_provider_uuid);
    Ok(tx.put(new))
}
