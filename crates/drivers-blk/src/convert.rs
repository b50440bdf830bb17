//! The image service's [`Converter`]: `qemu-img` under limits, its result in place whole or not at all.

use crate::{
    durable,
    qemu_img::{Compress, Format, QemuImg},
};
use async_trait::async_trait;
use image::driver::Converter;
use kernel::{Error, Result};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// A result on its way; goes away unless it was given its name.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already when it has its name.
        let _ = std::fs::remove_file(&self.0);
    }
}

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
        let mut aside = OsString::from(to);
        aside.push(".part");
        let aside = Part(aside.into());
        QemuImg::convert(self, (from, source), (&aside.0, target), Compress::No).await?;
        durable::commit(&aside.0, to).await
    }
}
