use super::name;
use crate::{
    Placement, PlacementError,
    model::{HostCells, Provider},
    policy::PROVIDERS_DELETE,
};
use kernel::{Ctx, Error, Result};
use policy::Authorize;
use store::Tx;

pub(crate) async fn delete(p: &Placement, cx: &Ctx, id: &str) -> Result<()> {
    let permit = cx.authorize(&PROVIDERS_DELETE, &())?;
    let id = id.to_owned();
    p.write(permit, "placement.provider.delete", move |tx| {
        let found = tx.get::<Provider>(&id);
        let provider =
            found.ok_or_else(|| Error::not_found(format!("No resource provider with uuid {id} found for delete")))?;
        if !tx.by(Provider::BY_PARENT, &id).is_empty() {
            return Err(PlacementError::ProviderIsParent(id.clone()).into());
        }
        forget(tx, &provider)
    })
    .await
}

/// Removes a provider of which nothing is allocated.
pub(crate) fn forget(tx: &mut Tx, provider: &Provider) -> Result<()> {
    if !provider.used.is_empty() {
        return Err(PlacementError::ProviderInUse(provider.id.to_string()).into());
    }
    name::give_back(tx, provider);
    tx.delete::<HostCells>(&provider.id);
    tx.delete::<Provider>(&provider.id);
    Ok(())
}
