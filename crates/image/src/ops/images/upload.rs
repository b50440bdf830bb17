//! Fills an image with bytes: streamed to a store, hashed on the way, inspected, then active.
//!
//! The blob is written before the record points at it, so a kill leaves a `saving` record and perhaps a blob that nobody
//! claims; `recover` puts the one right and the audit names the other.

use crate::{
    Image, ImageService, Status,
    driver::{ByteStream, ImageStore, Inspection, Written},
    error,
    model::{Location, Saving},
    ops::usage,
    policy,
    service::authorize,
};
use ::policy::Permit;
use kernel::{Ctx, Error, ImageId, Result};
use std::sync::Arc;

/// `PUT /v2/images/{id}/file`
pub(crate) async fn upload_image(
    service: &ImageService,
    cx: &Ctx,
    id: &str,
    store: Option<&str>,
    data: ByteStream,
) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::UPLOAD_IMAGE, &image)?;
    if image.disk_format.is_none() || image.container_format.is_none() {
        return Err(Error::bad_request("Properties disk_format, container_format must be set prior to saving data."));
    }
    let snapshot = service.0.store.snapshot();
    usage::may_grow(service, &snapshot, &image.owner)?;
    usage::may_upload(service, &snapshot, &image.owner)?;
    let store = match store {
        None => service.default_store(),
        Some(id) => service.store_named(id).map_err(|_| {
            Error::bad_request(format!("The selected store {id} is not one of those that are configured"))
        })?,
    };
    fill(service, permit, &image.id, store, data).await
}

/// Takes the bytes in. In a task of its own: a client that goes away takes the request with it, and who began to save must
/// end it.
pub(crate) async fn fill(
    service: &ImageService,
    permit: Permit,
    id: &ImageId,
    store: &Arc<dyn ImageStore>,
    data: ByteStream,
) -> Result<()> {
    let (service, id, store) = (service.clone(), id.clone(), Arc::clone(store));
    let filling = telemetry::spawn_caught("image.upload", async move {
        begin(&service, permit, &id).await?;
        let result = telemetry::caught("image.upload", write(&service, &id, &*store, data)).await;
        let result = result.unwrap_or_else(|panicked| Err(Error::internal(panicked.to_string())));
        if result.is_err() {
            give_up(&service, &id).await;
        }
        result
    });
    match filling.await {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(Error::internal(panicked.to_string())),
        Err(_) => Err(Error::unavailable("this member is stopping")),
    }
}

async fn write(service: &ImageService, id: &ImageId, store: &dyn ImageStore, data: ByteStream) -> Result<()> {
    let written = store.write(data, service.0.size_limit).await?;
    let declared = service.0.store.snapshot().get::<Image>(id).and_then(|i| i.disk_format.clone());
    let location = Location { store: store.id().to_owned(), blob: written.blob.clone() };
    let done = match inspect(service, store, &written.blob, declared.as_deref()).await {
        Ok(inspection) => finish(service, id, &written, &location, inspection).await,
        Err(e) => Err(e),
    };
    if done.is_err() {
        forget_blob(service, &location).await;
    }
    done
}

async fn begin(service: &ImageService, permit: Permit, id: &ImageId) -> Result<()> {
    let (id, incarnation) = (id.clone(), service.0.incarnation.clone());
    let mark = move |tx: &mut store::Tx| {
        let image = tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?;
        let abandoned = image.saving.as_ref().is_some_and(|s| s.incarnation != incarnation);
        if image.status != Status::Queued && !abandoned {
            return Err(error::wrong_status(&id, image.status.as_str(), "saving"));
        }
        let saving = Some(Saving { incarnation: incarnation.clone() });
        tx.put(Image { status: Status::Saving, saving, ..Image::clone(&image) });
        Ok(())
    };
    service.write(permit, "image.image.begin_upload", mark).await
}

/// Looks into bytes that lie in a store, before anything else does.
pub(crate) async fn inspect(
    service: &ImageService,
    store: &dyn ImageStore,
    blob: &str,
    declared: Option<&str>,
) -> Result<Inspection> {
    let inspection = service.0.inspector.inspect(store, blob).await?;
    if !inspection.refusals.is_empty() {
        return Err(error::bad_content(&inspection.refusals.join(", ")));
    }
    // A small file may unpack to anything: what it unpacks to counts as well.
    if inspection.virtual_size > service.0.size_limit {
        return Err(error::bad_content(&format!(
            "its disk of {} bytes is larger than any image that is taken ({} bytes)",
            inspection.virtual_size, service.0.size_limit
        )));
    }
    match declared {
        Some(declared) if service.0.require_format_match && !agrees(declared, &inspection.format) => Err(
            error::bad_content(&format!("the image is declared as {declared}, its content is {}", inspection.format)),
        ),
        _ => Ok(inspection),
    }
}

/// Whether a declared format may hold content found to be of `found`. Kernels and ramdisks have no format of their own; what
/// carries a partition table is a raw disk.
fn agrees(declared: &str, found: &str) -> bool {
    match declared {
        "aki" | "ari" | "ami" | "ploop" => matches!(found, "raw" | "gpt"),
        "raw" => matches!(found, "raw" | "gpt" | "iso" | "luks"),
        "gpt" => matches!(found, "gpt" | "raw"),
        "iso" => matches!(found, "iso" | "gpt" | "raw"),
        declared => declared == found,
    }
}

async fn finish(
    service: &ImageService,
    id: &ImageId,
    written: &Written,
    location: &Location,
    inspection: Inspection,
) -> Result<()> {
    let (id, written, now) = (id.clone(), written.clone(), service.0.clock.now());
    let (location, incarnation) = (location.clone(), service.0.incarnation.clone());
    let activate = move |tx: &mut store::Tx| {
        let image = tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?;
        if image.saving.as_ref().is_none_or(|s| s.incarnation != incarnation) {
            return Err(error::wrong_status(&id, image.status.as_str(), "active"));
        }
        tx.put(Image {
            status: Status::Active,
            saving: None,
            size: Some(written.size),
            virtual_size: Some(inspection.virtual_size),
            checksum: Some(written.md5.clone()),
            hash: Some(written.sha512.clone()),
            locations: vec![location.clone()],
            updated_at: now,
            ..Image::clone(&image)
        });
        Ok(())
    };
    service.0.store.transact("image.image.finish_upload", activate).await
}

/// Back to `queued`: the client may try again.
pub(crate) async fn give_up(service: &ImageService, id: &ImageId) {
    let (wanted, incarnation) = (id.clone(), service.0.incarnation.clone());
    let unmark = move |tx: &mut store::Tx| {
        let ours = |i: &Image| i.saving.as_ref().is_some_and(|s| s.incarnation == incarnation);
        if tx.get::<Image>(&wanted).is_some_and(|i| ours(&i)) {
            tx.update::<Image>(&wanted, |i| (i.status, i.saving) = (Status::Queued, None));
        }
        Ok(())
    };
    if let Err(e) = service.0.store.transact("image.image.give_up_upload", unmark).await {
        tracing::warn!(image = %id, error = %e.internal_text(), "an image stays in saving until the next start");
    }
}

/// Removes a blob that no image claims.
pub(crate) async fn forget_blob(service: &ImageService, location: &Location) {
    let claim = format!("{}/{}", location.store, location.blob);
    if service.0.store.snapshot().count_by(Image::BY_BLOB, &claim) > 0 {
        return;
    }
    let removed = match service.store_named(&location.store) {
        Ok(store) => store.remove(&location.blob).await,
        Err(e) => Err(e),
    };
    if let Err(e) = removed {
        tracing::warn!(blob = claim, error = %e.internal_text(), "an image's bytes could not be removed");
    }
}
