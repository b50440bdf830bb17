use crate::{
    Placement, PlacementError,
    model::{Provider, RESOURCE_CLASSES, is_custom},
    ops::providers,
    policy::INVENTORIES_DELETE,
};
use kernel::{Ctx, Error, Result};
use policy::Authorize;

pub(crate) async fn delete(p: &Placement, cx: &Ctx, id: &str, class: &str) -> Result<()> {
    let permit = cx.authorize(&INVENTORIES_DELETE, &())?;
    let (id, class, now) = (id.to_owned(), class.to_owned(), cx.now());
    p.write(permit, "placement.inventory.delete", move |tx| {
        let mut provider = Provider::clone(&*providers::found(tx, &id)?);
        if provider.used(&class) > 0 {
            let text = format!(
                "Unable to delete inventory of class {class}: Inventory for '{class}' on resource provider '{id}' in use."
            );
            return Err(PlacementError::Changed(text).into());
        }
        if provider.inventories.remove(&class).is_none() {
            let text = format!(
                "No inventory of class {class} found for delete: No inventory of class {class} found for delete"
            );
            return Err(Error::not_found(text));
        }
        provider.raise(now);
        tx.put(provider);
        Ok(())
    })
    .await
}

pub(crate) async fn delete_all(p: &Placement, cx: &Ctx, id: &str) -> Result<()> {
    let permit = cx.authorize(&INVENTORIES_DELETE, &())?;
    let (id, now) = (id.to_owned(), cx.now());
    p.write(permit, "placement.inventory.delete_all", move |tx| {
        let mut provider = Provider::clone(&*providers::found(tx, &id)?);
        // In the order of the standard, which custom classes come after.
        let used = |class: &&str| provider.used(class) > 0;
        let standard = RESOURCE_CLASSES.iter().copied().filter(used);
        let custom = provider.used.keys().map(String::as_str).filter(|class| is_custom(class));
        let in_use: Vec<_> = standard.chain(custom).collect();
        if !in_use.is_empty() {
            let text = format!("Inventory for '{}' on resource provider '{id}' in use.", in_use.join(", "));
            return Err(PlacementError::InventoryInUse(text).into());
        }
        provider.inventories.clear();
        provider.raise(now);
        tx.put(provider);
        Ok(())
    })
    .await
}
