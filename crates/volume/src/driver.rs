//! What the block storage service asks of a host that holds a pool: the [`VolumeBackend`].
//!
//! It runs in the agent of the pool's host; members reach it through `ports::HostCalls`. Every call is idempotent, named by
//! the id of what it makes or removes, and carries a [`Fence`] whose older holders are refused.
//!
//! Invariants (conformance suite `drivers_blk::conformance`):
//! - a volume is there entirely or not at all: what a crashed `create` left is completed or replaced by the next one;
//! - exporting twice gives the same target; an export outlives the process that made it;
//! - what a guest's flush acknowledged survives the kill of every process;
//! - `delete` and `rewrite` of a volume that still has an export are refused with `Conflict`;
//! - what was let go keeps its bytes and is found again among the candidates;
//! - a backup outlives its volume, and holds every byte that a guest had flushed when it began.

use async_trait::async_trait;
use kernel::{Error, ImageId, Result, SnapshotId, VolumeId};
use ports::{ClientCache, IoLimits};
use serde::{Deserialize, Serialize};
use std::{path::Path, path::PathBuf, sync::Arc};

/// The right to touch a volume; generations only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    pub generation: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    pub id: VolumeId,
    pub size_gib: u64,
    pub source: VolumeSource,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum VolumeSource {
    Blank,
    Image(ImageBytes),
    Snapshot {
        snapshot: SnapshotId,
        volume: VolumeId,
    },
    Volume {
        volume: VolumeId,
    },
    Backup(BackupPlace),
    /// What another pool exports, read-only, for the time of the copy.
    Exported {
        target: Target,
    },
}

/// What lies on a pool and is no volume or snapshot of the service: let go by it, or put there by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name on the pool: `volume-ID` and `_snapshot-ID` for what was let go.
    pub reference: String,
    pub size_gib: u64,
    /// The volume that a snapshot is of.
    pub of: Option<VolumeId>,
}

/// Where a backup lies among those of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPlace {
    pub backup: String,
    pub container: String,
}

/// A backup to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSpec {
    pub place: BackupPlace,
    /// Of this moment of the volume, or of now.
    pub snapshot: Option<SnapshotId>,
    /// What has not changed since then is not kept again.
    pub parent: Option<BackupPlace>,
}

/// What a backup is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupInfo {
    pub object_count: u64,
    /// The size of the volume it was made of, in bytes.
    pub size: u64,
}

/// An image as a pool needs it: which bytes, and how to check them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBytes {
    pub image: ImageId,
    pub disk_format: String,
    pub size: u64,
    pub hash: String,
    pub hash_algo: String,
}

/// Brings an image's bytes to this host, already inspected and checked against their hash.
#[async_trait]
pub trait ImageFetch: Send + Sync + 'static {
    async fn fetch(&self, image: &ImageBytes, to: &Path) -> Result<()>;
}

/// How QEMU reaches an exported volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Target {
    /// On the pool's own host.
    NbdUnix { socket: PathBuf, export: String },
    /// From any host.
    NbdTcp { host: String, port: u16, export: String },
    /// An image of a Ceph cluster, from any host that has `conf` and the keyring of `user` to which it leads.
    /// The volume's type says what is kept of it there.
    Rbd {
        pool: String,
        namespace: Option<String>,
        image: String,
        user: String,
        conf: PathBuf,
        #[serde(default)]
        cache: ClientCache,
    },
    /// Nothing behind it (fake).
    Fake { export: String },
}

/// What a pool says of itself; feeds the scheduler and `get_pools`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStats {
    pub pool: String,
    pub total_mib: u64,
    pub free_mib: u64,
    pub provisioned_gib: u64,
    pub volumes: u64,
    pub storage_protocol: String,
    pub vendor_name: String,
    pub driver_version: String,
    pub thin: bool,
    /// What compressed copies show by what they take, measured: 250 is 2.5 to 1.
    #[serde(default)]
    pub compression_percent: Option<u64>,
}

/// The refusal of a reference that names nothing that can be taken over.
pub fn nothing_lies_here(reference: &str) -> Error {
    Error::bad_request(format!("the back end has nothing named {reference} that can be taken over"))
}

fn keeps_all() -> Error {
    Error::conflict("this back end lets nothing go that it made")
}

#[async_trait]
pub trait VolumeBackend: Send + Sync + 'static {
    async fn create(&self, spec: &VolumeSpec, fence: Fence, fetch: Arc<dyn ImageFetch>) -> Result<()>;
    async fn delete(&self, id: &VolumeId, fence: Fence) -> Result<()>;
    /// Grows it; exports see the new size at once.
    async fn extend(&self, id: &VolumeId, size_gib: u64, fence: Fence) -> Result<()>;

    /// Writes the source over the volume, whole or not at all. An exported volume is refused with `Conflict`.
    async fn rewrite(&self, spec: &VolumeSpec, fence: Fence, fetch: Arc<dyn ImageFetch>) -> Result<()>;

    async fn create_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()>;
    async fn delete_snapshot(&self, volume: &VolumeId, snapshot: &SnapshotId, fence: Fence) -> Result<()>;

    /// Makes the volume reachable for `for_host`; the same answer each time while exported.
    async fn export(&self, id: &VolumeId, for_host: &str, read_only: bool, fence: Fence) -> Result<Target>;
    async fn unexport(&self, id: &VolumeId, fence: Fence) -> Result<()>;

    /// Holds all who use an exported volume to this, together, at once and until the export ends. `NotImplemented` says why it cannot.
    async fn limit(&self, _id: &VolumeId, _limits: &IoLimits, _fence: Fence) -> Result<()> {
        Err(Error::not_implemented(
            "this back end holds nobody to limits: QoS specs for the consumer front-end are enforced by the hypervisor",
        ))
    }
    /// What is in force on an exported volume.
    async fn limits(&self, _id: &VolumeId) -> Result<IoLimits> {
        Ok(IoLimits::default())
    }

    /// A standalone image of the volume's content in `format` (`raw` or `qcow2`), for upload to the image service.
    async fn copy_out(&self, id: &VolumeId, format: &str, to: &Path) -> Result<()>;

    /// Keeps the volume's content, in use or not, apart from the pool. Making one that is there changes nothing.
    async fn back_up(&self, volume: &VolumeId, spec: &BackupSpec) -> Result<BackupInfo>;
    /// `Ok` if it is gone. The caller knows that no other builds on it.
    async fn delete_backup(&self, place: &BackupPlace) -> Result<()>;
    /// A backup that is there.
    async fn backup_info(&self, place: &BackupPlace) -> Result<BackupInfo>;

    /// What could be taken over.
    async fn candidates(&self) -> Result<Vec<Candidate>> {
        Ok(Vec::new())
    }
    /// The candidate becomes the volume `id`. Its size in GiB, rounded up; the same answer when it is the volume already.
    async fn adopt(&self, reference: &str, _id: &VolumeId, _fence: Fence) -> Result<u64> {
        Err(nothing_lies_here(reference))
    }
    /// The volume, which has no snapshots and no export, becomes a candidate. `Ok` if it is none any more.
    async fn release(&self, _id: &VolumeId, _fence: Fence) -> Result<()> {
        Err(keeps_all())
    }
    /// The candidate becomes a snapshot of the volume. `Ok` if it is one already.
    async fn adopt_snapshot(&self, _: &VolumeId, reference: &str, _: &SnapshotId, _: Fence) -> Result<()> {
        Err(nothing_lies_here(reference))
    }
    /// The snapshot becomes a candidate. `Ok` if it is none any more.
    async fn release_snapshot(&self, _: &VolumeId, _: &SnapshotId, _: Fence) -> Result<()> {
        Err(keeps_all())
    }

    async fn stats(&self) -> Result<PoolStats>;

    /// Volumes, snapshots and exports held here, for the audit.
    async fn inventory(&self) -> Result<Inventory>;
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    pub volumes: Vec<VolumeId>,
    pub snapshots: Vec<(VolumeId, SnapshotId)>,
    pub exports: Vec<VolumeId>,
}
