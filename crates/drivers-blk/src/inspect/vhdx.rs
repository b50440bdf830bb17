//! Microsoft's VHDX ([MS-VHDX]). Little-endian.
//!
//! ```text
//!        0 "vhdxfile"
//!   192 Ki region table: 0 "regi"  8 entries  16 … each 32 bytes: guid, offset u64, length u32, required u32
//!          metadata region: 0 "metadata"  10 entries u16  32 … each 32 bytes: guid, offset u32, length u32, flags u32
//!             "virtual disk size" u64 · "file parameters": block size u32, flags u32 (bit 1: it has a parent)
//! ```

use super::{Fields, File, Found};
use kernel::Result;

const REGIONS_AT: u64 = 192 * 1024;
const TABLE: usize = 64 * 1024;
const MOST_ENTRIES: usize = 2047;
const ENTRY: usize = 32;
/// In a metadata entry's flags.
const REQUIRED: u32 = 1 << 2;
/// In the file parameters.
const HAS_PARENT: u32 = 1 << 1;

/// A GUID as it lies in the file: the first three groups turned round.
const fn guid(a: u32, b: u16, c: u16, rest: [u8; 8]) -> [u8; 16] {
    let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rest;
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], r0, r1, r2, r3, r4, r5, r6, r7]
}

const BAT: [u8; 16] = guid(0x2dc2_7766, 0xf623, 0x4200, [0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08]);
const METADATA: [u8; 16] = guid(0x8b7c_a206, 0x4790, 0x4b9a, [0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e]);
const FILE_PARAMETERS: [u8; 16] = guid(0xcaa1_6737, 0xfa36, 0x4d43, [0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b]);
const DISK_SIZE: [u8; 16] = guid(0x2fa5_4224, 0xcd1b, 0x4876, [0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8]);
const DISK_ID: [u8; 16] = guid(0xbeca_12ab, 0xb2e6, 0x4523, [0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46]);
const SECTOR_SIZE: [u8; 16] = guid(0x8141_bf1d, 0xa96f, 0x4709, [0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f]);
const PHYSICAL_SECTOR: [u8; 16] = guid(0xcda3_48c7, 0x445d, 0x4471, [0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56]);

pub(super) async fn look(file: &File<'_>) -> Result<Option<Found>> {
    if !file.head().starts_with(b"vhdxfile") {
        return Ok(None);
    }
    let mut found = Found::new("vhdx");
    let regions = file.at(REGIONS_AT, TABLE).await?;
    match metadata_region(file, &Fields(&regions), &mut found) {
        Some(at) => metadata(file, at, &mut found).await?,
        None => found.refuse("damaged: the vhdx has no metadata"),
    }
    Ok(Some(found))
}

/// Where the metadata lies.
fn metadata_region(file: &File<'_>, table: &Fields<'_>, found: &mut Found) -> Option<u64> {
    let entries = table.le32(8)? as usize;
    if !table.starts_with(b"regi") || entries > MOST_ENTRIES {
        return None;
    }
    let mut metadata = None;
    for n in 0..entries {
        let entry = table.from(16 + n * ENTRY);
        let (id, offset, length) = (entry.bytes(0, 16)?, entry.le64(16)?, entry.le32(24)?);
        let outside = !file.holds(offset, length.into()) || offset < 1 << 20;
        found.refuse_if(outside, "damaged: a region lies beyond the file's end");
        match id {
            id if id == METADATA => metadata = Some(offset),
            id if id == BAT => {}
            _ => found.refuse_if(entry.le32(28)? & 1 != 0, "it has unknown required features"),
        }
    }
    metadata
}

async fn metadata(file: &File<'_>, region: u64, found: &mut Found) -> Result<()> {
    let table = file.at(region, TABLE).await?;
    let table = Fields(&table);
    let (mut size, mut parameters) = (None, None);
    let entries = table.le16(10).map_or(0, usize::from);
    if !table.starts_with(b"metadata") || entries > MOST_ENTRIES {
        found.refuse("damaged: the vhdx metadata is not where it belongs");
        return Ok(());
    }
    for n in 0..entries {
        let entry = table.from(32 + n * ENTRY);
        let (Some(id), Some(offset), Some(flags)) = (entry.bytes(0, 16), entry.le32(16), entry.le32(24)) else {
            found.refuse("damaged: the vhdx metadata is cut short");
            return Ok(());
        };
        let at = region.saturating_add(offset.into());
        match id {
            id if id == DISK_SIZE => size = Some(at),
            id if id == FILE_PARAMETERS => parameters = Some(at),
            id if [DISK_ID, SECTOR_SIZE, PHYSICAL_SECTOR].iter().any(|known| id == known) => {}
            // A parent locator is required as well, and known: it is what a differencing disk has.
            _ => found.refuse_if(flags & REQUIRED != 0, "it has unknown required features"),
        }
    }
    let (Some(size), Some(parameters)) = (size, parameters) else {
        found.refuse("damaged: the vhdx metadata has no size");
        return Ok(());
    };
    let (size, parameters) = (file.at(size, 8).await?, file.at(parameters, 8).await?);
    let (Some(size), Some(flags)) = (Fields(&size).le64(0), Fields(&parameters).le32(4)) else {
        found.refuse("damaged: the vhdx metadata is cut short");
        return Ok(());
    };
    found.virtual_size = size;
    found.refuse_if(size == 0 || size > 64 << 40, "damaged: impossible size");
    found.refuse_if(flags & HAS_PARENT != 0, "it has a parent file");
    Ok(())
}
