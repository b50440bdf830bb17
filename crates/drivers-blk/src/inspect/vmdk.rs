//! VMware's VMDK. Little-endian. Only the two types that are one file: `monolithicSparse` and `streamOptimized`.
//!
//! ```text
//!    0 "KDMV"  4 version  8 flags  12 capacity  20 grain size  28 descriptor at  36 its length  44 entries per table
//!   48 redundant directory  56 grain directory  64 where data begins    (all in sectors of 512 bytes)
//!   descriptor: text; `createType="…"`, extents (`RW 20480 SPARSE "x.vmdk"`), `ddb.…`
//!   streamOptimized: directory at -1, and at the file's end a marker, a copy of the header (which counts) and an end marker
//! ```
//!
//! The descriptor is where the danger is: extents and parents are names of files. A file that begins with the descriptor, and
//! one whose capacity is 0 (QEMU then opens its descriptor as if it were such a file), are refused whatever they say.

use super::{Fields, File, Found};
use kernel::Result;

const SECTOR: u64 = 512;
const DESCRIPTOR_LIMIT: u64 = (1 << 20) - 1;
const AT_END: u64 = u64::MAX;
const FOOTER: u32 = 3;

pub(super) async fn look(file: &File<'_>) -> Result<Option<Found>> {
    let head = file.head();
    let mut found = Found::new("vmdk");
    if head.starts_with(b"COWD") {
        found.refuse("vmdk of an ESX host's own type is not supported");
        return Ok(Some(found));
    }
    if !head.starts_with(b"KDMV") {
        return Ok(is_descriptor(head.0).then(|| {
            found.refuse("a vmdk descriptor leads to other files");
            found
        }));
    }
    let Some(header) = Header::read(&head) else { return Ok(Some(found.cut_short())) };
    found.virtual_size = header.capacity.saturating_mul(SECTOR);
    header.check(file, &mut found);
    if header.directory == AT_END {
        footer(&file.last(1536), &header, &mut found);
    }
    descriptor(file, &header, &mut found).await?;
    Ok(Some(found))
}

#[derive(PartialEq)]
struct Header {
    version: u32,
    capacity: u64,
    grain: u64,
    descriptor: u64,
    descriptor_length: u64,
    table_entries: u32,
    directory: u64,
    data: u64,
}

impl Header {
    fn read(at: &Fields<'_>) -> Option<Self> {
        Some(Self {
            version: at.le32(4)?,
            capacity: at.le64(12)?,
            grain: at.le64(20)?,
            descriptor: at.le64(28)?,
            descriptor_length: at.le64(36)?,
            table_entries: at.le32(44)?,
            directory: at.le64(56)?,
            data: at.le64(64)?,
        })
    }

    fn check(&self, file: &File<'_>, found: &mut Found) {
        found.detail("version", self.version);
        found.refuse_if(!(1..=3).contains(&self.version), "unsupported vmdk version");
        found.refuse_if(self.capacity == 0, "a vmdk descriptor leads to other files");
        found.refuse_if(self.capacity > i64::MAX as u64 / SECTOR, "damaged: impossible size");
        let grain = self.grain.is_power_of_two() && (1..=128 * 1024).contains(&self.grain);
        found.refuse_if(!grain || !(1..=512).contains(&self.table_entries), "damaged: impossible grain size");
        let outside = self.directory != AT_END && self.directory.saturating_mul(SECTOR) >= file.size;
        found.refuse_if(outside, "damaged: the grain directory lies beyond the file's end");
        let cut = self.data.saturating_mul(SECTOR) > file.size;
        found.refuse_if(cut, "damaged: the tables lie beyond the file's end");
    }
}

/// The copy of the header at the end is the one that QEMU believes, so it must say the same.
fn footer(end: &Fields<'_>, header: &Header, found: &mut Found) {
    let footer = end.from(512);
    let same = Header::read(&footer).is_some_and(|f| {
        footer.starts_with(b"KDMV") && f.directory != AT_END && Header { directory: AT_END, ..f } == *header
    });
    found.refuse_if(!same, "damaged: the vmdk footer says other things than the header");
    let marker = |at: usize, kind: u32| end.le32(at + 8) == Some(0) && end.le32(at + 12) == Some(kind);
    let plain = end.zero(16, 496) == Some(true) && end.zero(1024, 512) == Some(true);
    found.refuse_if(!marker(0, FOOTER) || !plain, "damaged: the vmdk footer is not where it belongs");
}

async fn descriptor(file: &File<'_>, header: &Header, found: &mut Found) -> Result<()> {
    let length = header.descriptor_length.saturating_mul(SECTOR);
    // QEMU has its descriptors at sector 1, and so has everybody; elsewhere only somebody who hides one puts it.
    if header.descriptor != 1 || length == 0 || length > DESCRIPTOR_LIMIT || !file.holds(SECTOR, length) {
        found.refuse("damaged: the vmdk descriptor is not where it belongs");
        return Ok(());
    }
    let bytes = file.at(SECTOR, length as usize).await?;
    let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
    match std::str::from_utf8(text).ok().filter(|t| t.is_ascii()) {
        Some(text) => judge(&text.to_ascii_lowercase(), found),
        None => found.refuse("damaged: the vmdk descriptor is not text"),
    }
    Ok(())
}

/// Every line must be one that is understood. What QEMU looks for anywhere, in comments too, is looked for there.
fn judge(text: &str, found: &mut Found) {
    let (mut kind, mut extents) = (None, 0);
    found.refuse_if(text.contains("parentfilenamehint"), "it has a parent file");
    found.refuse_if(text.matches("createtype").count() > 1, "damaged: the vmdk descriptor has several types");
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let first = line.split(' ').next().unwrap_or_default();
        if line.starts_with("ddb") {
            continue;
        }
        if matches!(first, "rw" | "rdonly" | "noaccess") {
            extents += 1;
            let sparse = line.split_whitespace().nth(2) == Some("sparse");
            found.refuse_if(!sparse || line.contains('/'), "its extents are other files");
        } else if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.trim_end().contains(' ')) {
            if name.trim_end() == "createtype" {
                kind = Some(value.trim().trim_matches('"').to_owned());
            }
        } else {
            found.refuse("damaged: a line of the vmdk descriptor is not understood");
            return;
        }
    }
    match kind.as_deref() {
        Some(known @ ("monolithicsparse" | "streamoptimized")) => found.detail("create_type", known),
        Some(_) => found.refuse("a vmdk of this type leads to other files"),
        None => found.refuse("damaged: the vmdk descriptor has no type"),
    }
    found.refuse_if(extents != 1, "its extents are other files");
}

/// Whether a text file would pass for a descriptor: as lenient as QEMU's own probe (comments and blank lines, then a version),
/// and more, since VMware's own begin with a comment that names it.
fn is_descriptor(head: &[u8]) -> bool {
    let text = head.split(|b| *b == 0).next().unwrap_or_default();
    let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).map(<[u8]>::to_ascii_lowercase);
    let named = text.trim_ascii_start().to_ascii_lowercase().starts_with(b"# disk descriptorfile");
    named || lines.find(|l| !l.is_empty() && !l.starts_with(b"#")).is_some_and(|l| is_version(&l))
}

fn is_version(line: &[u8]) -> bool {
    matches!(line.strip_prefix(b"version=").map(<[u8]>::trim_ascii), Some(b"1" | b"2" | b"3"))
}
