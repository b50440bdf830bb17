//! What the image service asks of the outside: an [`ImageStore`] for bytes and an [`Inspector`] that says what bytes are.
//!
//! Stores are content-addressed: a blob's name begins with the SHA-512 of its bytes. Each write makes a name of its own, so that
//! removing one image's bytes never takes another's, whoever is uploading the same ones at that moment; beneath the names a
//! store keeps equal bytes once if it can.
//!
//! Invariants (conformance suite in `drivers_blk::conformance`):
//! - a blob appears under its name only when all its bytes are on disk (written aside, synced, renamed, directory synced);
//! - `remove` of what is not there is `Ok`; a reader that has opened a blob can read it to its end;
//! - a full disk fails that one write with `Kind::TooLarge`'s sibling message and leaves nothing behind.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use kernel::{Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// What was learned while the bytes streamed by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub size: u64,
    /// Hex.
    pub md5: String,
    pub sha512: String,
    /// The name of the blob in its store.
    pub blob: String,
}

#[async_trait]
pub trait ImageStore: Send + Sync + 'static {
    /// The store's id in `stores` and `os_glance_*`: `fast`, `bulk`, …
    fn id(&self) -> &str;

    /// Stores of more weight are named, and read from, first.
    fn weight(&self) -> i64 {
        0
    }

    /// What it is made of, by Glance's name: `file`, `rbd`, …
    fn kind(&self) -> &'static str;

    /// What administrators may read of it.
    fn properties(&self) -> BTreeMap<String, String>;

    /// Takes a stream in, at most `limit` bytes; more is `TooLarge` and leaves nothing.
    async fn write(&self, data: ByteStream, limit: u64) -> Result<Written>;

    /// Bytes from `offset`, at most `length`.
    async fn read(&self, blob: &str, offset: u64, length: Option<u64>) -> Result<ByteStream>;

    /// How many bytes the blob has. A store that keeps count overrides this way of finding out.
    async fn size(&self, blob: &str) -> Result<u64> {
        let mut stream = self.read(blob, 0, None).await?;
        let mut size = 0;
        while let Some(piece) = stream.next().await {
            size += piece.doing("reading an image's data")?.len() as u64;
        }
        Ok(size)
    }

    /// Where the blob lies if it is a file of this host, for zero-copy use.
    fn path(&self, blob: &str) -> Option<PathBuf>;

    async fn remove(&self, blob: &str) -> Result<()>;

    /// Every blob held, for the audit.
    async fn list(&self) -> Result<Vec<String>>;

    /// Bytes free for further images.
    async fn free(&self) -> Result<u64>;
}

/// What a file claims to be and whether a guest may be given it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Glance's name of the format found by content: `raw`, `qcow2`, `vmdk`, `vhd`, `vhdx`, `vdi`, `iso`, `luks`, `gpt`, …
    pub format: String,
    /// Bytes a guest will see.
    pub virtual_size: u64,
    /// Why the content is refused (`backing file`, `external data file`, `unknown feature`), if it is.
    pub refusals: Vec<String>,
    pub details: BTreeMap<String, String>,
}

/// Reads headers only, trusts nothing, runs no other program on unsafe bytes.
#[async_trait]
pub trait Inspector: Send + Sync + 'static {
    async fn inspect(&self, store: &dyn ImageStore, blob: &str) -> Result<Inspection>;
}

/// Changes an image's format under memory and time limits (qemu-img, in `drivers_blk`).
#[async_trait]
pub trait Converter: Send + Sync + 'static {
    async fn convert(
        &self,
        from: &std::path::Path,
        from_format: &str,
        to: &std::path::Path,
        to_format: &str,
    ) -> Result<()>;
}
