//! Making a file appear whole or not at all, and stay: written aside, synced, renamed, the directory synced.

use crate::disk::OnDisk;
use kernel::{Result, error::Doing};
use std::{
    fs::{self, File},
    path::Path,
};

/// Gives the finished file `temporary` its name. After a crash either the old file is there or the new one, whole.
/// Both must lie in one file system. Blocks while the disk writes: call it from `spawn_blocking`.
pub fn commit_blocking(temporary: &Path, name: &Path) -> Result<()> {
    // fsync covers every page of the file, whichever process wrote it.
    File::open(temporary).and_then(|f| f.sync_all()).on_disk("syncing a file to disk")?;
    fs::rename(temporary, name).on_disk("giving a file its name")?;
    sync_parent(name)
}

pub fn sync_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    File::open(parent).and_then(|d| d.sync_all()).doing("syncing a directory")
}

pub async fn commit(temporary: &Path, name: &Path) -> Result<()> {
    let (temporary, name) = (temporary.to_owned(), name.to_owned());
    tokio::task::spawn_blocking(move || commit_blocking(&temporary, &name)).await.doing("syncing a file to disk")?
}
