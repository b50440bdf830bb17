use crate::{Compute, model::Flavor, policy::FLAVOR_UPDATE};
use kernel::{Ctx, Result};
use policy::Authorize;
use std::sync::Arc;

pub(crate) async fn update(c: &Compute, cx: &Ctx, id: &str, description: Option<String>) -> Result<Arc<Flavor>> {
    let _permit = cx.authorize(&FLAVOR_UPDATE, &())?;
    let (id, now) = (id.to_owned(), cx.now());
    let updated = c.store.transact("compute.flavor.update", move |tx| {
        let flavor = super::find_in(tx, &id)?;
        Ok(tx.put(Flavor { description: description.clone(), updated: now, ..Flavor::clone(&flavor) }))
    });
    updated.await
}
