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
pub(crate) use queue::{enter, queue_image, queued, strike_off};
pub(crate) use sweep::{Target, clean, clear, forget_image, prune};

use crate::Image;
use serde_json::{Value, json};

/// An image as hosts are told of it (`compute::driver::ImageSource`): the hash and the format name what is kept.
pub(crate) fn source(image: &Image) -> Value {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    named(&image.id, &text(&image.disk_format), image.size.unwrap_or(0), &text(&image.hash))
}

fn named(id: &str, format: &str, size: u64, hash: &str) -> Value {
    json!({"image": id, "disk_format": format, "size": size, "hash": hash, "hash_algo": "sha512"})
}
