//! The cache of images: each host keeps the images of its guests unpacked, and a disk over one of those is made in milliseconds.
//! What Glance's cache does for its API nodes is done here where it counts: an image that is queued is brought to the hosts
//! before a guest asks for it.
//!
//! ```text
//!   PUT ──▶ CacheRequest{hosts} ──▶ reconciler: `image.cache` on each ──▶ host struck off ──▶ request gone
//! ```
//!
//! A host lists what it keeps; what a disk lies on stays with that disk, kept or not.

mod hosts;
mod queue;
mod sweep;

pub(crate) use hosts::{cached, nodes};
pub(crate) use queue::{queue_image, queued, strike_off};
pub(crate) use sweep::{Target, clean, clear, forget_image, prune};

use crate::Image;
use serde_json::{Value, json};

/// An image as hosts are told of it (`compute::driver::ImageSource`): the hash and the format name what is kept.
pub(crate) fn source(image: &Image) -> Value {
    json!({
        "image": image.id,
        "disk_format": image.disk_format.as_deref().unwrap_or_default(),
        "size": image.size.unwrap_or(0),
        "hash": image.hash.as_deref().unwrap_or_default(),
        "hash_algo": "sha512",
    })
}
