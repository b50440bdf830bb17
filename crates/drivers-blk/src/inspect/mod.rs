//! Says what an uploaded file is, from its headers alone, and whether a guest or a converter may be given it.
//!
//! QEMU's formats can name other files: a backing file, an external data file, the extents of a VMDK. Opened on a host, such an
//! image would show a guest whatever file it names (CVE-2024-32498), and a file that is of two formats at once is checked as
//! one and opened as the other (CVE-2024-44082). So no program is run on bytes that this module has not passed:
//!
//! ```text
//!   head, tail ──▶ every format's look ──▶ 0 found: raw
//!                                          1 found: that one, with the reasons it is refused for
//!                                          more:    refused, unless it is a bootable ISO or a fixed VHD with a partition table
//! ```
//!
//! Invariants
//! - Nothing is believed: every offset, length and count of a header is checked against the file's size before it is used, reads
//!   are bounded (a few MiB at most), and no input can make it panic (property tests).
//! - What is refused stays identified: `format` says what the file was taken for, `refusals` why it is not taken.
//! - It answers as oslo.utils' `format_inspector` does, which Glance uses, and differs where that one guesses: an MBR is `raw`,
//!   only a GPT is `gpt`; a fixed VHD (no header, a footer) is `vhd`; a VMDK's parent and a VHDX's are looked for as well.

mod fields;
mod luks;
mod partitions;
mod qcow2;
mod vdi;
mod vhd;
mod vhdx;
mod vmdk;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use fields::Fields;
use futures_util::StreamExt;
use image::driver::{ImageStore, Inspection, Inspector};
use kernel::{Result, error::Doing};
use std::{collections::BTreeMap, fs, os::unix::fs::FileExt, path::Path, sync::Arc};
use tokio::task::spawn_blocking;

/// The one inspector: stateless.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderInspector;

#[async_trait]
impl Inspector for HeaderInspector {
    async fn inspect(&self, store: &dyn ImageStore, blob: &str) -> Result<Inspection> {
        let size = store.size(blob).await?;
        look(&Blob { store, blob }, size).await
    }
}

/// Bytes that can be read anywhere.
#[async_trait]
trait ReadAt: Sync {
    /// `length` bytes from `offset`; fewer only where the file ends.
    async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>>;
}

struct Blob<'a> {
    store: &'a dyn ImageStore,
    blob: &'a str,
}

#[async_trait]
impl ReadAt for Blob<'_> {
    async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut stream = self.store.read(self.blob, offset, Some(length as u64)).await?;
        let mut bytes = Vec::with_capacity(length);
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece.doing("reading an image's header")?);
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// A file of this host.
struct OnHost(Arc<fs::File>);

#[async_trait]
impl ReadAt for OnHost {
    async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let file = Arc::clone(&self.0);
        let read = move || {
            let mut bytes = vec![0; length];
            let mut done = 0;
            while done < length {
                match file.read_at(&mut bytes[done..], offset + done as u64)? {
                    0 => break,
                    n => done += n,
                }
            }
            bytes.truncate(done);
            Ok::<_, std::io::Error>(bytes)
        };
        let doing = "reading an image's header";
        spawn_blocking(read).await.doing(doing)?.doing(doing)
    }
}

/// What a file of this host is: for those who are about to give it to a program.
pub async fn inspect_file(path: &Path) -> Result<Inspection> {
    let doing = "looking at an image";
    let file = fs::File::open(path).doing(doing)?;
    let size = file.metadata().doing(doing)?.len();
    look(&OnHost(Arc::new(file)), size).await
}

/// Kept of the beginning: up to the first two descriptors of an ISO.
const HEAD: usize = 36 * 1024;
/// Kept of the end: the footer of a stream-optimised VMDK, or of a VHD.
const TAIL: usize = 1536;

/// The file under inspection.
struct File<'a> {
    reader: &'a dyn ReadAt,
    size: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl File<'_> {
    async fn at(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        if offset >= self.size {
            return Ok(Vec::new());
        }
        self.reader.read_at(offset, length).await
    }

    fn head(&self) -> Fields<'_> {
        Fields(&self.head)
    }

    /// The last `n` bytes, fewer if the file is shorter.
    fn last(&self, n: usize) -> Fields<'_> {
        Fields(&self.tail[self.tail.len().saturating_sub(n)..])
    }

    fn holds(&self, offset: u64, length: u64) -> bool {
        offset.checked_add(length).is_some_and(|end| end <= self.size)
    }
}

/// What one format's look found.
#[derive(Debug, Default)]
struct Found {
    format: &'static str,
    virtual_size: u64,
    refusals: Vec<String>,
    details: BTreeMap<String, String>,
}

impl Found {
    fn new(format: &'static str) -> Self {
        Self { format, ..Self::default() }
    }

    fn refuse(&mut self, why: impl Into<String>) {
        self.refusals.push(why.into());
    }

    fn refuse_if(&mut self, refused: bool, why: &str) {
        if refused {
            self.refuse(why);
        }
    }

    fn detail(&mut self, name: &str, value: impl ToString) {
        self.details.insert(name.into(), value.to_string());
    }

    /// The header ends before it should.
    fn cut_short(mut self) -> Self {
        self.refuse("damaged: the header is cut short");
        self
    }
}

async fn look(reader: &dyn ReadAt, size: u64) -> Result<Inspection> {
    let head = reader.read_at(0, HEAD).await?;
    let tail_at = size.saturating_sub(TAIL as u64);
    let tail = if size == 0 { Vec::new() } else { reader.read_at(tail_at, TAIL).await? };
    let file = File { reader, size, head, tail };
    let mut found = Vec::new();
    found.extend(qcow2::look(&file).await?);
    found.extend(vmdk::look(&file).await?);
    found.extend(vhd::look(&file).await?);
    found.extend(vhdx::look(&file).await?);
    found.extend(vdi::look(&file));
    found.extend(luks::look(&file));
    found.extend(qed(&file));
    found.extend(partitions::iso(&file));
    found.extend(partitions::gpt(&file));
    Ok(conclude(found, size))
}

/// QEMU's former format; nobody may use it, but it must not pass for raw.
fn qed(file: &File<'_>) -> Option<Found> {
    file.head().starts_with(b"QED\0").then(|| {
        let mut found = Found::new("qed");
        found.refuse("the format qed is not supported");
        found
    })
}

/// Formats a disk's content may have without being anything but a raw disk.
fn is_plain(format: &str) -> bool {
    matches!(format, "iso" | "gpt")
}

fn conclude(mut found: Vec<Found>, size: u64) -> Inspection {
    let names: Vec<_> = found.iter().map(|f| f.format).collect();
    // A fixed VHD is a raw disk and a footer: what is in the disk is the guest's.
    let fixed_vhd = found.iter().any(|f| f.format == "vhd" && f.details.get("type").is_some_and(|t| t == "fixed"));
    let containers = names.iter().filter(|n| !is_plain(n)).count();
    let polyglot = containers > 1 || (containers == 1 && names.len() > 1 && !fixed_vhd);
    let mut main =
        if found.is_empty() { Found { virtual_size: size, ..Found::new("raw") } } else { found.swap_remove(0) };
    if polyglot {
        main.refuse(format!("it is of several formats at once: {}", names.join(", ")));
    }
    Inspection {
        format: main.format.into(),
        virtual_size: main.virtual_size,
        refusals: main.refusals,
        details: main.details,
    }
}
