//! Microsoft's VHD (QEMU's `vpc`). Big-endian. The footer of 512 bytes is the file's end; all types but the fixed one have a
//! copy of it at the beginning, which is where QEMU looks first.
//!
//! ```text
//!    0 "conectix"  12 version  16 where the dynamic header lies  48 size  60 type (2 fixed, 3 dynamic, 4 differencing)  64 checksum
//!   dynamic header: 0 "cxsparse"  16 table at  28 its entries  32 block size
//! ```

use super::{Fields, File, Found};
use kernel::Result;

const COOKIE: &[u8] = b"conectix";
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;

pub(super) async fn look(file: &File<'_>) -> Result<Option<Found>> {
    let (head, end) = (file.head(), file.last(512));
    let mut found = Found::new("vhd");
    if head.starts_with(COOKIE) {
        let Some(footer) = head.bytes(0, 512).map(Fields) else { return Ok(Some(found.cut_short())) };
        dynamic(file, &footer, &mut found).await?;
        return Ok(Some(found));
    }
    // With only a footer it is a raw disk to all who do not look for it, so it has to be a real one.
    let fixed = end.starts_with(COOKIE) && end.be32(60) == Some(FIXED) && checksum_holds(&end);
    if !fixed {
        return Ok(None);
    }
    found.detail("type", "fixed");
    found.virtual_size = end.be64(48).unwrap_or(0);
    found.refuse_if(found.virtual_size > file.size - 512, "damaged: the disk is larger than the file");
    Ok(Some(found))
}

async fn dynamic(file: &File<'_>, footer: &Fields<'_>, found: &mut Found) -> Result<()> {
    found.virtual_size = footer.be64(48).unwrap_or(0);
    found.refuse_if(!checksum_holds(footer), "damaged: the vhd header's checksum is wrong");
    match footer.be32(60) {
        Some(DYNAMIC) => found.detail("type", "dynamic"),
        Some(DIFFERENCING) => found.refuse("it has a parent file"),
        _ => found.refuse("damaged: impossible vhd type"),
    }
    let header = file.at(footer.be64(16).unwrap_or(u64::MAX), 1024).await?;
    let header = Fields(&header);
    let (Some(table), Some(entries), Some(block)) = (header.be64(16), header.be32(28), header.be32(32)) else {
        found.refuse("damaged: the vhd's dynamic header lies beyond the file's end");
        return Ok(());
    };
    found.refuse_if(!header.starts_with(b"cxsparse"), "damaged: the vhd has no dynamic header");
    let holds_all = u64::from(entries).saturating_mul(block.into()) >= found.virtual_size;
    found.refuse_if(!block.is_power_of_two() || !holds_all, "damaged: the block table does not fit the disk's size");
    found.refuse_if(!file.holds(table, u64::from(entries) * 4), "damaged: the block table lies beyond the file's end");
    Ok(())
}

/// The complement of the sum of all bytes but the checksum's own.
fn checksum_holds(footer: &Fields<'_>) -> bool {
    let (Some(bytes), Some(noted)) = (footer.bytes(0, 512), footer.be32(64)) else { return false };
    let sum: u32 = bytes.iter().enumerate().filter(|(at, _)| !(64..68).contains(at)).map(|(_, b)| u32::from(*b)).sum();
    !sum == noted
}
