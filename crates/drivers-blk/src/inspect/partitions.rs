//! What a raw disk has in it, as far as Glance has a name for that: a file system of a CD, or a GUID partition table.
//! To QEMU both are raw, so both take the file's size.

use super::{File, Found};

/// ISO 9660 or UDF: the descriptor in sector 16 (of 2 KiB) says so.
pub(super) fn iso(file: &File<'_>) -> Option<Found> {
    let known: [&[u8]; 4] = [b"CD001", b"NSR02", b"NSR03", b"BEA01"];
    let head = file.head();
    let is = known.iter().any(|name| head.has(32 * 1024 + 1, name));
    is.then(|| Found { virtual_size: file.size, ..Found::new("iso") })
}

/// A GPT: a protective MBR, and a header in the second sector, of 512 bytes or 4 KiB.
pub(super) fn gpt(file: &File<'_>) -> Option<Found> {
    let head = file.head();
    let protective = head.has(510, &[0x55, 0xaa]) && (0..4).any(|n| head.byte(446 + n * 16 + 4) == Some(0xee));
    let header = [512, 4096].iter().any(|at| head.has(*at, b"EFI PART"));
    (protective && header).then(|| Found { virtual_size: file.size, ..Found::new("gpt") })
}
