//! Settings of a pool.

use crate::qemu_img::{Compress, QemuImg};
use std::{net::IpAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

#[derive(Clone, Debug)]
pub struct FileVolumesConfig {
    /// The pool's name, the part of `host@backend#pool` after `#`.
    pub pool: String,
    /// The name of this host: exports for it are on Unix sockets.
    pub host: String,
    /// Volumes, snapshots and unfinished work, in one file system.
    pub dir: PathBuf,
    /// Directories like it, on other disks, that were added since.
    pub more: Vec<PathBuf>,
    /// Backups, by container: on another disk if they are to outlive this one.
    pub backups: PathBuf,
    /// For short names of sockets, should `dir` be too deep for them.
    pub run_dir: PathBuf,
    /// Where other hosts reach this pool; `None`: they do not.
    pub tcp: Option<TcpExports>,
    pub storage_daemon: PathBuf,
    pub img: QemuImg,
    /// Whether what is copied at leisure (images, snapshots, volumes of them) is compressed.
    pub compress: Compress,
    /// How many unpacked images are kept for the next volumes of them.
    pub images_kept: usize,
    /// How long a storage daemon may take to start, to answer, to end.
    pub patience: Duration,
}

/// NBD has no password, so the address belongs to a network that only hosts are on.
#[derive(Clone, Debug)]
pub struct TcpExports {
    pub address: IpAddr,
    /// One for each volume exported to another host.
    pub ports: RangeInclusive<u16>,
}

impl FileVolumesConfig {
    pub fn new(pool: impl Into<String>, host: impl Into<String>, dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        Self {
            pool: pool.into(),
            host: host.into(),
            backups: dir.join("backups"),
            dir,
            more: Vec::new(),
            run_dir: "/run/tstack".into(),
            tcp: None,
            storage_daemon: "qemu-storage-daemon".into(),
            img: QemuImg::default(),
            compress: Compress::No,
            images_kept: 8,
            patience: Duration::from_secs(30),
        }
    }
}
