//! LUKS version 1, a disk under encryption. Big-endian: 0 "LUKS\xba\xbe"  6 version u16  104 payload at, in sectors.

use super::{File, Found};

pub(super) fn look(file: &File<'_>) -> Option<Found> {
    let head = file.head();
    if !head.starts_with(b"LUKS\xba\xbe") {
        return None;
    }
    let mut found = Found::new("luks");
    let (Some(version), Some(payload)) = (head.bytes(6, 2), head.be32(104)) else { return Some(found.cut_short()) };
    // Mirrors oslo.utils: version 2 keeps its description in JSON and is not covered.
    found.refuse_if(version != [0, 1], "only version 1 of luks is supported");
    match file.size.checked_sub(u64::from(payload) * 512) {
        Some(size) => found.virtual_size = size,
        None => found.refuse("damaged: the encrypted data lies beyond the file's end"),
    }
    Some(found)
}
