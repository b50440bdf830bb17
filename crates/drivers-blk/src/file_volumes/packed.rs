//! What compression saves, measured: of every image that this pool has packed, the clusters that it shows and the bytes that it takes.
//! What guests write over them later is not packed, and counts for nothing here.

use super::Inner;
use crate::{
    ground::read,
    qemu_img::{Compress, Format},
};
use kernel::{Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::spawn_blocking;

/// In bytes, since the pool is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Packed {
    content: u64,
    stored: u64,
}

impl Inner {
    fn packed_path(&self) -> PathBuf {
        self.pool.ground().dir().join("packed.json")
    }

    /// Counts an image that was just written, if it was packed.
    pub(super) async fn count_packed(self: &Arc<Self>, image: &Path) -> Result<()> {
        if self.config.compress == Compress::No {
            return Ok(());
        }
        let doing = "measuring a compressed image";
        let content = self.config.img.content(image, Format::Qcow2).await?;
        let (inner, image) = (self.clone(), image.to_owned());
        let count = move || {
            let stored = fs::metadata(image).doing(doing)?.blocks() * 512;
            let _one = inner.counting.lock();
            let mut packed: Packed = read(&inner.packed_path())?.unwrap_or_default();
            packed.content += content;
            packed.stored += stored;
            inner.pool.ground().write_record(&inner.packed_path(), &packed)
        };
        spawn_blocking(count).await.doing(doing)?
    }

    /// Content by stored bytes, in percent; `None` until something was packed. Blocks for the time of a small file.
    pub(super) fn compression(&self) -> Result<Option<u64>> {
        let packed: Packed = read(&self.packed_path())?.unwrap_or_default();
        Ok((packed.content * 100).checked_div(packed.stored))
    }
}
