//! Volumes as qcow2 files of this host, each served by a storage daemon of its own while it is exported.
//!
//! ```text
//!   guest here ──── Unix socket ──▶ storage daemon ──▶ <pool>/volumes/<id>/volume.qcow2
//!   guest there ─▶ TCP ─▶ gateway ────┘    ▲
//!                                          │ monitor: grow, copy
//!                        FileVolumes ──────┘   (comes and goes; the daemons stay)
//! ```
//!
//! ```text
//!             create                     export (record, then daemons)
//!   (none) ───────────▶ a directory ──────────────────────────────────▶ exported
//!      ▲   by renaming    │      ▲                                         │
//!      └──── delete ──────┘      └── unexport (daemons, then record) ◀─────┘
//! ```
//!
//! Invariants
//! - A volume or snapshot is there whole or not at all: made in `making`, synced, renamed. What a kill leaves is removed by the next
//!   open, and the next call begins anew.
//! - Calls on one volume take turns ([`Orderly`]).
//! - Whether a volume is exported is said by its record, which is there before the first daemon and after the last one. As long as it
//!   is there, a watcher starts again what died: guests wait (`reconnect-delay`) and go on.
//! - A write is on the disk before it is acknowledged (`writethrough`). It must be: qcow2 keeps its tables in the daemon's
//!   memory until a flush, and after a crash a guest's NBD client connects to the next daemon without a word to the guest, whose
//!   later flush would be answered by a daemon that never saw the writes before.
//! - A generation older than one seen is refused, also after the volume has gone.

mod areas;
mod audit;
mod back_up;
mod bases;
mod config;
mod daemon;
mod disk;
mod doctor;
mod export;
mod gateway;
mod handover;
mod make;
mod marks;
mod packed;
mod pool;
mod process;
mod qmp;
mod scrub;
mod sockets;

pub use config::{FileVolumesConfig, TcpExports};
pub use doctor::doctor;

use crate::{
    backups,
    ground::{Ground, remove_file},
    qemu_img::Format,
    turns::{Orderly, Turns},
};
use async_trait::async_trait;
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use parking_lot::Mutex;
use pool::{GIB, Pool, VolumeDir, VolumeRecord};
use ports::IoLimits;
use serde::Serialize;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

use volume::driver::{
    BackupInfo, BackupPlace, BackupSpec, Candidate, Fence, ImageFetch, Inventory, PoolStats, Target, VolumeBackend,
    VolumeSpec,
};

/// One pool. Clones share it.
#[derive(Clone)]
pub struct FileVolumes {
    inner: Arc<Inner>,
}

struct Inner {
    config: FileVolumesConfig,
    pool: Pool,
    turns: Turns,
    /// Whoever counts what was packed.
    counting: Mutex<()>,
    /// What the last scrub found.
    damaged: Mutex<Vec<String>>,
    /// One per exported volume.
    watchers: Mutex<HashMap<VolumeId, AbortOnDropHandle<()>>>,
}

impl FileVolumes {
    /// Opens (or makes) the pool, for this process alone. Daemons that run are found again, untouched; those of exported volumes
    /// that do not run (the host was down) are started in the background, for which this needs to be called inside a runtime.
    pub fn open(config: FileVolumesConfig) -> Result<Self> {
        let pool = Pool::open(&config)?;
        let inner = Arc::new(Inner {
            config,
            pool,
            turns: Turns::default(),
            counting: Mutex::default(),
            damaged: Mutex::default(),
            watchers: Mutex::default(),
        });
        for id in inner.pool.ids()? {
            if inner.pool.volume(&id)?.exported()?.is_some() {
                export::watch(&inner, &id);
            }
        }
        Ok(Self { inner })
    }
}

impl Orderly for FileVolumes {
    fn turns(&self) -> &Turns {
        &self.inner.turns
    }
    fn ground(&self) -> &Ground {
        self.inner.pool.ground()
    }
}

/// Grows a volume that has been found, exported or not. Its record follows its image.
async fn extend(pool: &FileVolumes, volume: &VolumeDir, size_gib: u64) -> Result<()> {
    let size = size_gib.saturating_mul(GIB);
    if volume.record()?.size_gib > size_gib {
        return Err(Error::bad_request(format!("volume {} is larger than {size_gib} GiB", volume.id)));
    }
    let inner = &pool.inner;
    match inner.serve(volume).await? {
        None => inner.config.img.grow(&volume.image(), Format::Qcow2, size).await?,
        Some(mut qmp) => {
            let export = volume.exported()?.ok_or_else(|| Error::internal("an export has vanished"))?;
            disk::grow(&mut qmp, volume, size, &export).await?;
            drop(qmp);
            inner.serve_others(volume, size).await?;
        }
    }
    inner.write_record(&volume.area, volume.record_path(), VolumeRecord { size_gib }).await
}

async fn delete(volume: &VolumeDir) -> Result<()> {
    if !volume.exists() {
        return Ok(());
    }
    if volume.exported()?.is_some() {
        return Err(Error::conflict(format!("volume {} is exported", volume.id)));
    }
    if !volume.snapshots()?.is_empty() {
        return Err(Error::conflict(format!("volume {} has snapshots", volume.id)));
    }
    // Gone at once for everybody who looks, then removed at leisure.
    let (path, aside) = (volume.path().to_owned(), volume.unfinished());
    let remove = move || -> Result<()> {
        fs::rename(&path, aside.path()).doing("removing a volume")?;
        crate::durable::sync_parent(&path)?;
        fs::remove_dir_all(aside.path()).doing("removing a volume's files")
    };
    spawn_blocking(remove).await.doing("removing a volume")?
}

#[async_trait]
impl VolumeBackend for FileVolumes {
    async fn create(&self, spec: &VolumeSpec, fence: Fence, fetch: Arc<dyn ImageFetch>) -> Result<()> {
        let spec = spec.clone();
        let id = spec.id.clone();
        self.change(&id, fence, |pool| async move { make::volume(&pool, &spec, fetch.as_ref()).await }).await
    }

    async fn delete(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let volume = id.clone();
        self.change(id, fence, |pool| async move { delete(&pool.inner.pool.volume(&volume)?).await }).await
    }

    async fn extend(&self, id: &VolumeId, size_gib: u64, fence: Fence) -> Result<()> {
        let id = id.clone();
        self.change(&id.clone(), fence, move |pool| async move {
            extend(&pool, &pool.inner.pool.existing(&id)?, size_gib).await
        })
        .await
    }

    async fn rewrite(&self, spec: &VolumeSpec, fence: Fence, fetch: Arc<dyn ImageFetch>) -> Result<()> {
        let spec = spec.clone();
        let id = spec.id.clone();
        self.change(&id, fence, |pool| async move { make::rewrite(&pool, &spec, fetch.as_ref()).await }).await
    }

    async fn create_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()> {
        let (id, snapshot) = (volume.clone(), snapshot.clone());
        self.change(volume, fence, move |pool| async move {
            make::snapshot(&pool, &pool.inner.pool.existing(&id)?, &snapshot).await
        })
        .await
    }

    async fn delete_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()> {
        let (of, snapshot) = (volume.clone(), snapshot.clone());
        self.change(volume, fence, |pool| async move {
            let of = pool.inner.pool.volume(&of)?;
            let paths = [of.snapshot(&snapshot)?, scrub::sum_path(&of, &snapshot)?];
            let remove = move || paths.iter().try_for_each(|path| remove_file(path));
            spawn_blocking(remove).await.doing("removing a snapshot")?
        })
        .await
    }

    async fn export(&self, id: &VolumeId, for_host: &str, read_only: bool, fence: Fence) -> Result<Target> {
        let (id, host) = (id.clone(), for_host.to_owned());
        self.change(&id.clone(), fence, move |pool| async move {
            export::export(&pool.inner, &pool.inner.pool.existing(&id)?, &host, read_only).await
        })
        .await
    }

    async fn unexport(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let volume = id.clone();
        self.change(
            id,
            fence,
            |pool| async move { export::unexport(&pool.inner, &pool.inner.pool.volume(&volume)?).await },
        )
        .await
    }

    async fn limit(&self, id: &VolumeId, limits: &IoLimits, fence: Fence) -> Result<()> {
        let (of, limits) = (id.clone(), *limits);
        self.change(id, fence, move |pool| async move {
            export::limit(&pool.inner, &pool.inner.pool.existing(&of)?, limits).await
        })
        .await
    }

    async fn limits(&self, id: &VolumeId) -> Result<IoLimits> {
        let of = id.clone();
        self.task(id, move |pool| async move { export::limits(&pool.inner, &pool.inner.pool.existing(&of)?).await })
            .await
    }

    async fn copy_out(&self, id: &VolumeId, format: &str, to: &Path) -> Result<()> {
        let format = match format {
            "raw" => Format::Raw,
            "qcow2" => Format::Qcow2,
            other => return Err(Error::bad_request(format!("volumes are not copied to the format {other}"))),
        };
        let (id, to) = (id.clone(), to.to_owned());
        self.task(&id.clone(), move |pool| async move { make::copy_out(&pool, &id, format, &to).await }).await
    }

    async fn back_up(&self, volume: &VolumeId, spec: &BackupSpec) -> Result<BackupInfo> {
        let (id, spec) = (volume.clone(), spec.clone());
        self.task(volume, |pool| async move { back_up::back_up(&pool, &id, &spec).await }).await
    }

    async fn delete_backup(&self, place: &BackupPlace) -> Result<()> {
        let (store, place) = (self.inner.config.backups.clone(), place.clone());
        spawn_blocking(move || backups::delete(&store, &place)).await.doing("removing a backup")?
    }

    async fn backup_info(&self, place: &BackupPlace) -> Result<BackupInfo> {
        let (store, place) = (self.inner.config.backups.clone(), place.clone());
        spawn_blocking(move || backups::info(&store, &place)).await.doing("looking for a backup")?
    }

    async fn candidates(&self) -> Result<Vec<Candidate>> {
        handover::candidates(self).await
    }

    async fn adopt(&self, reference: &str, id: &VolumeId, fence: Fence) -> Result<u64> {
        let (of, reference) = (id.clone(), reference.to_owned());
        self.change(id, fence, |pool| async move { handover::adopt(&pool, &reference, &of).await }).await
    }

    async fn release(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let volume = id.clone();
        self.change(id, fence, |pool| async move { handover::release(&pool.inner.pool.volume(&volume)?) }).await
    }

    async fn adopt_snapshot(&self, volume: &VolumeId, reference: &str, id: &SnapshotId, fence: Fence) -> Result<()> {
        let (of, reference, id) = (volume.clone(), reference.to_owned(), id.clone());
        let adopt =
            |pool: Self| async move { handover::adopt_snapshot(&pool.inner.pool.existing(&of)?, &reference, &id) };
        self.change(volume, fence, adopt).await
    }

    async fn release_snapshot(&self, volume: &VolumeId, id: &SnapshotId, fence: Fence) -> Result<()> {
        let (of, id) = (volume.clone(), id.clone());
        self.change(volume, fence, |pool| async move { handover::release_snapshot(&pool.inner.pool.volume(&of)?, &id) })
            .await
    }

    async fn stats(&self) -> Result<PoolStats> {
        let inner = self.inner.clone();
        spawn_blocking(move || inner.stats()).await.doing("measuring a pool")?
    }

    async fn inventory(&self) -> Result<Inventory> {
        let inner = self.inner.clone();
        spawn_blocking(move || inner.pool.inventory()).await.doing("listing a pool")?
    }
}

impl Inner {
    /// `area`: the directory of the pool that `path` is in.
    async fn write_record(
        &self,
        area: &Arc<Ground>,
        path: PathBuf,
        record: impl Serialize + Send + 'static,
    ) -> Result<()> {
        let area = Arc::clone(area);
        spawn_blocking(move || area.write_record(&path, &record)).await.doing("writing a volume's record")?
    }

    fn stats(&self) -> Result<PoolStats> {
        bases::make_room(self)?;
        let space = self.pool.areas.space()?;
        let ids = self.pool.ids()?;
        let mut provisioned_gib = 0;
        for id in &ids {
            // One that goes away meanwhile counts no more.
            provisioned_gib += self.pool.volume(id)?.record().map_or(0, |r| r.size_gib);
        }
        Ok(PoolStats {
            pool: self.config.pool.clone(),
            total_mib: space.total >> 20,
            free_mib: space.free >> 20,
            provisioned_gib,
            volumes: ids.len() as u64,
            storage_protocol: "nbd".into(),
            vendor_name: "Open Source".into(),
            driver_version: env!("CARGO_PKG_VERSION").into(),
            thin: true,
            compression_percent: self.compression()?,
        })
    }
}
