//! Tags: a set of short texts.

use crate::{Image, ImageService, error, policy, service::authorize};
use kernel::{Ctx, Error, Result};

/// At most this many on an image (Glance's `image_tag_quota`).
const LIMIT: usize = 128;

pub(crate) async fn set_tag(service: &ImageService, cx: &Ctx, id: &str, tag: &str, present: bool) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::MODIFY_IMAGE, &image)?;
    if tag.chars().count() > 255 {
        return Err(Error::bad_request("the tag is too long"));
    }
    let (id, tag, now) = (image.id.clone(), tag.to_owned(), cx.now());
    let change = move |tx: &mut store::Tx| {
        let mut image = Image::clone(&*tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?);
        if present {
            image.tags.insert(tag.clone());
        } else if !image.tags.remove(&tag) {
            return Err(Error::not_found(format!("Failed to find tag {tag} of image {id}")));
        }
        if image.tags.len() > LIMIT {
            return Err(Error::too_large(format!(
                "The limit has been exceeded on the number of allowed image tags: {LIMIT}"
            )));
        }
        image.updated_at = now;
        tx.put(image);
        Ok(())
    };
    service.write(permit, "image.image.tag", change).await
}
