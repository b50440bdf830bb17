//! Reads what should not change any more, and says what has: snapshots and the chunks of backups against their SHA-256, the tables of
//! volumes that nobody has open against themselves (`qemu-img check`).
//!
//! A snapshot's checksum is taken when it is first read, a chunk's when it was written. What is found is kept for the audit until the
//! next scrub finds it mended. A scrub is slow on purpose: guests go first.

use super::{FileVolumes, pool::VolumeDir};
use crate::{backups, checksum::hex, disk::OnDisk, ground::read, qemu_img::Format, turns::Orderly};
use kernel::{Result, SnapshotId, VolumeId, error::Doing};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fs::File, io::Read, path::Path, thread, time::Duration};
use tokio::task::spawn_blocking;

/// Between pieces of 4 MiB: 80 MB/s at most.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    sha256: String,
}

impl FileVolumes {
    /// Looks at everything once. Sentences about what is damaged.
    pub async fn scrub(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for id in self.inner.pool.ids()? {
            let of = id.clone();
            found.extend(self.task(&id, |pool| async move { pool.tables(&of).await }).await?);
            // A volume that goes away meanwhile has none.
            for snapshot in self.inner.pool.volume(&id)?.snapshots().unwrap_or_default() {
                found.extend(self.snapshot_sum(&id, &snapshot).await?);
            }
        }
        let store = self.inner.config.backups.clone();
        found.extend(spawn_blocking(move || backups::scrub(&store, PAUSE)).await.doing("scrubbing backups")??);
        self.inner.damaged.lock().clone_from(&found);
        Ok(found)
    }

    /// With the volume's turn in hand.
    async fn tables(&self, id: &VolumeId) -> Result<Option<String>> {
        let volume = self.inner.pool.volume(id)?;
        if !volume.exists() || volume.exported()?.is_some() {
            return Ok(None);
        }
        let sound = self.inner.config.img.is_sound(&volume.image(), Format::Qcow2).await?;
        Ok((!sound).then(|| format!("volume {id}: its image's tables are damaged")))
    }

    async fn snapshot_sum(&self, id: &VolumeId, snapshot: &SnapshotId) -> Result<Option<String>> {
        let volume = self.inner.pool.volume(id)?;
        let (path, sum) = (volume.snapshot(snapshot)?, sum_path(&volume, snapshot)?);
        let hashed = spawn_blocking(move || hash(&path)).await.doing("scrubbing a snapshot")??;
        // One that was removed meanwhile is nothing to speak of.
        let Some(sha256) = hashed else { return Ok(None) };
        let now = Sum { sha256 };
        match read::<Sum>(&sum)? {
            Some(before) if before != now => {
                Ok(Some(format!("snapshot {snapshot} of volume {id}: its bytes have changed")))
            }
            Some(_) => Ok(None),
            None => self.inner.write_record(&volume.area, sum, now).await.map(|()| None),
        }
    }
}

pub(super) fn sum_path(volume: &VolumeDir, snapshot: &SnapshotId) -> Result<std::path::PathBuf> {
    Ok(volume.snapshot(snapshot)?.with_extension("sum"))
}

fn hash(path: &Path) -> Result<Option<String>> {
    let doing = "reading a snapshot";
    let mut file = match File::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.on_disk(doing)?,
    };
    let (mut sum, mut piece) = (Sha256::new(), vec![0; 4 << 20]);
    loop {
        match file.read(&mut piece).on_disk(doing)? {
            0 => return Ok(Some(hex(&sum.finalize()))),
            n => sum.update(&piece[..n]),
        }
        thread::sleep(PAUSE);
    }
}
