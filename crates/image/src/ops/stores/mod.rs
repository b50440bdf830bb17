//! Stores: which there are, and taking an image's bytes out of one of them.

pub(crate) mod locations;

use crate::{
    Image, ImageService, Status, error, model::Location, ops::images::upload::forget_blob, policy, service::authorize,
};
use kernel::{Ctx, Error, Kind, Result};

/// A store that was asked for by name and is one of those that are.
pub(crate) fn known(service: &ImageService, id: &str) -> bool {
    service.0.stores.iter().any(|s| s.id() == id)
}

/// `DELETE /v2/stores/{store}/{image}`
pub(crate) async fn delete_from_store(service: &ImageService, cx: &Ctx, store: &str, id: &str) -> Result<()> {
    if !known(service, store) {
        return Err(Error::conflict(format!("The selected store {store} is not available on this node.")));
    }
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    authorize(cx, &policy::GET_IMAGE_LOCATION, &image).map(drop)?;
    let permit = authorize(cx, &policy::DELETE_IMAGE_LOCATION, &image)?;
    let (key, store, now) = (image.id.clone(), store.to_owned(), cx.now());
    let write = move |tx: &mut store::Tx| {
        let mut image = Image::clone(&*tx.get::<Image>(&key).ok_or_else(|| error::not_found(&key))?);
        let gone = take(&mut image, &store)?;
        image.updated_at = now;
        tx.put(image);
        Ok(gone)
    };
    let gone = service.write(permit, "image.image.delete_from_store", write).await?;
    forget_blob(service, &gone).await;
    Ok(())
}

/// Takes the location in a store out of an image that has others.
fn take(image: &mut Image, store: &str) -> Result<Location> {
    if image.status != Status::Active {
        let text = "It's not allowed to remove image data from store if image status is not 'active'";
        return Err(Error::conflict(text));
    }
    if image.locations.len() == 1 {
        return Err(Error::forbidden(
            "Cannot delete image data from the only store containing it. Consider deleting the image instead.",
        ));
    }
    match image.locations.iter().position(|l| l.store == store) {
        Some(at) => Ok(image.locations.remove(at)),
        None => Err(Error::of(Kind::NotFound, format!("Image {} is not stored in store {store}.", image.id))),
    }
}
