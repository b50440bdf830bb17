//! Wishes that hosts keep an image ready.

use kernel::{HostName, ImageId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{IndexSink, Key, Object};

/// Hosts that are still to bring an image into their cache. It goes with the last of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CacheRequest {
    pub(crate) image: ImageId,
    pub(crate) hosts: BTreeSet<HostName>,
    pub(crate) requested_at: Timestamp,
}

impl Object for CacheRequest {
    const KIND: &'static str = "image.cache_request";
    fn key(&self) -> Key {
        self.image.as_str().into()
    }
    fn index(&self, _: &mut IndexSink<'_>) {}
}
