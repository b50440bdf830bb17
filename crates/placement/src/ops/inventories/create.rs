use super::{
    Asked,
    asked::{CHANGED, unable},
    schema::CREATE,
};
use crate::{
    Content, Placement, PlacementError,
    model::Provider,
    ops::{names, providers},
    policy::INVENTORIES_CREATE,
};
use kernel::{Ctx, Microversion, Result, Timestamp};
use policy::Authorize;
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Deserialize)]
struct New {
    resource_class: String,
    #[serde(flatten)]
    asked: Asked,
}

/// The provider with its new inventory, and of which class that is.
pub(crate) async fn create(p: &Placement, cx: &Ctx, id: &str, content: Content) -> Result<(Arc<Provider>, String)> {
    let permit = cx.authorize(&INVENTORIES_CREATE, &())?;
    let content = content.supported()?;
    providers::find(&p.store.snapshot(), id)?;
    let new: New = content.read(&CREATE)?;
    let (id, version, now, class) = (id.to_owned(), cx.version, cx.now(), new.resource_class.clone());
    let written = p.write(permit, "placement.inventory.create", move |tx| created(tx, &id, &new, version, now)).await?;
    Ok((written, class))
}

fn created(tx: &mut Tx, id: &str, new: &New, version: Microversion, now: Timestamp) -> Result<Arc<Provider>> {
    let class = &new.resource_class;
    let before = match new.asked.resource_provider_generation {
        Some(generation) => providers::at_generation(tx, id, generation, CHANGED)?,
        None => providers::found(tx, id)?,
    };
    let inventory = new.asked.usable(class, id, version).map_err(|why| unable("create", id, why))?;
    names::use_class(tx, class).map_err(|why| unable("create", id, why))?;
    if before.inventories.contains_key(class) {
        let text = format!("Update conflict: resource provider {id} has an inventory of class {class} already");
        return Err(PlacementError::Changed(text).into());
    }
    let mut provider = Provider::clone(&before);
    provider.inventories.insert(class.clone(), inventory);
    provider.raise(now);
    Ok(tx.put(provider))
}
