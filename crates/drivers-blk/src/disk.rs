//! What every driver here says about the disk under it: how much is free, and an error that a user can read when nothing is.

use crate::qemu_img::NO_SPACE;
use kernel::{Error, Result};
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    thread,
    time::Duration,
};

/// Sizes of the file system that holds `path`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    /// What an unprivileged writer may still take.
    pub free: u64,
}

pub fn space(path: &Path) -> Result<Space> {
    let of = rustix::fs::statvfs(path)
        .map_err(|e| Error::internal(format!("asking for the free space of {}", path.display())).with_source(e))?;
    Ok(Space { total: of.f_blocks.saturating_mul(of.f_frsize), free: of.f_bavail.saturating_mul(of.f_frsize) })
}

/// Makes a directory, and those above it, that only its owner may enter: what lies in it belongs to tenants.
pub fn private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// Takes the directory's `lock` for this process alone, until the file is dropped. Waits a moment (and blocks for it): the process
/// before this one may be on its way out, and a child between fork and exec holds its parent's locks.
pub fn lock_dir(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let doing = format!("locking {}", dir.display());
    let file = File::options().write(true).create(true).truncate(false).open(&path).on_disk(&doing)?;
    for _ in 0..100 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(disk_error(&doing, e)),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
        }
    }
    Err(Error::conflict(format!("another tstack uses {}; stop it first", dir.display())))
}

/// Removes a directory and all in it; `Ok` if it is not there. A program that our killed predecessor left at work may still be making
/// a file in it: so more than one try. Once the directory is gone, such a program makes no more.
pub fn remove_dir(path: &Path) -> io::Result<()> {
    for _ in 0..100 {
        match fs::remove_dir_all(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            done => return done,
        }
    }
    fs::remove_dir_all(path)
}

/// An I/O error met while `doing` something with a file: a full disk is told to the user (`TooLarge`, code
/// [`NO_SPACE`]), everything else only to the log.
pub fn disk_error(doing: &str, e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::too_large(format!("{doing} failed: no space left on the host's disk"))
                .with_code(NO_SPACE)
                .with_source(e)
        }
        _ => Error::internal(doing).with_source(e),
    }
}

/// The same as [`kernel::error::Doing`], for files that may meet a full disk.
pub trait OnDisk<T> {
    fn on_disk(self, doing: &str) -> Result<T>;
}

impl<T> OnDisk<T> for io::Result<T> {
    fn on_disk(self, doing: &str) -> Result<T> {
        self.map_err(|e| disk_error(doing, e))
    }
}
