//! Making a file appear whole or not at all, and stay: written aside, synced, renamed, the directory synced.

use crate::disk::OnDisk;
use kernel::{Result, error::Doing};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
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

/// Something not finished: goes away unless it was given its name.
#[derive(Debug)]
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Beside what it is to be, which need not lie in our own file system.
    pub(crate) fn beside(name: &Path, ending: &str) -> Self {
        let mut path = name.as_os_str().to_owned();
        path.push(ending);
        Self(path.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) async fn commit(self, name: &Path) -> Result<()> {
        commit(&self.0, name).await
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // One of both is right, or neither when it has found its place.
        let _ = fs::remove_file(&self.0);
        let _ = fs::remove_dir_all(&self.0);
    }
}
