//! Takes an image's bytes to the staging area, from where an import brings them into stores. They are not looked at yet.

use super::upload;
use crate::{
    Image, ImageService, Status,
    driver::ByteStream,
    error,
    model::{Location, Saving, Staged},
    policy,
    service::authorize,
};
use ::policy::Permit;
use kernel::{Ctx, Error, ImageId, Result};

/// `PUT /v2/images/{id}/stage`
pub(crate) async fn stage_image(service: &ImageService, cx: &Ctx, id: &str, data: ByteStream) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::MODIFY_IMAGE, &image)?;
    let (service, id) = (service.clone(), image.id.clone());
    // In a task of its own, as an upload: who began must end it.
    let staging = telemetry::spawn_caught("image.stage", async move {
        begin(&service, permit, &id).await?;
        let result = telemetry::caught("image.stage", write(&service, &id, data)).await;
        let result = result.unwrap_or_else(|panicked| Err(Error::internal(panicked.to_string())));
        if result.is_err() {
            upload::give_up(&service, &id).await;
        }
        result
    });
    match staging.await {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(Error::internal(panicked.to_string())),
        Err(_) => Err(Error::unavailable("this member is stopping")),
    }
}

async fn begin(service: &ImageService, permit: Permit, id: &ImageId) -> Result<()> {
    let (id, incarnation, quotas) = (id.clone(), service.0.incarnation.clone(), service.clone());
    let mark = move |tx: &mut store::Tx| {
        let image = tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?;
        if image.status == Status::Uploading && image.staged.is_some() {
            return Err(Error::conflict(format!("The image {id} has data on staging")));
        }
        if image.status != Status::Queued || image.import_task.is_some() {
            return Err(error::wrong_status(&id, image.status.as_str(), Status::Uploading.as_str()));
        }
        crate::ops::usage::may_upload(&quotas, tx.view(), &image.owner)?;
        crate::ops::usage::may_stage(&quotas, tx.view(), &image.owner)?;
        let saving = Some(Saving { incarnation: incarnation.clone() });
        tx.put(Image { status: Status::Uploading, saving, ..Image::clone(&image) });
        Ok(())
    };
    service.write(permit, "image.image.begin_stage", mark).await
}

async fn write(service: &ImageService, id: &ImageId, data: ByteStream) -> Result<()> {
    let staging = &service.0.staging;
    let written = staging.write(data, service.0.size_limit).await?;
    let staged =
        Staged { location: Location { store: staging.id().to_owned(), blob: written.blob }, size: written.size };
    let (id, incarnation, keep) = (id.clone(), service.0.incarnation.clone(), staged.clone());
    let done = move |tx: &mut store::Tx| {
        let image = tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?;
        if image.saving.as_ref().is_none_or(|s| s.incarnation != incarnation) {
            return Err(error::wrong_status(&id, image.status.as_str(), Status::Uploading.as_str()));
        }
        let (size, staged) = (Some(keep.size), Some(keep.clone()));
        tx.put(Image { saving: None, size, staged, ..Image::clone(&image) });
        Ok(())
    };
    let done = service.0.store.transact("image.image.finish_stage", done).await;
    if done.is_err() {
        upload::forget_blob(service, &staged.location).await;
    }
    done
}
