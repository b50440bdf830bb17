//! What compute and volume need of the image service.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use kernel::{Ctx, HostName, ImageId, ProjectId, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use store::{Snapshot, Tx};

pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// An image as others see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    pub id: ImageId,
    pub name: String,
    pub owner: ProjectId,
    /// Glance's: `active`, `queued`, …
    pub status: String,
    pub disk_format: String,
    pub container_format: String,
    pub size: u64,
    /// Bytes a guest will see; 0 if not known.
    pub virtual_size: u64,
    pub min_disk_gib: u64,
    pub min_ram_mib: u64,
    pub hash: String,
    pub hash_algo: String,
    /// `hw_*`, `os_*`, … and, for a volume-backed snapshot, `block_device_mapping`.
    pub properties: BTreeMap<String, String>,
}

impl ImageInfo {
    /// The smallest disk, in GiB, that it fits on and that its owner wants for it.
    pub fn least_gib(&self) -> u64 {
        self.virtual_size.max(self.size).div_ceil(1 << 30).max(self.min_disk_gib)
    }
}

/// A record to fill with bytes later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewImage {
    pub id: ImageId,
    pub name: String,
    pub owner: ProjectId,
    pub disk_format: String,
    pub container_format: String,
    pub min_disk_gib: u64,
    pub min_ram_mib: u64,
    pub visibility: String,
    pub protected: bool,
    pub properties: BTreeMap<String, String>,
}

#[async_trait]
pub trait Images: Send + Sync + 'static {
    /// An image the caller may see, in whatever status; `NotFound` otherwise.
    fn visible(&self, cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<ImageInfo>;
    /// An image for work that no user waits for.
    fn info(&self, snapshot: &Snapshot, id: &str) -> Option<ImageInfo>;
    /// Makes the record in status `queued` (or `active` with size 0 when it has no bytes of its own: `finished`).
    fn create(&self, tx: &mut Tx, cx: &Ctx, image: &NewImage, finished: bool) -> Result<()>;
    /// Fills a queued image from a file of this member; `Ok` if it is active already.
    async fn upload_file(&self, id: &ImageId, file: &Path) -> Result<()>;
    /// Fills a queued image from a stream.
    async fn upload(&self, id: &ImageId, data: ByteStream) -> Result<()>;
    /// Removes an image that could not be filled; `Ok` if it is gone.
    async fn discard(&self, id: &ImageId) -> Result<()>;
    /// Images that were made of a server as backups of a kind, the newest first.
    fn backups(&self, snapshot: &Snapshot, project: &ProjectId, server: &ServerId, kind: &str) -> Vec<ImageId>;
    /// Has hosts keep an active image ready for the disks to come, in their own time; `NotFound` and `BadRequest` if it is none.
    fn cache(&self, tx: &mut Tx, id: &ImageId, hosts: &BTreeSet<HostName>, now: Timestamp) -> Result<()>;
    /// The image's bytes from `offset` on.
    async fn open(&self, id: &ImageId, offset: u64) -> Result<ByteStream>;
}
