//! The image service's [`Converter`]: `qemu-img` under limits, its result in place whole or not at all.

use crate::{
    durable::Unfinished,
    qemu_img::{Compress, Format, QemuImg},
};
use async_trait::async_trait;
use image::driver::Converter;
use kernel::{Error, Result};
use std::path::Path;

/// Formats are Glance's names. What `qemu-img` is given must have passed the inspector; it is looked at once more all the same, as
/// `qemu-img` sees it, before it is read.
#[async_trait]
impl Converter for QemuImg {
    async fn convert(&self, from: &Path, from_format: &str, to: &Path, to_format: &str) -> Result<()> {
        let (source, target) = (Format::of_image(from_format)?, Format::of_image(to_format)?);
        if to.file_name().is_none() {
            return Err(Error::internal(format!("{} cannot be a converted image's name", to.display())));
        }
        self.info_untrusted(from, source).await?;
        let aside = Unfinished::beside(to, ".part");
        QemuImg::convert(self, (from, source), (aside.path(), target), Compress::No).await?;
        aside.commit(to).await
    }
}
