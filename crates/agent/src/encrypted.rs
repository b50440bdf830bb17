//! Encrypted volumes on the host of their pool.
//!
//! ```text
//!   make     blank on the pool ▶ exported here ▶ header, image ▶ export ended
//! ```
//!
//! The key comes from the member for this one call, and is kept nowhere. Every step can be done again: a volume that is being made
//! has no content that anybody waits for, so what a killed agent left is formatted anew.

use crate::host::Shared;
use kernel::{Result, VolumeId, error::Doing};
use ports::KeyBytes;
use std::sync::Arc;
use volume::{
    driver::{Fence, ImageBytes, ImageFetch, Target, VolumeBackend, VolumeSource, VolumeSpec},
    encryptor::Luks,
};

/// A volume to make, or to write over.
pub(crate) struct Making<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) pool: &'a dyn VolumeBackend,
    pub(crate) fetch: &'a Arc<dyn ImageFetch>,
    pub(crate) fence: Fence,
    pub(crate) luks: Luks,
}

/// Whether the volume is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    New,
    Known,
}

impl Making<'_> {
    /// Of a blank volume or an image; other sources bring their header along and are made as they are.
    pub(crate) async fn make(&self, spec: &VolumeSpec, place: Place) -> Result<()> {
        let image = match &spec.source {
            VolumeSource::Blank => None,
            VolumeSource::Image(image) => Some(image),
            _ => return self.on_pool(spec, place).await,
        };
        let key = self.shared.link.volume_key(&self.shared.host, &spec.id).await?;
        if place == Place::Known {
            // Nobody has it: an export there is was left by an attempt before this.
            self.pool.unexport(&spec.id, self.fence).await?;
        }
        self.on_pool(&VolumeSpec { source: VolumeSource::Blank, ..spec.clone() }, place).await?;
        let target = self.pool.export(&spec.id, &self.shared.host, false, self.fence).await?;
        let written = self.write(&spec.id, &target, &key, image).await;
        // Also after a failure: nobody else ends this export.
        self.pool.unexport(&spec.id, self.fence).await?;
        written
    }

    async fn on_pool(&self, spec: &VolumeSpec, place: Place) -> Result<()> {
        match place {
            Place::New => self.pool.create(spec, self.fence, Arc::clone(self.fetch)).await,
            Place::Known => self.pool.rewrite(spec, self.fence, Arc::clone(self.fetch)).await,
        }
    }

    async fn write(&self, id: &VolumeId, target: &Target, key: &KeyBytes, image: Option<&ImageBytes>) -> Result<()> {
        let encryptor = &self.shared.drivers.encryptor;
        encryptor.format(target, key, &self.luks).await?;
        let Some(image) = image else { return Ok(()) };
        let scratch = self.shared.drivers.disks.scratch();
        tokio::fs::create_dir_all(&scratch).await.doing("making room for an image")?;
        let aside = scratch.join(format!("encrypt-{id}"));
        let done = match self.fetch.fetch(image, &aside).await {
            Ok(()) => encryptor.write_image(target, key, &self.luks, image, &aside).await,
            Err(e) => Err(e),
        };
        let _ = tokio::fs::remove_file(&aside).await; // absent when nothing was fetched
        done
    }
}
