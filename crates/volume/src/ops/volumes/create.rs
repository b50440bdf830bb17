//! Begins to make a volume: record, quota and flow in one transaction.

use crate::{
    VolumeService, error,
    flows::create_volume::{CreateVolume, State},
    model::{
        Backup, BackupStatus, Group, Snapshot, SnapshotStatus, Volume, VolumePool, VolumeStatus, VolumeType,
        default_type, resolve_type,
    },
    ops::{backups, encryption_keys, groups},
    policy, quotas,
    service::authorize_own,
};
use flow::Start;
use kernel::{Ctx, Error, ProjectId, Result, SnapshotId, Timestamp, UserId, VolumeId, ids::RequestId};
use ports::ImageInfo;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

/// The body of a create request, as Cinder's schema has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CreateVolumeBody {
    pub(crate) size: Option<serde_json::Value>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) availability_zone: Option<String>,
    pub(crate) volume_type: Option<String>,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    #[serde(rename = "imageRef", alias = "image_id")]
    pub(crate) image: Option<String>,
    pub(crate) snapshot_id: Option<SnapshotId>,
    pub(crate) source_volid: Option<VolumeId>,
    pub(crate) backup_id: Option<String>,
    /// It is the backup that is asked for, which says so meanwhile.
    #[serde(skip)]
    pub(crate) restores: bool,
    pub(crate) group_id: Option<String>,
    pub(crate) multiattach: Option<bool>,
}

/// Everything a new record needs, whoever asks for it.
#[derive(Clone)]
pub(crate) struct NewRecord {
    pub(crate) id: VolumeId,
    pub(crate) project: ProjectId,
    pub(crate) user: UserId,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) size_gib: Option<u64>,
    pub(crate) zone: Option<String>,
    pub(crate) volume_type: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) multiattach: bool,
    pub(crate) image: Option<ImageInfo>,
    pub(crate) snapshot: Option<SnapshotId>,
    pub(crate) source: Option<VolumeId>,
    pub(crate) backup: Option<String>,
    pub(crate) restores: bool,
    pub(crate) group: Option<String>,
    pub(crate) request_id: RequestId,
    pub(crate) now: Timestamp,
}

impl NewRecord {
    /// One that says only whose it is.
    pub(crate) fn of(cx: &Ctx, id: VolumeId) -> Result<Self> {
        Ok(Self {
            id,
            project: cx.project()?.clone(),
            user: cx.credentials.user.clone(),
            name: None,
            description: None,
            size_gib: None,
            zone: None,
            volume_type: None,
            metadata: BTreeMap::new(),
            multiattach: false,
            image: None,
            snapshot: None,
            source: None,
            backup: None,
            restores: false,
            group: None,
            request_id: cx.request_id.clone(),
            now: cx.now(),
        })
    }
}

pub(crate) async fn create_volume(service: &VolumeService, cx: &Ctx, body: CreateVolumeBody) -> Result<Arc<Volume>> {
    let permit = authorize_own(cx, &policy::CREATE)?;
    let image = body.image.as_deref().map(|id| service.0.images.visible(cx, &service.view(), id)).transpose();
    let image = image.map_err(|e| {
        Error::bad_request(format!("Invalid image identifier or unable to access requested image: {}", e.message()))
    })?;
    let (image, snapshot) =
        match image.as_ref().filter(|_| body.snapshot_id.is_none()).and_then(|i| root_snapshot(cx, i)) {
            Some(root) => (None, Some(root)),
            None => (image, body.snapshot_id),
        };
    if let Some(snapshot) = &snapshot {
        let found = service.find_snapshot(cx, snapshot);
        found.map_err(|e| if body.image.is_some() { without_root(snapshot) } else { e })?;
    }
    if let Some(source) = &body.source_volid {
        service.find_volume(cx, source)?;
    }
    if let Some(backup) = &body.backup_id {
        backups::find(service, cx, backup)?;
    }
    if let Some(group) = &body.group_id {
        groups::find(service, cx, group)?;
    }
    let record = NewRecord {
        name: body.name,
        description: body.description,
        size_gib: body.size.as_ref().map(read_size).transpose()?,
        zone: body.availability_zone,
        // As Cinder reads it, no name is no wish.
        volume_type: body.volume_type.filter(|wanted| !wanted.is_empty()),
        metadata: body.metadata.unwrap_or_default(),
        multiattach: body.multiattach.unwrap_or(false),
        image,
        snapshot,
        source: body.source_volid,
        backup: body.backup_id,
        restores: body.restores,
        group: body.group_id,
        ..NewRecord::of(cx, VolumeId::new())?
    };
    let inner = service.clone();
    service.write(permit, "volume.volume.create", move |tx| insert(&inner, tx, &record)).await
}

/// The snapshot of the root disk in an image of a server that runs from a volume: such an image has no bytes of its own, and from 3.46
/// on the volume is made of the snapshot.
fn root_snapshot(cx: &Ctx, image: &ImageInfo) -> Option<SnapshotId> {
    let mapping = image.properties.get("block_device_mapping").filter(|_| cx.version.since(3, 46))?;
    let disks: Vec<serde_json::Value> = serde_json::from_str(mapping).ok()?;
    let root = disks.into_iter().find(|d| d["source_type"] == "snapshot" && d["boot_index"] == 0)?;
    root["snapshot_id"].as_str().map(Into::into)
}

fn without_root(snapshot: &SnapshotId) -> Error {
    Error::not_found(format!("Nova specific image is found, but boot volume snapshot id:{snapshot} not found."))
}

/// A number, or a text that is one; clients send both.
pub(crate) fn read_size(value: &serde_json::Value) -> Result<u64> {
    let number = value.as_u64().or_else(|| value.as_str().and_then(|t| t.parse().ok()));
    number.filter(|n| *n > 0).ok_or_else(|| {
        Error::bad_request(format!(
            "Invalid input received: Volume size '{}' must be an integer and greater than 0",
            plain(value)
        ))
    })
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes record, quota and flow. Doing it again for the same id changes nothing.
pub(crate) fn insert(service: &VolumeService, tx: &mut Tx, new: &NewRecord) -> Result<Arc<Volume>> {
    if let Some(there) = tx.get::<Volume>(&new.id) {
        return Ok(there);
    }
    let restores = new.backup.clone().filter(|_| new.restores);
    let (object, state) = (Volume::object(&new.id), State { volume: new.id.clone(), restores: restores.clone() });
    service.0.starter.start(tx, Start::<CreateVolume> { object, state, request_id: &new.request_id, now: new.now })?;
    let made = record(service, tx, new)?;
    if let Some(backup) = &restores {
        tx.update::<Backup>(backup, |b| (b.status, b.updated_at) = (BackupStatus::Restoring, new.now));
    }
    Ok(made)
}

/// Writes record and quota.
pub(crate) fn record(service: &VolumeService, tx: &mut Tx, new: &NewRecord) -> Result<Arc<Volume>> {
    let mut volume = blank(new);
    take_source(tx, new, &mut volume)?;
    let volume_type = match new.volume_type.as_deref() {
        Some(wanted) => resolve_type(tx, wanted, &new.project)?,
        None if !volume.volume_type.is_empty() => type_of_id(tx, &volume.volume_type)?,
        None => match image_type(new) {
            Some(wanted) => resolve_type(tx, &wanted, &new.project)?,
            None => default_type(tx, &new.project)?,
        },
    };
    volume.encryption_key = encryption_keys::for_new(service, tx, new, &volume_type)?;
    volume.multiattach |= volume_type.shares();
    volume.volume_type = volume_type.id;
    if let Some(id) = &new.group {
        let group = tx.get::<Group>(id).filter(|g| !g.deleting);
        let fits = group.is_none_or(|g| g.volume_types.contains(&volume.volume_type));
        if !fits {
            return Err(error::invalid_volume(format!("group {id} has no volumes of that type")));
        }
    }
    check_zone(tx, new.zone.as_deref(), &mut volume)?;
    quotas::check_size(tx, &new.project, volume.size_gib)?;
    let amounts = [("volumes", 1), ("gigabytes", quotas::gib(volume.size_gib))];
    quotas::claim(tx, &new.project, &volume.volume_type, &amounts)?;
    Ok(tx.put(volume))
}

/// The type that an image wants for its volumes.
fn image_type(new: &NewRecord) -> Option<String> {
    new.image.as_ref().and_then(|i| i.properties.get("cinder_img_volume_type").cloned()).filter(|t| !t.is_empty())
}

fn type_of_id(tx: &mut Tx, id: &str) -> Result<VolumeType> {
    tx.get::<VolumeType>(id).map(|t| VolumeType::clone(&t)).ok_or_else(|| error::no_type(id))
}

pub(crate) fn blank(new: &NewRecord) -> Volume {
    Volume {
        id: new.id.clone(),
        project: new.project.clone(),
        user: new.user.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        status: VolumeStatus::Creating,
        size_gib: new.size_gib.unwrap_or(0),
        volume_type: String::new(),
        availability_zone: String::new(),
        bootable: false,
        multiattach: new.multiattach,
        read_only: None,
        metadata: new.metadata.clone(),
        image_metadata: BTreeMap::new(),
        image: new.image.as_ref().map(|i| i.id.clone()),
        snapshot: new.snapshot.clone(),
        source: new.source.clone(),
        backup: new.backup.clone(),
        pool: None,
        host: None,
        backend: None,
        group: new.group.clone(),
        encryption_key: None,
        migration: None,
        generation: 1,
        fault: None,
        created_at: new.now,
        updated_at: new.now,
    }
}

/// Size, type, pool and bootability follow from what the volume is made of.
fn take_source(tx: &mut Tx, new: &NewRecord, volume: &mut Volume) -> Result<()> {
    let given = [new.image.is_some(), new.snapshot.is_some(), new.source.is_some(), new.backup.is_some()];
    if given.iter().filter(|given| **given).count() > 1 {
        return Err(Error::bad_request(
            "Invalid input received: May specify only one of snapshot, source volume or image",
        ));
    }
    let mut least = 0;
    if let Some(image) = &new.image {
        check_image(image)?;
        least = image.least_gib();
        volume.bootable = true;
        volume.image_metadata = image_metadata(image);
    }
    if let Some(id) = &new.snapshot {
        let snapshot = tx.get::<Snapshot>(id).ok_or_else(|| error::no_snapshot(id))?;
        if snapshot.status != SnapshotStatus::Available {
            return Err(Error::bad_request(format!(
                "Invalid snapshot: Originating snapshot status must be one of 'available' values, but is {}",
                snapshot.status.as_str()
            )));
        }
        let origin = tx.get::<Volume>(&snapshot.volume).ok_or_else(|| error::no_volume(&snapshot.volume))?;
        least = snapshot.size_gib;
        inherit(volume, &origin);
    }
    if let Some(id) = &new.source {
        let origin = tx.get::<Volume>(id).ok_or_else(|| error::no_volume(id))?;
        if !matches!(origin.status, VolumeStatus::Available | VolumeStatus::InUse) {
            return Err(error::invalid_volume(format!(
                "source volume {id} must be available or in-use, it is {}",
                origin.status.as_str()
            )));
        }
        super::still(tx, id)?;
        least = origin.size_gib;
        inherit(volume, &origin);
    }
    if let Some(id) = &new.backup {
        least = take_backup(tx, id, volume)?;
    }
    volume.size_gib = match new.size_gib {
        Some(size) => size,
        None if least > 0 && new.image.is_none() => least,
        None => return Err(Error::bad_request("Invalid input received: Volume size must be given")),
    };
    if volume.size_gib < least {
        return Err(Error::bad_request(format!(
            "Invalid input received: Volume size {}GB cannot be smaller than what it is made of ({least}GB).",
            volume.size_gib
        )));
    }
    Ok(())
}

/// A volume of a backup lies where the backup's bytes are.
fn take_backup(tx: &mut Tx, id: &str, volume: &mut Volume) -> Result<u64> {
    let backup = tx.get::<Backup>(id).ok_or_else(|| backups::none(id))?;
    if backup.status != BackupStatus::Available {
        return Err(backups::invalid(format!("Backup status must be available, it is {}", backup.status.as_str())));
    }
    let here = |p: &Arc<VolumePool>| p.host == backup.host && p.backend == backup.backend;
    volume.pool = tx.view().all::<VolumePool>().find(here).map(|p| p.name.clone());
    volume.availability_zone = backup.availability_zone.clone();
    backup.of.give(volume);
    Ok(backup.size_gib)
}

fn inherit(volume: &mut Volume, origin: &Volume) {
    volume.bootable = origin.bootable;
    volume.image_metadata = origin.image_metadata.clone();
    volume.pool = origin.pool.clone();
    volume.volume_type = origin.volume_type.clone();
    volume.availability_zone = origin.availability_zone.clone();
}

pub(crate) fn check_image(image: &ImageInfo) -> Result<()> {
    if image.status != "active" {
        return Err(Error::bad_request(format!(
            "Invalid image identifier or unable to access requested image: Image {} is not active.",
            image.id
        )));
    }
    Ok(())
}

pub(crate) fn image_metadata(image: &ImageInfo) -> BTreeMap<String, String> {
    let mut metadata = image.properties.clone();
    for (name, value) in [
        ("image_id", image.id.to_string()),
        ("image_name", image.name.clone()),
        ("container_format", image.container_format.clone()),
        ("disk_format", image.disk_format.clone()),
        ("min_disk", image.min_disk_gib.to_string()),
        ("min_ram", image.min_ram_mib.to_string()),
        ("size", image.size.to_string()),
    ] {
        metadata.insert(name.to_owned(), value);
    }
    metadata
}

/// The zone asked for must exist; none asked for is the source's, or the first there is.
fn check_zone(tx: &Tx, wanted: Option<&str>, volume: &mut Volume) -> Result<()> {
    let zones = zones(tx.view());
    match wanted {
        Some(zone) if zones.iter().any(|z| z == zone) => volume.availability_zone = zone.to_owned(),
        Some(zone) => {
            return Err(Error::bad_request(format!("Invalid input received: Availability zone '{zone}' is invalid.")));
        }
        None if !volume.availability_zone.is_empty() => {}
        None => volume.availability_zone = zones.first().cloned().unwrap_or_else(|| "nova".to_owned()),
    }
    Ok(())
}

/// Zones that pools are in, sorted.
pub(crate) fn zones(view: &store::Snapshot) -> Vec<String> {
    let mut zones: Vec<_> = view.all::<VolumePool>().map(|p| p.availability_zone.clone()).collect();
    zones.sort();
    zones.dedup();
    zones
}
