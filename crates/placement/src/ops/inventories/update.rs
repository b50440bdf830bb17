use super::{
    Asked,
    asked::{CHANGED, unable},
    schema::UPDATE,
};
use crate::{Content, Placement, PlacementError, model::Provider, ops::providers, policy::INVENTORIES_UPDATE};
use kernel::{Ctx, Microversion, Result, Timestamp};
use policy::Authorize;
use std::sync::Arc;
use store::Tx;

/// Writes one inventory that is there already. Less than what is allocated may be left: nothing more is allocated then.
pub(crate) async fn update(p: &Placement, cx: &Ctx, id: &str, class: &str, content: Content) -> Result<Arc<Provider>> {
    let permit = cx.authorize(&INVENTORIES_UPDATE, &())?;
    let content = content.supported()?;
    providers::find(&p.store.snapshot(), id)?;
    let asked: Asked = content.read(&UPDATE)?;
    let (id, class, version, now) = (id.to_owned(), class.to_owned(), cx.version, cx.now());
    p.write(permit, "placement.inventory.update", move |tx| updated(tx, &id, &class, &asked, version, now)).await
}

fn updated(
    tx: &mut Tx,
    id: &str,
    class: &str,
    asked: &Asked,
    version: Microversion,
    now: Timestamp,
) -> Result<Arc<Provider>> {
    let before = providers::at_generation(tx, id, asked.resource_provider_generation.unwrap_or_default(), CHANGED)?;
    let inventory = asked.usable(class, id, version).map_err(|why| unable("update", id, why))?;
    if !before.inventories.contains_key(class) {
        let text = format!(
            "No inventory record with resource class for resource provider {id}: No inventory of class {class} found."
        );
        return Err(PlacementError::Bad(text).into());
    }
    let mut provider = Provider::clone(&before);
    provider.inventories.insert(class.to_owned(), inventory);
    provider.raise(now);
    Ok(tx.put(provider))
}
