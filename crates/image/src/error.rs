//! What can go wrong with images, and how clients learn of it. The texts are Glance's.

use kernel::{Error, ImageId};

pub(crate) fn not_found(id: &str) -> Error {
    Error::not_found(format!("Failed to find image {id}"))
}

pub(crate) fn protected(id: &ImageId) -> Error {
    Error::forbidden(format!("Image {id} is protected and cannot be deleted."))
}

pub(crate) fn read_only(attribute: &str) -> Error {
    Error::forbidden(format!("Attribute '{attribute}' is read-only."))
}

pub(crate) fn reserved(attribute: &str) -> Error {
    Error::forbidden(format!("Attribute '{attribute}' is reserved."))
}

pub(crate) fn wrong_status(id: &ImageId, from: &str, to: &str) -> Error {
    Error::conflict(format!("Image status transition from {from} to {to} is not allowed"))
        .with_internal(format!("image {id}"))
}

pub(crate) fn bad_content(why: &str) -> Error {
    Error::bad_request(format!("Image contents do not match the declared format, or are not safe to use: {why}"))
}
