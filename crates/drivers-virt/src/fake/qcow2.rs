//! The smallest honest qcow2: an empty disk, for copies of disks that are not there.
//!
//! ```text
//!   cluster (512 bytes)  0 header   1 refcount table   2 refcount block   3 L1 table
//! ```
//!
//! Source: QEMU's docs/interop/qcow2.txt, version 3.

use kernel::{Result, error::Doing};
use std::path::Path;

const CLUSTER: usize = 512;
/// One L1 entry covers 64 L2 entries of a cluster each; the table here has one cluster of 64 entries.
const SIZE: u64 = 1 << 20;

pub(crate) async fn write_empty(to: &Path) -> Result<()> {
    tokio::fs::write(to, empty()).await.doing("writing a fake disk's copy")
}

fn empty() -> Vec<u8> {
    let mut out = vec![0; 4 * CLUSTER];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"QFI\xfb");
    put(4, &3u32.to_be_bytes());
    put(20, &(CLUSTER.trailing_zeros()).to_be_bytes());
    put(24, &SIZE.to_be_bytes());
    let l1_entries = SIZE / (CLUSTER as u64 * (CLUSTER as u64 / 8));
    put(36, &u32::try_from(l1_entries).unwrap_or_default().to_be_bytes());
    put(40, &(3 * CLUSTER as u64).to_be_bytes());
    put(48, &(CLUSTER as u64).to_be_bytes());
    put(56, &1u32.to_be_bytes());
    // Refcounts of 2^4 bits; a header of 104 bytes.
    put(96, &4u32.to_be_bytes());
    put(100, &104u32.to_be_bytes());
    put(CLUSTER, &(2 * CLUSTER as u64).to_be_bytes());
    for cluster in 0..4 {
        put(2 * CLUSTER + 2 * cluster, &1u16.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[tokio::test]
    async fn qemu_img_finds_nothing_wrong_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_empty(&path).await.unwrap();
        assert_eq!(empty().len(), 4 * CLUSTER);
        if std::env::var_os("TSTACK_NO_QEMU").is_some() {
            return;
        }
        let run = |verb: &str| Command::new("qemu-img").args([verb, "-f", "qcow2"]).arg(&path).output().unwrap();
        let check = run("check");
        assert!(check.status.success(), "{check:?}");
        let info = String::from_utf8(run("info").stdout).unwrap();
        assert!(info.contains("1 MiB (1048576 bytes)"), "{info}");
    }
}
