//! What a host does with encrypted volumes besides giving them to guests: the [`Encryptor`].
//!
//! A pool knows nothing of encryption: it keeps blocks, and a volume's header is among them. So a clone, a snapshot or a backup of
//! an encrypted volume is one too, opened with the same octets. What must be encrypted anew (a blank volume, an image) goes
//! through the volume's export, on the host of its pool, before anybody else has the volume.

use crate::driver::{ImageBytes, Target};
use async_trait::async_trait;
use kernel::{Error, Result};
use ports::KeyBytes;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How a volume is encrypted, as its type says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Luks {
    pub cipher: Cipher,
    /// Of a volume, in bytes: header and content.
    pub size: u64,
}

/// The ciphers that QEMU has and Cinder's types name: `aes-xts-plain64` and its like, with the key's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cipher {
    pub bits: Bits,
    pub mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bits {
    #[serde(rename = "128")]
    Aes128,
    #[serde(rename = "192")]
    Aes192,
    #[serde(rename = "256")]
    Aes256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Xts,
    /// With ESSIV by SHA-256.
    Cbc,
}

impl Bits {
    pub fn count(self) -> u32 {
        match self {
            Self::Aes128 => 128,
            Self::Aes192 => 192,
            Self::Aes256 => 256,
        }
    }
}

impl Cipher {
    /// As a type names it; what it leaves open is AES-256 in XTS.
    pub fn parse(name: Option<&str>, bits: Option<u64>) -> Result<Self> {
        let name = name.unwrap_or("aes-xts-plain64");
        let mode = match name {
            "aes-xts-plain64" => Mode::Xts,
            "aes-cbc-essiv:sha256" => Mode::Cbc,
            other => {
                return Err(Error::bad_request(format!(
                    "Invalid input received: volumes cannot be encrypted with the cipher {other}; aes-xts-plain64 and \
                     aes-cbc-essiv:sha256 are known"
                )));
            }
        };
        let bits = match bits.unwrap_or(256) {
            128 => Bits::Aes128,
            192 => Bits::Aes192,
            // What cryptsetup calls 512 bits of XTS: two keys of 256.
            256 | 512 => Bits::Aes256,
            other => {
                return Err(Error::bad_request(format!(
                    "Invalid input received: volumes cannot be encrypted with a key of {other} bits; 128, 192 and 256 are known"
                )));
            }
        };
        Ok(Self { bits, mode })
    }

    /// Bytes before the content, in LUKS version 1: a sector of description, padded to 4 KiB, then eight places for the key, each of
    /// 4,000 stripes, aligned to 4 KiB (the LUKS on-disk format specification, §2, and the alignment QEMU uses).
    pub fn header(self) -> u64 {
        const SECTOR: u64 = 512;
        const ALIGN: u64 = 8;
        let key = u64::from(self.bits.count() / 8) * if self.mode == Mode::Xts { 2 } else { 1 };
        let place = (key * 4000).div_ceil(SECTOR).next_multiple_of(ALIGN);
        (ALIGN + 8 * place) * SECTOR
    }
}

#[async_trait]
pub trait Encryptor: Send + Sync + 'static {
    /// Writes a header for the key over an exported volume. What the volume held before cannot be read any more.
    async fn format(&self, target: &Target, key: &KeyBytes, luks: &Luks) -> Result<()>;

    /// Writes an image, which lies in a file, through the encryption of a volume that was just formatted. Refused with `BadRequest`
    /// if it does not fit beside the header.
    async fn write_image(
        &self,
        target: &Target,
        key: &KeyBytes,
        luks: &Luks,
        image: &ImageBytes,
        file: &Path,
    ) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_as_types_name_them() {
        let parsed = |name, bits| Cipher::parse(name, bits).map(|c| (c.mode, c.bits.count(), c.header())).ok();
        for (name, bits, expect) in [
            (None, None, Some((Mode::Xts, 256, 2_068_480))),
            (Some("aes-xts-plain64"), Some(256), Some((Mode::Xts, 256, 2_068_480))),
            (Some("aes-xts-plain64"), Some(512), Some((Mode::Xts, 256, 2_068_480))),
            (Some("aes-xts-plain64"), Some(128), Some((Mode::Xts, 128, 1_052_672))),
            (Some("aes-cbc-essiv:sha256"), Some(256), Some((Mode::Cbc, 256, 1_052_672))),
            (Some("aes-xts-plain64"), Some(64), None),
            (Some("twofish-xts-plain64"), Some(256), None),
        ] {
            assert_eq!(parsed(name, bits), expect, "{name:?} {bits:?}");
        }
    }
}
