//! The encryption of this host's volumes: by QEMU, and on paper where there is nothing behind a volume.

use async_trait::async_trait;
use drivers_blk::{fake::FakeEncryptor, luks::QemuLuks};
use kernel::Result;
use ports::KeyBytes;
use std::path::Path;
use volume::{
    driver::{ImageBytes, Target},
    encryptor::{Encryptor, Luks},
};

/// Each volume by what is behind it: back ends of both sorts may be on one host.
pub struct ByTarget(pub QemuLuks);

impl ByTarget {
    fn of(&self, target: &Target) -> &dyn Encryptor {
        match target {
            Target::Fake { .. } => &FakeEncryptor,
            Target::NbdUnix { .. } | Target::NbdTcp { .. } | Target::Rbd { .. } => &self.0,
        }
    }
}

#[async_trait]
impl Encryptor for ByTarget {
    async fn format(&self, target: &Target, key: &KeyBytes, luks: &Luks) -> Result<()> {
        self.of(target).format(target, key, luks).await
    }

    async fn write_image(
        &self,
        target: &Target,
        key: &KeyBytes,
        luks: &Luks,
        image: &ImageBytes,
        file: &Path,
    ) -> Result<()> {
        self.of(target).write_image(target, key, luks, image, file).await
    }
}
