//! Encryption of volumes on paper: nothing is written, and what a real one refuses is refused.

use async_trait::async_trait;
use kernel::{Error, Result};
use ports::KeyBytes;
use std::path::Path;
use volume::{
    driver::{ImageBytes, Target},
    encryptor::{Encryptor, Luks},
};

pub struct FakeEncryptor;

#[async_trait]
impl Encryptor for FakeEncryptor {
    async fn format(&self, _: &Target, key: &KeyBytes, luks: &Luks) -> Result<()> {
        if key.as_bytes().is_empty() || luks.size <= luks.cipher.header() {
            return Err(Error::bad_request("a volume needs a key, and room beside its header"));
        }
        Ok(())
    }

    async fn write_image(
        &self,
        target: &Target,
        key: &KeyBytes,
        luks: &Luks,
        image: &ImageBytes,
        _: &Path,
    ) -> Result<()> {
        self.format(target, key, luks).await?;
        if image.size > luks.size - luks.cipher.header() {
            return Err(Error::bad_request("the image does not fit beside the volume's LUKS header"));
        }
        Ok(())
    }
}
