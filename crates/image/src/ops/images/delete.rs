//! Removes an image, and its bytes if no other image has them.

use super::upload::forget_blob;
use crate::{Image, ImageService, error, model::Location, policy, service::authorize};
use ::policy::Permit;
use kernel::{Ctx, ImageId, Result};

pub(crate) async fn delete_image(service: &ImageService, cx: &Ctx, id: &str) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::DELETE_IMAGE, &image)?;
    remove(service, permit, &image.id, false).await
}

/// `force`: also if protected, for a record that never got its bytes.
pub(crate) async fn remove(service: &ImageService, permit: Permit, id: &ImageId, force: bool) -> Result<()> {
    let wanted = id.clone();
    let delete = move |tx: &mut store::Tx| {
        let image = tx.get::<Image>(&wanted).ok_or_else(|| error::not_found(&wanted))?;
        if image.protected && !force {
            return Err(error::protected(&wanted));
        }
        if let Some(import) = flow::live_flow_of(tx.view(), &format!("image.image/{wanted}")) {
            flow::cancel(tx, &import.id); // it removes what it has written
        }
        tx.delete::<Image>(&wanted);
        Ok(image.locations.iter().chain(image.staged.iter().map(|s| &s.location)).cloned().collect())
    };
    let locations: Vec<Location> = service.write(permit, "image.image.delete", delete).await?;
    for location in &locations {
        forget_blob(service, location).await;
    }
    Ok(())
}
