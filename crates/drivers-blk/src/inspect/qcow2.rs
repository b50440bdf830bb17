//! QEMU's qcow2, versions 2 and 3 (docs/interop/qcow2.txt of QEMU). Big-endian.
//!
//! ```text
//!    0 magic   4 version   8 backing file offset  16 its length  20 cluster bits  24 size  32 encryption
//!   36 L1 entries  40 L1 offset  48 refcount table offset  56 its clusters  60 snapshots  64 their offset
//!   72 incompatible features  80 compatible  88 autoclear  96 refcount order  100 header length  104 compression type
//!   header length … : extensions (type, length, data padded to 8), ended by type 0
//! ```

use super::{Fields, File, Found};
use kernel::Result;

const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2;

/// Header extensions.
const END: u32 = 0;
const DATA_FILE_NAME: u32 = 0x4441_5441;
const ENCRYPTION: u32 = 0x0537_be77;

/// QEMU's own limits (block/qcow2.h).
const MAX_L1_BYTES: u64 = 32 << 20;
const MAX_REFCOUNT_TABLE: u64 = 8 << 20;
const MAX_SNAPSHOTS: u32 = 65_536;
/// Of the L1 table this much is read; a disk of 64 TiB in the usual clusters needs 1 MiB.
const READ_L1_BYTES: u64 = 1 << 20;

struct Header {
    version: u32,
    cluster_bits: u32,
    size: u64,
    l1_entries: u32,
    l1_offset: u64,
    features: u64,
    header_length: u32,
}

pub(super) async fn look(file: &File<'_>) -> Result<Option<Found>> {
    let head = file.head();
    if !head.starts_with(b"QFI\xfb") {
        return Ok(None);
    }
    let mut found = Found::new("qcow2");
    let Some(version) = head.be32(4) else { return Ok(Some(found.cut_short())) };
    found.detail("version", version);
    if !matches!(version, 2 | 3) {
        found.refuse(format!("unsupported qcow2 version {version}"));
        return Ok(Some(found));
    }
    let Some(header) = read_header(&head, version, file, &mut found) else { return Ok(Some(found.cut_short())) };
    found.virtual_size = header.size;
    if !(9..=21).contains(&header.cluster_bits) {
        found.refuse("damaged: impossible cluster size");
        return Ok(Some(found));
    }
    found.detail("cluster_size", 1u64 << header.cluster_bits);
    extensions(file, &header, &mut found).await?;
    tables(file, &header, &mut found).await?;
    Ok(Some(found))
}

/// `None` when the header is cut short.
fn read_header(head: &Fields<'_>, version: u32, file: &File<'_>, found: &mut Found) -> Option<Header> {
    let (features, header_length) = if version == 3 { (head.be64(72)?, head.be32(100)?) } else { (0, 72) };
    let header = Header {
        version,
        cluster_bits: head.be32(20)?,
        size: head.be64(24)?,
        l1_entries: head.be32(36)?,
        l1_offset: head.be64(40)?,
        features,
        header_length,
    };
    found.refuse_if(head.be64(8)? != 0, "it has a backing file");
    found.refuse_if(head.be32(32)? != 0, "it is encrypted");
    found.refuse_if(features & DATA_FILE != 0, "it keeps its data in an external data file");
    found.refuse_if(features & CORRUPT != 0, "it is marked as corrupt");
    found.refuse_if(features & !KNOWN != 0, "it has unknown incompatible features");
    found.refuse_if(header.size > i64::MAX as u64, "damaged: impossible size");
    if version == 3 {
        found.refuse_if(head.be32(96)? > 6, "damaged: impossible width of reference counts");
        let whole = (104..=4096).contains(&header_length) && header_length % 8 == 0;
        found.refuse_if(!whole, "damaged: impossible header length");
        let compression = if header_length > 104 { head.byte(104)? } else { 0 };
        found.refuse_if(compression > 1, "it has an unknown compression type");
    }
    let cluster = 1u64.checked_shl(header.cluster_bits).unwrap_or(u64::MAX);
    let (refcounts, clusters) = (head.be64(48)?, u64::from(head.be32(56)?));
    let length = clusters.saturating_mul(cluster);
    let sound = clusters > 0 && length <= MAX_REFCOUNT_TABLE.max(cluster) && refcounts % cluster == 0;
    found.refuse_if(!sound || refcounts == 0, "damaged: impossible table of reference counts");
    found.refuse_if(refcounts >= file.size, "damaged: the table of reference counts lies beyond the file's end");
    let snapshots = head.be32(60)?;
    let outside = snapshots > 0 && head.be64(64)? >= file.size;
    found.refuse_if(snapshots > MAX_SNAPSHOTS || outside, "damaged: the table of snapshots lies beyond the file's end");
    Some(header)
}

/// The extensions fill the rest of the first cluster at most.
async fn extensions(file: &File<'_>, header: &Header, found: &mut Found) -> Result<()> {
    let start = header.header_length as usize;
    let cluster = 1usize << header.cluster_bits;
    if start >= cluster {
        found.refuse("damaged: impossible header length");
        return Ok(());
    }
    let first = file.at(0, cluster).await?;
    let mut rest = Fields(&first).from(start);
    while let (Some(kind), Some(length)) = (rest.be32(0), rest.be32(4)) {
        match kind {
            END => return Ok(()),
            DATA_FILE_NAME => found.refuse("it names an external data file"),
            ENCRYPTION => found.refuse("it is encrypted"),
            _ => {} // the specification lets readers pass over what they do not know
        }
        let padded = (length as usize).checked_next_multiple_of(8).and_then(|l| l.checked_add(8));
        match padded {
            Some(next) if next <= rest.0.len() => rest = rest.from(next),
            _ => {
                found.refuse("damaged: a header extension is longer than the header");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The first level of the map from the guest's addresses to the file's: there, large enough, and pointing into the file.
async fn tables(file: &File<'_>, header: &Header, found: &mut Found) -> Result<()> {
    let cluster = 1u64 << header.cluster_bits;
    let entry = if header.version == 3 && header.features & EXTENDED_L2 != 0 { 16 } else { 8 };
    let covered_by_one = cluster.saturating_mul(cluster / entry);
    let bytes = u64::from(header.l1_entries) * 8;
    if bytes > MAX_L1_BYTES || u64::from(header.l1_entries) < header.size.div_ceil(covered_by_one) {
        found.refuse("damaged: the cluster table does not fit the disk's size");
        return Ok(());
    }
    if !header.l1_offset.is_multiple_of(cluster) || !file.holds(header.l1_offset, bytes) {
        found.refuse("damaged: the cluster table lies beyond the file's end");
        return Ok(());
    }
    let table = file.at(header.l1_offset, bytes.min(READ_L1_BYTES) as usize).await?;
    let outside = table.chunks_exact(8).any(|entry| {
        let offset = Fields(entry).be64(0).unwrap_or(0) & 0x00ff_ffff_ffff_fe00;
        offset % cluster != 0 || offset >= file.size
    });
    found.refuse_if(outside, "damaged: clusters lie beyond the file's end");
    Ok(())
}
