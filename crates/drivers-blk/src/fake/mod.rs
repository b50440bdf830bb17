//! A pool that exists on paper: the same states, fences and refusals as a real one, no bytes.
//!
//! A pool that was given a directory keeps its paper there, a file per volume, so that it outlives the process as a real pool does
//! (a kill, not a power cut: nothing is synced). Ill luck is ordered by [`FakeVolumes::rule`]: a call that fails, takes long, never
//! ends, or whose outcome is lost.
//!
//! Invariants
//! - Calls on one volume take turns; those on different volumes never wait for each other.
//! - A call that answers an error other than `Unavailable` has changed nothing, save the generation, which only grows.

mod encryptor;
mod handover;
mod paper;
mod qcow2;
mod rules;

pub use encryptor::FakeEncryptor;
pub use kernel::faults::Ill;
pub use rules::{Call, Rule};

use crate::{disk::OnDisk, names::plain, turns::Turns};
use async_trait::async_trait;
use kernel::{Error, Result, SnapshotId, VolumeId};
use paper::{FakeVolume, Paper};
use parking_lot::Mutex;
use ports::IoLimits;
use std::{fs, path::Path, path::PathBuf, sync::Arc};
use tokio::time::sleep;
use volume::driver::{
    BackupInfo, BackupPlace, BackupSpec, Candidate, Fence, ImageFetch, Inventory, PoolStats, Target, VolumeBackend,
    VolumeSource, VolumeSpec,
};

#[derive(Clone, Debug)]
pub struct FakeSettings {
    pub pool: String,
    pub capacity_gib: u64,
}

impl Default for FakeSettings {
    fn default() -> Self {
        Self { pool: "fake".into(), capacity_gib: 4096 }
    }
}

/// Clones share the pool.
#[derive(Clone)]
pub struct FakeVolumes(Arc<Inner>);

struct Inner {
    settings: FakeSettings,
    paper: Paper,
    rules: Mutex<Vec<Rule>>,
    turns: Turns,
}

impl FakeVolumes {
    pub fn new(settings: FakeSettings) -> Self {
        Self::on(settings, Paper::default())
    }

    /// A pool that keeps its volumes in `directory`, and has those that it finds there.
    pub fn at(directory: impl Into<PathBuf>, settings: FakeSettings) -> Result<Self> {
        Ok(Self::on(settings, Paper::at(directory.into())?))
    }

    fn on(settings: FakeSettings, paper: Paper) -> Self {
        Self(Arc::new(Inner { settings, paper, rules: Mutex::default(), turns: Turns::default() }))
    }

    /// Lets something go wrong. Earlier rules come first.
    pub fn rule(&self, rule: Rule) {
        self.0.rules.lock().push(rule);
    }

    pub fn clear_rules(&self) {
        self.0.rules.lock().clear();
    }

    /// One call: the rules' say, the volume's turn, the fence, the change. `change` sees the volume as it is and leaves the next
    /// state, or errs and leaves all as it was.
    async fn change<T>(
        &self,
        call: Call,
        id: &VolumeId,
        fence: Fence,
        change: impl FnOnce(&mut Option<FakeVolume>) -> Result<T>,
    ) -> Result<T> {
        plain(id)?;
        let ill = Rule::take(&mut self.0.rules.lock(), call, Some(id));
        match &ill {
            Some(Ill::Fails(e)) => return Err(e.clone()),
            Some(Ill::LostBefore) => return Err(rules::unknown()),
            Some(Ill::Late(by)) => sleep(*by).await,
            Some(Ill::Hangs) => std::future::pending::<()>().await,
            Some(Ill::LostAfter) | None => {}
        }
        let _turn = self.0.turns.take(id).await;
        let done = self.0.paper.change(id, fence, change)?;
        if matches!(ill, Some(Ill::LostAfter)) { Err(rules::unknown()) } else { Ok(done) }
    }

    /// A call that changes nothing, under the rules.
    async fn look(&self, call: Call, id: Option<&VolumeId>) -> Result<()> {
        let ill = Rule::take(&mut self.0.rules.lock(), call, id);
        match ill {
            Some(Ill::Fails(e)) => Err(e),
            Some(Ill::LostBefore | Ill::LostAfter) => Err(rules::unknown()),
            Some(Ill::Late(by)) => {
                sleep(by).await;
                Ok(())
            }
            Some(Ill::Hangs) => std::future::pending().await,
            None => Ok(()),
        }
    }

    /// What a new volume of this source must be able to hold.
    fn source_gib(&self, source: &VolumeSource) -> Result<u64> {
        match source {
            VolumeSource::Blank | VolumeSource::Image(_) | VolumeSource::Exported { .. } => Ok(0),
            VolumeSource::Volume { volume } => {
                self.0.paper.see(volume).map(|v| v.size_gib).ok_or_else(|| absent(volume))
            }
            VolumeSource::Backup(place) => self.0.paper.backup(place).map(|size| size >> 30),
            VolumeSource::Snapshot { snapshot, volume } => {
                let size = self.0.paper.see(volume).and_then(|v| v.snapshots.get(snapshot).copied());
                size.ok_or_else(|| Error::not_found(format!("snapshot {snapshot} is not in this pool")))
            }
        }
    }
}

fn absent(id: &VolumeId) -> Error {
    Error::not_found(format!("volume {id} is not in this pool"))
}

fn existing<'a>(id: &VolumeId, volume: &'a mut Option<FakeVolume>) -> Result<&'a mut FakeVolume> {
    volume.as_mut().ok_or_else(|| absent(id))
}

#[async_trait]
impl VolumeBackend for FakeVolumes {
    async fn create(&self, spec: &VolumeSpec, fence: Fence, _fetch: Arc<dyn ImageFetch>) -> Result<()> {
        self.change(Call::Create, &spec.id, fence, |volume| {
            if volume.is_some() {
                return Ok(());
            }
            if self.source_gib(&spec.source)? > spec.size_gib {
                return Err(Error::bad_request("the volume is smaller than its source"));
            }
            *volume = Some(FakeVolume { size_gib: spec.size_gib, ..FakeVolume::default() });
            Ok(())
        })
        .await
    }

    async fn delete(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        self.change(Call::Delete, id, fence, |volume| match volume {
            Some(v) if v.export.is_some() => Err(Error::conflict(format!("volume {id} is exported"))),
            Some(v) if !v.snapshots.is_empty() => Err(Error::conflict(format!("volume {id} has snapshots"))),
            _ => {
                *volume = None;
                Ok(())
            }
        })
        .await
    }

    async fn extend(&self, id: &VolumeId, size_gib: u64, fence: Fence) -> Result<()> {
        self.change(Call::Extend, id, fence, |volume| {
            let volume = existing(id, volume)?;
            if volume.size_gib > size_gib {
                return Err(Error::bad_request(format!("volume {id} is larger than {size_gib} GiB")));
            }
            volume.size_gib = size_gib;
            Ok(())
        })
        .await
    }

    async fn rewrite(&self, spec: &VolumeSpec, fence: Fence, _fetch: Arc<dyn ImageFetch>) -> Result<()> {
        self.change(Call::Rewrite, &spec.id, fence, |volume| {
            let volume = existing(&spec.id, volume)?;
            if volume.export.is_some() {
                return Err(Error::conflict(format!("volume {} is exported", spec.id)));
            }
            if self.source_gib(&spec.source)? > spec.size_gib {
                return Err(Error::bad_request("the volume is smaller than its source"));
            }
            volume.size_gib = spec.size_gib;
            Ok(())
        })
        .await
    }

    async fn create_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()> {
        self.change(Call::CreateSnapshot, volume, fence, |found| {
            let found = existing(volume, found)?;
            plain(snapshot)?;
            found.snapshots.entry(snapshot.clone()).or_insert(found.size_gib);
            Ok(())
        })
        .await
    }

    async fn delete_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()> {
        self.change(Call::DeleteSnapshot, volume, fence, |found| {
            if let Some(found) = found {
                found.snapshots.remove(snapshot);
            }
            Ok(())
        })
        .await
    }

    async fn export(&self, id: &VolumeId, _for_host: &str, read_only: bool, fence: Fence) -> Result<Target> {
        self.change(Call::Export, id, fence, |volume| {
            let volume = existing(id, volume)?;
            // As a real pool: what is writable for one stays so.
            volume.export = Some(read_only && volume.export.unwrap_or(true));
            Ok(Target::Fake { export: id.to_string() })
        })
        .await
    }

    async fn unexport(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        self.change(Call::Unexport, id, fence, |volume| {
            if let Some(volume) = volume {
                (volume.export, volume.limits) = (None, IoLimits::default());
            }
            Ok(())
        })
        .await
    }

    async fn limit(&self, id: &VolumeId, limits: &IoLimits, fence: Fence) -> Result<()> {
        self.change(Call::Limit, id, fence, |volume| {
            let volume = existing(id, volume)?;
            if volume.export.is_none() {
                return Err(Error::conflict(format!("volume {id} is not exported")));
            }
            volume.limits = *limits;
            Ok(())
        })
        .await
    }

    async fn limits(&self, id: &VolumeId) -> Result<IoLimits> {
        self.look(Call::Limit, Some(id)).await?;
        Ok(self.0.paper.see(id).ok_or_else(|| absent(id))?.limits)
    }

    async fn copy_out(&self, id: &VolumeId, format: &str, to: &Path) -> Result<()> {
        self.look(Call::CopyOut, Some(id)).await?;
        let size = self.0.paper.see(id).ok_or_else(|| absent(id))?.size_gib << 30;
        let doing = "writing a fake volume's copy";
        match format {
            "qcow2" => fs::write(to, qcow2::empty(size)).on_disk(doing),
            "raw" => fs::File::create(to).and_then(|file| file.set_len(size)).on_disk(doing),
            other => Err(Error::bad_request(format!("volumes are not copied to the format {other}"))),
        }
    }

    async fn back_up(&self, volume: &VolumeId, spec: &BackupSpec) -> Result<BackupInfo> {
        self.look(Call::BackUp, Some(volume)).await?;
        let found = self.0.paper.see(volume).ok_or_else(|| absent(volume))?;
        let gib = match &spec.snapshot {
            None => found.size_gib,
            Some(snapshot) => found
                .snapshots
                .get(snapshot)
                .copied()
                .ok_or_else(|| Error::not_found(format!("snapshot {snapshot} is not in this pool")))?,
        };
        if let Some(parent) = &spec.parent {
            self.0.paper.backup(parent)?;
        }
        self.0.paper.keep_backup(&spec.place, gib << 30)?;
        Ok(BackupInfo { object_count: 1, size: gib << 30 })
    }

    async fn delete_backup(&self, place: &BackupPlace) -> Result<()> {
        self.look(Call::DeleteBackup, None).await?;
        self.0.paper.drop_backup(place)
    }

    async fn backup_info(&self, place: &BackupPlace) -> Result<BackupInfo> {
        Ok(BackupInfo { object_count: 1, size: self.0.paper.backup(place)? })
    }

    async fn candidates(&self) -> Result<Vec<Candidate>> {
        self.look(Call::Inventory, None).await?;
        Ok(handover::candidates(&self.0.paper))
    }

    async fn adopt(&self, reference: &str, id: &VolumeId, fence: Fence) -> Result<u64> {
        self.adopt_volume(reference, id, fence).await
    }

    async fn release(&self, id: &VolumeId, fence: Fence) -> Result<()> {
        self.release_volume(id, fence).await
    }

    async fn adopt_snapshot(&self, volume: &VolumeId, reference: &str, id: &SnapshotId, fence: Fence) -> Result<()> {
        self.change(Call::Adopt, volume, fence, |found| {
            handover::adopt_snapshot(existing(volume, found)?, reference, id)
        })
        .await
    }

    async fn release_snapshot(&self, volume: &VolumeId, id: &SnapshotId, fence: Fence) -> Result<()> {
        self.change(Call::Release, volume, fence, |found| {
            handover::release_snapshot(found.as_mut(), id);
            Ok(())
        })
        .await
    }

    async fn stats(&self) -> Result<PoolStats> {
        self.look(Call::Stats, None).await?;
        let (settings, inventory) = (&self.0.settings, self.0.paper.inventory());
        let sizes = inventory.volumes.iter().filter_map(|id| self.0.paper.see(id)).map(|v| v.size_gib);
        Ok(PoolStats {
            pool: settings.pool.clone(),
            total_mib: settings.capacity_gib << 10,
            free_mib: settings.capacity_gib << 10,
            provisioned_gib: sizes.sum(),
            volumes: inventory.volumes.len() as u64,
            storage_protocol: "fake".into(),
            vendor_name: "Open Source".into(),
            driver_version: env!("CARGO_PKG_VERSION").into(),
            thin: true,
            compression_percent: None,
        })
    }

    async fn inventory(&self) -> Result<Inventory> {
        self.look(Call::Inventory, None).await?;
        Ok(self.0.paper.inventory())
    }
}
