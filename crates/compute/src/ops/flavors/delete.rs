use crate::{Compute, model::Flavor, policy::FLAVOR_DELETE};
use kernel::{Ctx, Result};
use policy::Authorize;

/// Deletes a flavor. Servers keep their copies.
pub(crate) async fn delete(c: &Compute, cx: &Ctx, id: &str) -> Result<()> {
    let _permit = cx.authorize(&FLAVOR_DELETE, &())?;
    let id = id.to_owned();
    let deleted = c.store.transact("compute.flavor.delete", move |tx| {
        let flavor = super::find_in(tx, &id)?;
        tx.release_unique(Flavor::NAMES, &flavor.name, &flavor.id);
        tx.delete::<Flavor>(&id);
        Ok(())
    });
    deleted.await
}
