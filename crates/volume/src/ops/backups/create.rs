//! Begins a backup: record, quota and flow in one transaction.

use super::invalid;
use crate::{
    VolumeService, error,
    flows::{
        backup::{CreateBackup, State},
        place, set_snapshot_status, set_status,
    },
    model::{Backup, BackupStatus, Snapshot, SnapshotStatus, Volume, VolumeStatus, VolumeTraits},
    ops::{encryption_keys, volumes::still},
    policy,
    service::{QUOTAS, authorize_own},
};
use flow::Start;
use kernel::{Ctx, Error, ProjectId, Result, SnapshotId};
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

/// Where backups go that name no container.
const CONTAINER: &str = "volumebackups";

#[derive(Clone, Debug, Default)]
pub(crate) struct NewBackup {
    pub(crate) volume: String,
    pub(crate) snapshot: Option<SnapshotId>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) container: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) incremental: bool,
    pub(crate) force: bool,
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: NewBackup) -> Result<Arc<Backup>> {
    let permit = authorize_own(cx, &policy::BACKUP_CREATE)?;
    service.find_volume(cx, &new.volume)?;
    if let Some(snapshot) = &new.snapshot {
        service.find_snapshot(cx, snapshot)?;
    }
    let id = kernel::ids::uuid_dashed().to_string();
    let (inner, cx2) = (service.clone(), cx.clone());
    service.write(permit, "volume.backup.create", move |tx| insert(&inner, tx, &cx2, &id, &new)).await
}

fn insert(service: &VolumeService, tx: &mut Tx, cx: &Ctx, id: &str, new: &NewBackup) -> Result<Arc<Backup>> {
    let now = cx.now();
    let volume = tx.get::<Volume>(&new.volume).ok_or_else(|| error::no_volume(&new.volume))?;
    let (size_gib, data_at) = take(tx, &volume, new, now)?;
    let parent = if new.incremental { Some(latest(tx, &volume, cx.project()?)?) } else { None };
    let (host, backend) = place(&volume).ok_or_else(|| error::invalid_volume("it lies on no pool"))?;
    let size = i64::try_from(size_gib).unwrap_or(i64::MAX);
    QUOTAS.claim(tx, cx.project()?, &[("backups", 1), ("backup_gigabytes", size)])?;
    let state = State { backup: id.to_owned() };
    let start = Start::<CreateBackup> { object: Backup::object(id), state, request_id: &cx.request_id, now };
    service.0.starter.start(tx, start)?;
    let owner =
        encryption_keys::Owner { project: cx.project()?, user: &cx.credentials.user, what: format!("backup {id}") };
    let key = volume.encryption_key.as_ref();
    let encryption_key = key.map(|key| encryption_keys::copy(service, tx, key, &owner)).transpose()?;
    let container = parent.as_ref().map(|p| p.container.clone());
    Ok(tx.put(Backup {
        id: id.to_owned(),
        volume: volume.id.clone(),
        snapshot: new.snapshot.clone(),
        project: cx.project()?.clone(),
        user: cx.credentials.user.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        metadata: new.metadata.clone(),
        status: BackupStatus::Creating,
        size_gib,
        container: new.container.clone().or(container).unwrap_or_else(|| CONTAINER.to_owned()),
        object_count: 0,
        parent: parent.map(|p| p.id.clone()),
        data: None,
        of: VolumeTraits::of(&volume),
        host,
        backend,
        availability_zone: volume.availability_zone.clone(),
        fault: None,
        encryption_key,
        data_at,
        created_at: now,
        updated_at: now,
    }))
}

/// Takes the volume, or the snapshot, for the backup: its size, and the moment that will be kept.
fn take(tx: &mut Tx, volume: &Volume, new: &NewBackup, now: kernel::Timestamp) -> Result<(u64, kernel::Timestamp)> {
    if let Some(id) = &new.snapshot {
        let snapshot = tx.get::<Snapshot>(id).ok_or_else(|| error::no_snapshot(id))?;
        if snapshot.volume != volume.id {
            return Err(Error::bad_request("Invalid input received: the snapshot is of another volume"));
        }
        if snapshot.status != SnapshotStatus::Available {
            return Err(Error::bad_request(format!(
                "Invalid snapshot: Snapshot to be backed up must be available, but the current status is \"{}\".",
                snapshot.status.as_str()
            )));
        }
        set_snapshot_status(tx, id, SnapshotStatus::BackingUp, now);
        return Ok((snapshot.size_gib, snapshot.created_at));
    }
    match volume.status {
        VolumeStatus::Available => {}
        VolumeStatus::InUse if new.force => {}
        VolumeStatus::InUse => {
            return Err(error::invalid_volume("Backing up an in-use volume must use the force flag."));
        }
        other => {
            return Err(error::invalid_volume(format!(
                "Volume to be backed up must be available or in-use, but the current status is \"{}\".",
                other.as_str()
            )));
        }
    }
    still(tx, &volume.id)?;
    set_status(tx, &volume.id, VolumeStatus::BackingUp, None, now);
    Ok((volume.size_gib, now))
}

/// The newest backup of the volume that an increment can be built on: where the volume lies, and of the project that asks, which may
/// delete both.
fn latest(tx: &Tx, volume: &Volume, project: &ProjectId) -> Result<Arc<Backup>> {
    let here = |b: &Arc<Backup>| {
        b.status == BackupStatus::Available && Some(&b.host) == volume.host.as_ref() && b.project == *project
    };
    let all = tx.by(Backup::BY_VOLUME, &volume.id);
    let newest = all.into_iter().filter(here).max_by(|a, b| (a.data_at, &a.id).cmp(&(b.data_at, &b.id)));
    newest.ok_or_else(|| {
        invalid(
            "No backups available to do an incremental backup. Please create a full backup before an incremental one.",
        )
    })
}
