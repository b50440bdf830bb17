use super::schema::TRAIT_NAME;
use crate::{
    Placement, PlacementError,
    model::{CustomTrait, Provider, is_custom, is_standard_trait},
    ops::names::Made,
    policy::{TRAITS_DELETE, TRAITS_UPDATE},
};
use kernel::{Ctx, Error, Result};
use policy::Authorize;
use std::sync::Arc;

/// Makes the trait if there is none of that name.
pub(crate) async fn ensure(p: &Placement, cx: &Ctx, name: &str) -> Result<(Made, Arc<CustomTrait>)> {
    let permit = cx.authorize(&TRAITS_UPDATE, &())?;
    TRAIT_NAME.check(&name.into()).map_err(|_| {
        PlacementError::Bad(
            "The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix \
             \"CUSTOM_\" and use following characters: \"A\"-\"Z\", \"0\"-\"9\" and \"_\""
                .into(),
        )
    })?;
    let (name, created) = (name.to_owned(), cx.now());
    p.write(permit, "placement.trait.ensure", move |tx| match tx.get(&name) {
        Some(there) => Ok((Made::Before, there)),
        None => Ok((Made::Now, tx.put(CustomTrait { name: name.clone(), created }))),
    })
    .await
}

pub(crate) async fn delete(p: &Placement, cx: &Ctx, name: &str) -> Result<()> {
    let permit = cx.authorize(&TRAITS_DELETE, &())?;
    let name = name.to_owned();
    p.write(permit, "placement.trait.delete", move |tx| {
        if !is_custom(&name) && is_standard_trait(&name) {
            return Err(PlacementError::Bad(format!("Cannot delete standard trait {name}.")).into());
        }
        if tx.get::<CustomTrait>(&name).is_none() {
            return Err(PlacementError::NoTrait(name.clone()).into());
        }
        if !tx.by(Provider::BY_TRAIT, &name).is_empty() {
            return Err(Error::conflict(format!("The trait {name} is in use by a resource provider.")));
        }
        tx.delete::<CustomTrait>(&name);
        Ok(())
    })
    .await
}
