//! The file under redb: made with care, and watched for failed syncs.

use crate::backend::BackendError;
use redb::{StorageBackend, backends::FileBackend};
use std::{
    fs::{File, OpenOptions},
    io,
    ops::Bound,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What a sync left unsynced: set once, never taken back. After it the page cache says what the disk may not hold, so nothing
/// that is read from the file then proves that a commit is durable.
#[derive(Clone, Debug, Default)]
pub(super) struct SyncFailed(Arc<AtomicBool>);

impl SyncFailed {
    pub(super) fn happened(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A storage that notes when a sync failed.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) storage: Box<dyn StorageBackend>,
    pub(super) sync_failed: SyncFailed,
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.storage.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.storage.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.storage.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        let result = self.storage.sync_data();
        if result.is_err() {
            self.sync_failed.0.store(true, Ordering::Release);
        }
        result
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.storage.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.storage.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, redb::BackendError> {
        self.storage.try_lock_range(start, end)
    }
    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, redb::BackendError> {
        self.storage.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.storage.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.storage.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.storage.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, redb::BackendError> {
        self.storage.query_lock_range(start, end)
    }
}

/// Opens the file for reading and writing. A new one is for its owner only, and its name is as durable as what will be in it.
pub(super) fn open(path: &Path) -> Result<Box<dyn StorageBackend>, BackendError> {
    let cannot = |what: &str, e: io::Error| {
        BackendError::Unavailable(format!("the store {} cannot be {what}: {e}", path.display()))
    };
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|e| cannot("opened", e))?;
    let metadata = file.metadata().map_err(|e| cannot("opened", e))?;
    if metadata.mode() & 0o077 != 0 {
        // It holds password hashes and keys.
        let private = std::fs::Permissions::from_mode(0o600);
        file.set_permissions(private).map_err(|e| cannot("kept to its owner", e))?;
    }
    if metadata.len() == 0 {
        sync_parent(path).map_err(|e| cannot("made", e))?;
    }
    match FileBackend::new(file) {
        Ok(backend) => Ok(Box::new(backend)),
        Err(e) => Err(BackendError::Unavailable(format!("the store {} cannot be opened: {e}", path.display()))),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
