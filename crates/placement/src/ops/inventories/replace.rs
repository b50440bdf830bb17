use super::{
    Asked,
    asked::{CHANGED, unable},
    schema::REPLACE,
};
use crate::{
    Content, Placement, PlacementError,
    model::{Inventory, Provider},
    ops::{names, providers},
    policy::INVENTORIES_UPDATE,
};
use kernel::{Ctx, Microversion, Result, Timestamp};
use policy::Authorize;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

#[derive(Clone, Deserialize)]
struct All {
    resource_provider_generation: i64,
    inventories: BTreeMap<String, Asked>,
}

/// Writes all inventories of a provider in place of those it had.
pub(crate) async fn replace(p: &Placement, cx: &Ctx, id: &str, content: Content) -> Result<Arc<Provider>> {
    let permit = cx.authorize(&INVENTORIES_UPDATE, &())?;
    let content = content.supported()?;
    providers::find(&p.store.snapshot(), id)?;
    let all: All = content.read(&REPLACE)?;
    let (id, version, now) = (id.to_owned(), cx.version, cx.now());
    p.write(permit, "placement.inventory.replace", move |tx| written(tx, &id, &all, version, now)).await
}

fn written(tx: &mut Tx, id: &str, all: &All, version: Microversion, now: Timestamp) -> Result<Arc<Provider>> {
    providers::at_generation(tx, id, all.resource_provider_generation, CHANGED)?;
    let usable = |(class, asked): (&String, &Asked)| Ok((class.clone(), asked.usable(class, id, version)?));
    let inventories: Result<_, String> = all.inventories.iter().map(usable).collect();
    let inventories = inventories.map_err(|why| unable("update", id, why))?;
    let unknown =
        |why| PlacementError::Bad(format!("Unknown resource class in inventory for resource provider {id}: {why}"));
    replaced(tx, id, inventories, now, unknown)
}

/// The same within any transaction; `unknown` words the refusal of a class that is not there.
pub(crate) fn replaced(
    tx: &mut Tx,
    id: &str,
    inventories: BTreeMap<String, Inventory>,
    now: Timestamp,
    unknown: impl Fn(PlacementError) -> PlacementError,
) -> Result<Arc<Provider>> {
    let mut provider = Provider::clone(&*providers::found(tx, id)?);
    for class in inventories.keys() {
        names::use_class(tx, class).map_err(&unknown)?;
    }
    let gone = provider.inventories.keys().filter(|class| !inventories.contains_key(*class));
    let in_use: Vec<_> = gone.filter(|class| provider.used(class) > 0).map(String::as_str).collect();
    if !in_use.is_empty() {
        let text =
            format!("update conflict: Inventory for '{}' on resource provider '{id}' in use.", in_use.join(", "));
        return Err(PlacementError::InventoryInUse(text).into());
    }
    provider.inventories = inventories;
    provider.raise(now);
    Ok(tx.put(provider))
}
