//! Snapshots: begin to make and to delete, list, change.

use crate::{
    VolumeService, error,
    flows::{
        create_snapshot::{self, CreateSnapshot},
        delete_snapshot::{self, DeleteSnapshot},
    },
    model::{Snapshot, SnapshotStatus, Volume, VolumeStatus},
    policy,
    service::{QUOTAS, authorize, authorize_own},
};
use flow::Start;
use kernel::{Ctx, Page, ProjectId, Result, SnapshotId, Timestamp, UserId, VolumeId, ids::RequestId, paging::Paged};
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

/// What a new snapshot needs, whoever asks for it.
#[derive(Clone)]
pub(crate) struct NewSnapshot {
    pub(crate) id: SnapshotId,
    pub(crate) volume: VolumeId,
    pub(crate) user: UserId,
    pub(crate) project: ProjectId,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) force: bool,
    pub(crate) request_id: RequestId,
    pub(crate) now: Timestamp,
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: NewSnapshot) -> Result<Arc<Snapshot>> {
    let volume = service.find_volume(cx, &new.volume)?;
    let permit = authorize(cx, &policy::SNAPSHOT_CREATE, &volume.project)?;
    let inner = service.clone();
    service.write(permit, "volume.snapshot.create", move |tx| insert(&inner, tx, &new)).await
}

/// Record, quota and flow. Doing it again for the same id changes nothing.
pub(crate) fn insert(service: &VolumeService, tx: &mut Tx, new: &NewSnapshot) -> Result<Arc<Snapshot>> {
    if let Some(there) = tx.get::<Snapshot>(&new.id) {
        return Ok(there);
    }
    let volume = tx.get::<Volume>(&new.volume).ok_or_else(|| error::no_volume(&new.volume))?;
    let ready = volume.status == VolumeStatus::Available || (volume.status == VolumeStatus::InUse && new.force);
    if !ready {
        return Err(error::invalid_volume(format!(
            "Volume {} status must be available, but current status is: {}.",
            new.volume,
            volume.status.as_str()
        )));
    }
    let size = i64::try_from(volume.size_gib).unwrap_or(i64::MAX);
    QUOTAS.claim(tx, &new.project, &[("snapshots", 1), ("gigabytes", size)])?;
    let state = create_snapshot::State { snapshot: new.id.clone() };
    let start =
        Start::<CreateSnapshot> { object: Snapshot::object(&new.id), state, request_id: &new.request_id, now: new.now };
    service.0.starter.start(tx, start)?;
    // Written as it is: who deletes the volume at the same time on another member then meets a conflict, and sees the snapshot.
    tx.put(Volume::clone(&volume));
    Ok(tx.put(Snapshot {
        id: new.id.clone(),
        volume: new.volume.clone(),
        project: new.project.clone(),
        user: new.user.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        status: SnapshotStatus::Creating,
        size_gib: volume.size_gib,
        metadata: new.metadata.clone(),
        created_at: new.now,
        updated_at: new.now,
    }))
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let snapshot = service.find_snapshot(cx, id)?;
    let permit = authorize(cx, &policy::SNAPSHOT_DELETE, &snapshot.project)?;
    let (inner, id, request_id, now) = (service.clone(), snapshot.id.clone(), cx.request_id.clone(), cx.now());
    let begin = move |tx: &mut Tx| {
        let snapshot = tx.get::<Snapshot>(&id).ok_or_else(|| error::no_snapshot(&id))?;
        match snapshot.status {
            SnapshotStatus::Deleting => return Ok(()),
            SnapshotStatus::Available | SnapshotStatus::Error | SnapshotStatus::ErrorDeleting => {}
            SnapshotStatus::Creating => {
                return Err(kernel::Error::bad_request(
                    "Invalid snapshot: Snapshot status must be available or error or error_deleting.",
                ));
            }
        }
        tx.update::<Snapshot>(&id, |s| (s.status, s.updated_at) = (SnapshotStatus::Deleting, now));
        let state = delete_snapshot::State { snapshot: id.clone() };
        let start = Start::<DeleteSnapshot> { object: Snapshot::object(&id), state, request_id: &request_id, now };
        inner.0.starter.start(tx, start).map(drop)
    };
    service.write(permit, "volume.snapshot.delete", begin).await
}

/// Removes the record and gives its quota back.
pub(crate) fn forget(tx: &mut Tx, id: &SnapshotId) {
    if let Some(snapshot) = tx.get::<Snapshot>(id) {
        tx.delete::<Snapshot>(id);
        let size = i64::try_from(snapshot.size_gib).unwrap_or(0);
        QUOTAS.release(tx, &snapshot.project, &[("snapshots", 1), ("gigabytes", size)]);
    }
}

pub(crate) async fn update(
    service: &VolumeService,
    cx: &Ctx,
    id: &str,
    mut edit: impl FnMut(&mut Snapshot) -> Result<()> + Send + 'static,
) -> Result<Arc<Snapshot>> {
    let snapshot = service.find_snapshot(cx, id)?;
    let permit = authorize(cx, &policy::SNAPSHOT_UPDATE, &snapshot.project)?;
    let (id, now) = (snapshot.id.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let mut snapshot = Snapshot::clone(&*tx.get::<Snapshot>(&id).ok_or_else(|| error::no_snapshot(&id))?);
        edit(&mut snapshot)?;
        snapshot.updated_at = now;
        Ok(tx.put(snapshot))
    };
    service.write(permit, "volume.snapshot.update", write).await
}

pub(crate) fn list(
    service: &VolumeService,
    cx: &Ctx,
    filters: &[(String, String)],
    page: &Page,
) -> Result<Paged<Arc<Snapshot>>> {
    let _read = authorize_own(cx, &policy::SNAPSHOT_GET_ALL)?;
    let get = |name: &str| filters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let all = cx.is_admin() && get("all_tenants").is_some_and(|v| !matches!(v, "0" | "false" | "False"));
    let view = service.view();
    let mut found: Vec<Arc<Snapshot>> =
        if all { view.all::<Snapshot>().collect() } else { view.by(Snapshot::BY_PROJECT, cx.project()?).collect() };
    found.retain(|s| {
        get("name").is_none_or(|n| s.name.as_deref() == Some(n))
            && get("status").is_none_or(|st| s.status.as_str() == st)
            && get("volume_id").is_none_or(|v| s.volume == *v)
    });
    found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    page.cut(found, |s| &s.id).ok_or_else(|| kernel::Error::not_found("Marker could not be found."))
}
