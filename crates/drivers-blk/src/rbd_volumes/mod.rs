//! Volumes as images of a Ceph cluster. Guests reach them by QEMU's own driver; nothing of ours stands between.
//!
//! ```text
//!   guest (any host) ── QEMU's rbd driver ──▶ the cluster: <pool>/volume-<id>
//!                                                 ▲
//!                            RbdVolumes ── rbd ───┘      <dir>/exports/<id>: who may
//! ```
//!
//! Copies are made on write: a volume of a snapshot, of a volume, of an image that was used before, and a volume rewritten from
//! any of them, cost a command and no bytes. A parent that goes away is copied into its children first (`rbd flatten`).
//!
//! Invariants
//! - A volume is there whole or not at all: made under a name that only this opening uses, then renamed. What a kill leaves is
//!   removed, or ended where it was complete, before the first call of the next opening ([`sweep`]).
//! - A rewritten volume is another image under the same name. The image it was lives on as a husk for as long as a user's snapshot
//!   is in it; so a snapshot is looked for in the volume and in its husks.
//! - Calls on one volume take turns ([`Orderly`]); a generation older than one seen is refused, also after the volume has gone.
//! - Whether a volume is exported is said by its record. When an export ends, clients that still have the image open are shut out
//!   by the cluster: who must not write cannot.
//! - What a guest's flush acknowledged is with the OSDs, a majority of the copies at least; a cache is QEMU's own and ends with it.
//! - One node uses a pool (or a namespace of it) at a time: what another makes in it would be swept away.

mod backups;
mod cli;
mod config;
mod doctor;
mod handover;
mod images;
mod make;
mod sweep;

pub use config::RbdVolumesConfig;
pub use doctor::doctor;

use crate::{
    backups as store,
    ground::{Ground, read, remove_file},
    names::plain,
    qemu_img::Format,
    turns::{Orderly, Turns},
};
use async_trait::async_trait;
use images::Images;
use kernel::{Error, Result, SnapshotId, VolumeId, error::Doing};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use volume::driver::{
    BackupInfo, BackupPlace, BackupSpec, Candidate, Fence, ImageFetch, Inventory, PoolStats, Target, VolumeBackend,
    VolumeSpec,
};

const GIB: u64 = 1 << 30;

/// How long a client that was told to let go of an image may take.
const LET_GO: Duration = Duration::from_secs(2);

/// One pool. Clones share it.
#[derive(Clone)]
pub struct RbdVolumes {
    inner: Arc<Inner>,
}

struct Inner {
    config: RbdVolumesConfig,
    images: Images,
    ground: Ground,
    turns: Turns,
    /// Names this opening in what it does not finish.
    opening: String,
    next: AtomicU64,
    swept: tokio::sync::Mutex<Swept>,
    /// One base image is made at a time.
    bases: tokio::sync::Mutex<()>,
    /// Of volumes that were looked at, in bytes.
    sizes: Mutex<HashMap<VolumeId, u64>>,
}

/// Whether the pool is in order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Swept {
    Yes,
    /// Something may be lying about.
    NotYet,
}

#[derive(Debug, Serialize, Deserialize)]
struct ExportRecord {
    read_only: bool,
}

fn volume_image(id: &VolumeId) -> Result<String> {
    Ok(format!("volume-{}", plain(id)?))
}

fn snapshot_name(id: &SnapshotId) -> Result<String> {
    Ok(format!("snapshot-{}", plain(id)?))
}

impl RbdVolumes {
    /// Opens the pool for this process alone. The cluster need not answer yet.
    pub fn open(config: RbdVolumesConfig) -> Result<Self> {
        let ground = Ground::open(&config.dir, &["exports"])?;
        let inner = Inner {
            images: Images(config.clone()),
            config,
            ground,
            turns: Turns::default(),
            opening: uuid::Uuid::new_v4().simple().to_string(),
            next: AtomicU64::new(0),
            swept: tokio::sync::Mutex::new(Swept::NotYet),
            bases: tokio::sync::Mutex::default(),
            sizes: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Orderly for RbdVolumes {
    fn turns(&self) -> &Turns {
        &self.inner.turns
    }
    fn ground(&self) -> &Ground {
        &self.inner.ground
    }
}

impl Inner {
    /// A name for something that is not finished, or not for long.
    fn passing(&self, kind: &str) -> String {
        format!("{kind}-{}-{}", self.opening, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts the pool in order, once.
    async fn ready(&self) -> Result<()> {
        let mut swept = self.swept.lock().await;
        if *swept == Swept::NotYet {
            sweep::sweep(self).await?;
            *swept = Swept::Yes;
        }
        Ok(())
    }

    fn export_path(&self, id: &VolumeId) -> Result<PathBuf> {
        Ok(self.ground.dir().join("exports").join(plain(id)?))
    }

    fn exported(&self, id: &VolumeId) -> Result<Option<ExportRecord>> {
        read(&self.export_path(id)?)
    }

    fn not_exported(&self, id: &VolumeId) -> Result<()> {
        match self.exported(id)? {
            Some(_) => Err(Error::conflict(format!("volume {id} is exported"))),
            None => Ok(()),
        }
    }

    /// The size of a volume that must be there.
    async fn existing(&self, id: &VolumeId) -> Result<u64> {
        let found = self.images.info(&volume_image(id)?).await.map_err(|e| e.while_doing("looking for a volume"))?;
        found.map(|i| i.size).ok_or_else(|| Error::not_found(format!("volume {id} is not in this pool")))
    }

    /// Images that may hold snapshots of a volume: itself, and what it was before it was rewritten.
    async fn holders(&self, id: &VolumeId) -> Result<Vec<String>> {
        let husk = format!("husk-{}-", plain(id)?);
        let volume = volume_image(id)?;
        let names = self.images.names().await.map_err(|e| e.while_doing("listing a pool"))?;
        Ok(names.into_iter().filter(|n| *n == volume || n.starts_with(&husk)).collect())
    }

    /// The image that holds a user's snapshot.
    async fn holder(&self, id: &VolumeId, snapshot: &SnapshotId) -> Result<Option<String>> {
        let name = snapshot_name(snapshot)?;
        for image in self.holders(id).await? {
            let there = self.images.snapshots(&image).await.map_err(|e| e.while_doing("looking for a snapshot"))?;
            if there.contains(&name) {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    async fn delete(&self, id: &VolumeId) -> Result<()> {
        self.not_exported(id)?;
        let doing = |e: cli::Failed| e.while_doing("removing a volume");
        let holders = self.holders(id).await?;
        for image in &holders {
            if self.images.snapshots(image).await.map_err(doing)?.iter().any(|s| s.starts_with("snapshot-")) {
                return Err(Error::conflict(format!("volume {id} has snapshots")));
            }
        }
        for image in &holders {
            self.images.remove(image).await.map_err(doing)?;
        }
        self.sizes.lock().remove(id);
        Ok(())
    }

    async fn extend(&self, id: &VolumeId, size_gib: u64) -> Result<()> {
        let (size, now) = (size_gib.saturating_mul(GIB), self.existing(id).await?);
        if now > size {
            return Err(Error::bad_request(format!("volume {id} is larger than {size_gib} GiB")));
        }
        if now < size {
            let grown = self.images.grow(&volume_image(id)?, size).await;
            grown.map_err(|e| e.while_doing("growing a volume"))?;
        }
        self.sizes.lock().insert(id.clone(), size);
        Ok(())
    }

    async fn create_snapshot(&self, id: &VolumeId, snapshot: &SnapshotId) -> Result<()> {
        snapshot_name(snapshot)?;
        self.existing(id).await?;
        if self.holder(id, snapshot).await?.is_some() {
            return Ok(());
        }
        let name = format!("{}@{}", volume_image(id)?, snapshot_name(snapshot)?);
        self.images.snap(&name).await.map_err(|e| e.while_doing("taking a snapshot"))
    }

    async fn delete_snapshot(&self, id: &VolumeId, snapshot: &SnapshotId) -> Result<()> {
        let Some(image) = self.holder(id, snapshot).await? else { return Ok(()) };
        let doing = |e: cli::Failed| e.while_doing("removing a snapshot");
        self.images.unsnap(&format!("{image}@{}", snapshot_name(snapshot)?)).await.map_err(doing)?;
        sweep::husk(self, &image).await
    }

    /// A volume exported read-only becomes writable when it is asked for so, never the other way round.
    async fn export(&self, id: &VolumeId, read_only: bool) -> Result<Target> {
        self.existing(id).await?;
        let now = self.exported(id)?;
        let read_only = read_only && now.as_ref().is_none_or(|e| e.read_only);
        if now.is_none_or(|e| e.read_only != read_only) {
            self.ground.write_record(&self.export_path(id)?, &ExportRecord { read_only })?;
        }
        Ok(Target::Rbd {
            pool: self.config.pool.clone(),
            namespace: self.config.namespace.clone(),
            image: volume_image(id)?,
            user: self.config.user.clone(),
            conf: self.config.conf.clone(),
            cache: Default::default(),
        })
    }

    async fn unexport(&self, id: &VolumeId) -> Result<()> {
        let path = self.export_path(id)?;
        if self.exported(id)?.is_none() {
            return Ok(());
        }
        let (image, deadline) = (volume_image(id)?, Instant::now() + LET_GO);
        let doing = |e: cli::Failed| e.while_doing("ending an export");
        loop {
            let watchers = self.images.watchers(&image).await.map_err(doing)?;
            if watchers.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                for client in &watchers {
                    tracing::warn!(volume = %id, client, "shut out of a volume whose export has ended");
                    self.images.shut_out(client).await.map_err(doing)?;
                }
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        remove_file(&path)
    }

    async fn stats(&self) -> Result<PoolStats> {
        let doing = |e: cli::Failed| e.while_doing("measuring a pool");
        let names = self.images.names().await.map_err(doing)?;
        let ids: Vec<VolumeId> = names.iter().filter_map(|n| n.strip_prefix("volume-")).map(VolumeId::from).collect();
        let mut provisioned = 0;
        for id in &ids {
            let known = self.sizes.lock().get(id).copied();
            let size = match known {
                Some(size) => Some(size),
                // One that goes away meanwhile counts no more.
                None => self.images.info(&volume_image(id)?).await.map_err(doing)?.map(|i| i.size),
            };
            if let Some(size) = size {
                self.sizes.lock().insert(id.clone(), size);
            }
            provisioned += size.unwrap_or_default();
        }
        let space = self.images.space().await.map_err(doing)?;
        let Some((used, free)) = space else {
            return Err(Error::conflict(format!("the Ceph cluster has no pool {}", self.config.pool)));
        };
        let pool =
            self.config.namespace.as_ref().map_or(self.config.pool.clone(), |n| format!("{}.{n}", self.config.pool));
        Ok(PoolStats {
            pool,
            total_mib: (used + free) >> 20,
            free_mib: free >> 20,
            provisioned_gib: provisioned / GIB,
            volumes: ids.len() as u64,
            storage_protocol: "ceph".into(),
            vendor_name: "Open Source".into(),
            driver_version: env!("CARGO_PKG_VERSION").into(),
            thin: true,
            compression_percent: None,
        })
    }

    async fn inventory(&self) -> Result<Inventory> {
        let mut found = Inventory::default();
        for listed in self.images.list().await.map_err(|e| e.while_doing("listing a pool"))? {
            // A husk's name goes on after the id, which is a UUID's length.
            let of_husk = || Some(listed.image.strip_prefix("husk-")?.rsplit_once('-')?.0.rsplit_once('-')?.0);
            let volume = listed.image.strip_prefix("volume-").or_else(of_husk);
            let snapshot = listed.snapshot.as_deref().map(|s| s.strip_prefix("snapshot-"));
            match (volume, snapshot) {
                (Some(id), None) if !listed.image.starts_with("husk-") => found.volumes.push(id.into()),
                (Some(id), Some(Some(snapshot))) => found.snapshots.push((id.into(), snapshot.into())),
                _ => {}
            }
        }
        for entry in fs::read_dir(self.ground.dir().join("exports")).doing("listing exports")? {
            found.exports.extend(entry.doing("listing exports")?.file_name().to_str().map(VolumeId::from));
        }
        found.exports.sort();
        Ok(found)
    }
}

#[async_trait]
impl VolumeBackend for RbdVolumes {
    async fn create(&self, spec: &VolumeSpec, fence: Fence, fetch: Arc<dyn ImageFetch>) -> Result<()> {
        let (id, spec) = (spec.id.clone(), spec.clone());
        self.change(&id, fence, |pool| async move { make::volume(&pool.inner, &spec, fetch.as_ref()).await }).await
    }

    async fn delete(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let of = id.clone();
        self.change(id, fence, |pool| async move {
            pool.inner.ready().await?;
            pool.inner.delete(&of).await
        })
        .await
    }

    async fn extend(&self, id: &VolumeId, size_gib: u64, fence: Fence) -> Result<()> {
        let of = id.clone();
        self.change(id, fence, move |pool| async move {
            pool.inner.ready().await?;
            pool.inner.extend(&of, size_gib).await
        })
        .await
    }

    async fn rewrite(&self, spec: &VolumeSpec, fence: Fence, fetch: Arc<dyn ImageFetch>) -> Result<()> {
        let (id, spec) = (spec.id.clone(), spec.clone());
        self.change(&id, fence, |pool| async move { make::rewrite(&pool.inner, &spec, fetch.as_ref()).await }).await
    }

    async fn create_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()> {
        let (of, snapshot) = (volume.clone(), snapshot.clone());
        self.change(volume, fence, |pool| async move {
            pool.inner.ready().await?;
            pool.inner.create_snapshot(&of, &snapshot).await
        })
        .await
    }

    async fn delete_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()> {
        let (of, snapshot) = (volume.clone(), snapshot.clone());
        self.change(volume, fence, |pool| async move {
            pool.inner.ready().await?;
            pool.inner.delete_snapshot(&of, &snapshot).await
        })
        .await
    }

    async fn export(&self, id: &VolumeId, _for_host: &str, read_only: bool, fence: Fence) -> Result<Target> {
        let of = id.clone();
        self.change(id, fence, move |pool| async move {
            pool.inner.ready().await?;
            pool.inner.export(&of, read_only).await
        })
        .await
    }

    async fn unexport(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let of = id.clone();
        self.change(id, fence, |pool| async move { pool.inner.unexport(&of).await }).await
    }

    async fn copy_out(&self, id: &VolumeId, format: &str, to: &Path) -> Result<()> {
        let format = match format {
            "raw" => Format::Raw,
            "qcow2" => Format::Qcow2,
            other => return Err(Error::bad_request(format!("volumes are not copied to the format {other}"))),
        };
        let (of, to) = (id.clone(), to.to_owned());
        self.task(id, move |pool| async move { make::copy_out(&pool.inner, &of, format, &to).await }).await
    }

    async fn back_up(&self, volume: &VolumeId, spec: &BackupSpec) -> Result<BackupInfo> {
        let (of, spec) = (volume.clone(), spec.clone());
        self.task(volume, |pool| async move { backups::back_up(&pool.inner, &of, &spec).await }).await
    }

    async fn delete_backup(&self, place: &BackupPlace) -> Result<()> {
        let (dir, place) = (self.inner.config.backups.clone(), place.clone());
        spawn_blocking(move || store::delete(&dir, &place)).await.doing("removing a backup")?
    }

    async fn backup_info(&self, place: &BackupPlace) -> Result<BackupInfo> {
        let (dir, place) = (self.inner.config.backups.clone(), place.clone());
        spawn_blocking(move || store::info(&dir, &place)).await.doing("looking for a backup")?
    }

    async fn candidates(&self) -> Result<Vec<Candidate>> {
        self.inner.ready().await?;
        self.inner.candidates().await
    }

    async fn adopt(&self, reference: &str, id: &VolumeId, fence: Fence) -> Result<u64> {
        let (of, reference) = (id.clone(), reference.to_owned());
        self.change(id, fence, |pool| async move {
            pool.inner.ready().await?;
            pool.inner.adopt(&reference, &of).await
        })
        .await
    }

    async fn release(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        let of = id.clone();
        self.change(id, fence, |pool| async move {
            pool.inner.ready().await?;
            pool.inner.release(&of).await
        })
        .await
    }

    async fn adopt_snapshot(&self, volume: &VolumeId, reference: &str, id: &SnapshotId, fence: Fence) -> Result<()> {
        let (of, reference, id) = (volume.clone(), reference.to_owned(), id.clone());
        self.change(volume, fence, |pool| async move {
            pool.inner.ready().await?;
            pool.inner.adopt_snapshot(&of, &reference, &id).await
        })
        .await
    }

    async fn release_snapshot(&self, volume: &VolumeId, id: &SnapshotId, fence: Fence) -> Result<()> {
        let (of, id) = (volume.clone(), id.clone());
        self.change(volume, fence, |pool| async move {
            pool.inner.ready().await?;
            pool.inner.release_snapshot(&of, &id).await
        })
        .await
    }

    async fn stats(&self) -> Result<PoolStats> {
        self.inner.ready().await?;
        self.inner.stats().await
    }

    async fn inventory(&self) -> Result<Inventory> {
        self.inner.ready().await?;
        self.inner.inventory().await
    }
}
