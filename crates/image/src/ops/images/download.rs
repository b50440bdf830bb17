//! Reads an image's bytes.

use crate::{Image, ImageService, Status, driver::ByteStream, policy, service::authorize};
use kernel::{Ctx, Error, Kind, Result};
use std::sync::Arc;

/// The record, and the bytes unless the image is empty.
pub(crate) async fn download_image(
    service: &ImageService,
    cx: &Ctx,
    id: &str,
    range: Option<(u64, Option<u64>)>,
) -> Result<(Arc<Image>, Option<ByteStream>)> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let _read = authorize(cx, &policy::DOWNLOAD_IMAGE, &image)?;
    if image.status == Status::Deactivated && !cx.is_admin() {
        return Err(Error::forbidden("The requested image has been deactivated. Image data download is forbidden."));
    }
    if image.locations.is_empty() {
        return Ok((image, None));
    }
    let (offset, length) = range.unwrap_or((0, None));
    if range.is_some() && offset >= image.size.unwrap_or(0) {
        return Err(Error::of(Kind::RangeNotSatisfiable, "The range lies beyond the image."));
    }
    let data = open(service, &image, offset, length).await?;
    Ok((image, Some(data)))
}

pub(crate) async fn open(
    service: &ImageService,
    image: &Image,
    offset: u64,
    length: Option<u64>,
) -> Result<ByteStream> {
    let none = || Error::conflict(format!("image {} has no bytes", image.id));
    let location = service.by_weight(image).first().copied().ok_or_else(none)?;
    service.store_named(&location.store)?.read(&location.blob, offset, length).await
}
