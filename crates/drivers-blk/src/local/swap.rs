//! A swap disk as a guest expects it: empty, with the signature that mkswap(8) writes.
//!
//! ```text
//!   first page   0-1023 (boot)   1024 version=1   1028 last page   1032 bad pages=0   1036 UUID   4086 "SWAPSPACE2"
//! ```
//!
//! Source: include/linux/swap.h, `union swap_header`.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

const PAGE: u64 = 4096;

/// Makes a sparse raw file of `size` bytes, ready for swapon(8).
pub(super) fn make(path: &Path, size: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.set_len(size)?;
    // Smaller than mkswap's least is left blank: no guest can use it.
    if let Some(last) = (size / PAGE).checked_sub(1).filter(|last| *last >= 9) {
        let mut page = vec![0; PAGE as usize];
        page[1024..1028].copy_from_slice(&1u32.to_le_bytes());
        page[1028..1032].copy_from_slice(&u32::try_from(last).unwrap_or(u32::MAX).to_le_bytes());
        page[1036..1052].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        page[4086..].copy_from_slice(b"SWAPSPACE2");
        file.write_all(&page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn blkid_knows_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("swap");
        make(&path, 1 << 20).unwrap();
        let out = Command::new("blkid").args(["-p", "-s", "TYPE", "-s", "VERSION", "-o", "export"]).arg(&path).output();
        let out = String::from_utf8(out.unwrap().stdout).unwrap();
        assert!(out.contains("TYPE=swap") && out.contains("VERSION=1"), "{out}");
        make(&path, 100).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [0; 100]);
    }
}
