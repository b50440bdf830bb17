//! What compute needs of the block storage service: volumes to attach and to boot from.

use crate::{IoLimits, KeyBytes};
use async_trait::async_trait;
use kernel::{AttachmentId, Ctx, HostName, ImageId, ProjectId, Result, ServerId, SnapshotId, VolumeId, ids::RequestId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use store::{Batch, Snapshot, Tx};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeInfo {
    pub id: VolumeId,
    pub name: String,
    pub project: ProjectId,
    /// Cinder's: `available`, `in-use`, `error`, …
    pub status: String,
    /// Cinder's `migration_status`: `migrating`, then `success` or `error` of the last move; `None`: it has never moved.
    pub migration: Option<String>,
    pub size_gib: u64,
    pub bootable: bool,
    pub multiattach: bool,
    pub availability_zone: String,
    /// Properties of the image it was made from.
    pub image_properties: std::collections::BTreeMap<String, String>,
}

/// A volume to make for a server's block device mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVolume {
    /// Chosen before, so that asking twice makes one.
    pub id: VolumeId,
    pub name: String,
    pub size_gib: u64,
    pub image: Option<ImageId>,
    pub snapshot: Option<SnapshotId>,
    pub volume_type: Option<String>,
    pub availability_zone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachRequest {
    /// Chosen before, so that asking twice makes one.
    pub attachment: AttachmentId,
    pub volume: VolumeId,
    pub server: ServerId,
    pub read_only: bool,
}

/// The device id of a volume in a guest.
pub fn disk_id(volume: &VolumeId) -> String {
    format!("vol-{volume}")
}

/// What a guest's host keeps of a volume in its memory. A guest's flush goes through either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCache {
    #[default]
    Writeback,
    None,
}

/// How QEMU reaches the volume from the server's host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum VolumeTarget {
    NbdUnix { socket: PathBuf, export: String },
    NbdTcp { host: String, port: u16, export: String },
    Rbd { pool: String, namespace: Option<String>, image: String, user: String, conf: PathBuf, cache: ClientCache },
    Fake { export: String },
}

/// How a volume's blocks are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeEncryption {
    #[default]
    None,
    /// LUKS, opened by the hypervisor with the volume's key ([`Volumes::key`]).
    Luks,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedVolume {
    pub volume: VolumeId,
    pub attachment: AttachmentId,
    pub target: VolumeTarget,
    pub read_only: bool,
    pub limits: IoLimits,
    #[serde(default)]
    pub encryption: VolumeEncryption,
}

#[async_trait]
pub trait Volumes: Send + Sync + 'static {
    /// A volume the caller may use; `NotFound` otherwise.
    fn visible(&self, cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<VolumeInfo>;
    fn info(&self, snapshot: &Snapshot, id: &VolumeId) -> Option<VolumeInfo>;

    /// Makes a volume (quota, record, flow) in the caller's transaction; making it again is `Ok`.
    fn create(&self, tx: &mut Tx, cx: &Ctx, project: &ProjectId, volume: &NewVolume) -> Result<()>;

    /// Begins to attach: `available` → `reserved`. `Conflict`/`BadRequest` as Cinder when it cannot be. Again is `Ok`.
    fn reserve(&self, tx: &mut Tx, request: &AttachRequest, project: &ProjectId) -> Result<()>;

    /// Exports the volume for a host. The same answer each time.
    async fn connect(&self, attachment: &AttachmentId, host: &HostName) -> Result<ConnectedVolume>;

    /// What guests may do with a volume now; a change of it reaches those that run.
    fn limits(&self, snapshot: &Snapshot, volume: &VolumeId) -> IoLimits;
    /// Whether limits of some volume may have changed.
    fn limits_changed(&self, batch: &Batch) -> bool;
    /// The key of an encrypted volume, for a host that has its pool or a server with it: `Forbidden` for others, `Conflict` if
    /// the key manager has it no more. It is for this one use, and never written down.
    async fn key(&self, host: &HostName, volume: &VolumeId) -> Result<KeyBytes>;

    /// The guest has the disk: `in-use`, with the device's name.
    fn complete(&self, tx: &mut Tx, attachment: &AttachmentId, device: &str) -> Result<()>;

    /// Begins to detach: `in-use` → `detaching`; `BadRequest`/`Conflict` as Cinder when it cannot be.
    fn begin_detach(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()>;

    /// Back to `in-use`: the guest did not let go.
    fn roll_detach(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()>;

    /// Begins to write an image over a volume that one server has, whose guest is off and whose export has ended: `downloading`, then
    /// `in-use` again, or `error`. `BadRequest` as Cinder when it cannot be.
    fn reimage(&self, tx: &mut Tx, attachment: &AttachmentId, image: &ImageId, request: &RequestId) -> Result<()>;

    /// Ends the export. `Ok` if there is none.
    async fn disconnect(&self, attachment: &AttachmentId) -> Result<()>;

    /// Removes the attachment; the volume is `available` if it was the last. `Ok` if it is gone.
    fn release(&self, tx: &mut Tx, attachment: &AttachmentId) -> Result<()>;

    /// Begins to delete a volume (delete-on-termination). `Ok` if it is gone.
    fn delete(&self, tx: &mut Tx, volume: &VolumeId) -> Result<()>;

    /// Begins a snapshot of a volume (image of a volume-backed server); asking again makes one.
    fn snapshot(&self, tx: &mut Tx, cx: &Ctx, volume: &VolumeId, snapshot: &SnapshotId, name: &str) -> Result<()>;

    /// Whether a snapshot that was begun has been taken, or will not be.
    fn is_taken(&self, view: &Snapshot, snapshot: &SnapshotId) -> bool;
}
