//! An empty qcow2 image, as any reader wants it.

const CLUSTER: usize = 64 * 1024;
/// What one table of the second level maps.
const MAPPED: u64 = CLUSTER as u64 * (CLUSTER as u64 / 8);

/// Header, table of reference counts, their first block, first-level table.
pub(super) fn empty(size: u64) -> Vec<u8> {
    let entries = size.div_ceil(MAPPED);
    let tables = (entries as usize * 8).div_ceil(CLUSTER).max(1);
    let clusters = 3 + tables;
    let mut image = vec![0; clusters * CLUSTER];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"QFI\xfb");
    put(4, &3u32.to_be_bytes());
    put(20, &16u32.to_be_bytes()); // cluster bits
    put(24, &size.to_be_bytes());
    put(36, &(entries as u32).to_be_bytes());
    put(40, &(3 * CLUSTER as u64).to_be_bytes());
    put(48, &(CLUSTER as u64).to_be_bytes());
    put(56, &1u32.to_be_bytes());
    put(96, &4u32.to_be_bytes()); // reference counts of 16 bits
    put(100, &104u32.to_be_bytes());
    put(CLUSTER, &(2 * CLUSTER as u64).to_be_bytes());
    for cluster in 0..clusters {
        put(2 * CLUSTER + cluster * 2, &1u16.to_be_bytes());
    }
    image
}
