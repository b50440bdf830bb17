//! Deactivates an image (no new downloads, no new servers) and activates it again.

use crate::{Image, ImageService, Status, error, policy, service::authorize};
use kernel::{Ctx, Result};

pub(crate) async fn set_active(service: &ImageService, cx: &Ctx, id: &str, active: bool) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, if active { &policy::REACTIVATE } else { &policy::DEACTIVATE }, &image)?;
    let (id, now) = (image.id.clone(), cx.now());
    let (from, to) = if active { (Status::Deactivated, Status::Active) } else { (Status::Active, Status::Deactivated) };
    let change = move |tx: &mut store::Tx| {
        let image = tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?;
        if image.status == to {
            return Ok(());
        }
        if image.status != from {
            return Err(kernel::Error::forbidden(format!(
                "Not allowed to {} image in status '{}'",
                if active { "reactivate" } else { "deactivate" },
                image.status.as_str()
            )));
        }
        tx.put(Image { status: to, updated_at: now, ..Image::clone(&image) });
        Ok(())
    };
    service.write(permit, "image.image.activate", change).await
}
