//! Snapshots: begin to make and to delete, list, change.

use crate::{
    VolumeService, error,
    flows::{
        create_snapshot::{self, CreateSnapshot},
        delete_snapshot::{self, DeleteSnapshot, Fate},
    },
    model::{Snapshot, SnapshotStatus, Volume, VolumeStatus},
    ops::{
        listing::{Listed, Query},
        volumes::still,
    },
    policy, quotas,
    service::{authorize, authorize_own},
};
use ::policy::Rule;
use flow::Start;
use kernel::{Ctx, ProjectId, Result, SnapshotId, Timestamp, UserId, VolumeId, ids::RequestId};
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
    ready(&volume, new)?;
    still(tx, &volume.id)?;
    let state = create_snapshot::State { snapshot: new.id.clone() };
    let start =
        Start::<CreateSnapshot> { object: Snapshot::object(&new.id), state, request_id: &new.request_id, now: new.now };
    service.0.starter.start(tx, start)?;
    record(tx, new, &volume)
}

/// Whether a snapshot of the volume can be taken now.
pub(crate) fn ready(volume: &Volume, new: &NewSnapshot) -> Result<()> {
    if volume.status == VolumeStatus::Available || (volume.status == VolumeStatus::InUse && new.force) {
        return Ok(());
    }
    Err(error::invalid_volume(format!(
        "Volume {} status must be available, but current status is: {}.",
        new.volume,
        volume.status.as_str()
    )))
}

/// Record and quota.
pub(crate) fn record(tx: &mut Tx, new: &NewSnapshot, volume: &Volume) -> Result<Arc<Snapshot>> {
    let amounts = [("snapshots", 1), ("gigabytes", quotas::gib(volume.size_gib))];
    quotas::claim(tx, &new.project, &volume.volume_type, &amounts)?;
    // Written as it is: who deletes the volume at the same time on another member then meets a conflict, and sees the snapshot.
    tx.put(Volume::clone(volume));
    Ok(tx.put(Snapshot {
        id: new.id.clone(),
        volume: new.volume.clone(),
        project: new.project.clone(),
        user: new.user.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        status: SnapshotStatus::Creating,
        size_gib: volume.size_gib,
        group_snapshot: None,
        progress: None,
        metadata: new.metadata.clone(),
        created_at: new.now,
        updated_at: new.now,
    }))
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str, force: bool) -> Result<()> {
    let snapshot = service.find_snapshot(cx, id)?;
    let rule = if force { &policy::SNAPSHOT_FORCE_DELETE } else { &policy::SNAPSHOT_DELETE };
    let permit = authorize(cx, rule, &snapshot.project)?;
    let (inner, id, request_id, now) = (service.clone(), snapshot.id.clone(), cx.request_id.clone(), cx.now());
    service
        .write(permit, "volume.snapshot.delete", move |tx| {
            begin_delete(&inner, tx, &id, Deletion { force, fate: Fate::Removed }, &request_id, now)
        })
        .await
}

/// How a snapshot goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletion {
    /// Whatever its status.
    pub(crate) force: bool,
    pub(crate) fate: Fate,
}

/// `deleting`, with its flow.
pub(crate) fn begin_delete(
    service: &VolumeService,
    tx: &mut Tx,
    id: &SnapshotId,
    how: Deletion,
    request_id: &RequestId,
    now: Timestamp,
) -> Result<()> {
    let snapshot = tx.get::<Snapshot>(id).ok_or_else(|| error::no_snapshot(id))?;
    // Its own flow, or that of the volume it goes with.
    let at_work = [Snapshot::object(id), Volume::object(&snapshot.volume)]
        .iter()
        .any(|object| flow::live_flow_of(tx.view(), object).is_some());
    if snapshot.status == SnapshotStatus::Deleting && at_work {
        return Ok(());
    }
    if !snapshot.status.may_be_deleted() && !how.force {
        return Err(kernel::Error::bad_request(
            "Invalid snapshot: Snapshot status must be available or error or error_deleting.",
        ));
    }
    for flow in tx.by(flow::FlowRecord::BY_OBJECT, &Snapshot::object(id)) {
        flow::cancel(tx, &flow.id);
    }
    tx.update::<Snapshot>(id, |s| (s.status, s.updated_at) = (SnapshotStatus::Deleting, now));
    let state = delete_snapshot::State { snapshot: id.clone(), fate: how.fate };
    let start = Start::<DeleteSnapshot> { object: Snapshot::object(id), state, request_id, now };
    service.0.starter.start(tx, start).map(drop)
}

/// Removes the record and gives its quota back.
pub(crate) fn forget(tx: &mut Tx, id: &SnapshotId) {
    if let Some(snapshot) = tx.get::<Snapshot>(id) {
        tx.delete::<Snapshot>(id);
        let of_type = tx.get::<Volume>(&snapshot.volume).map(|v| v.volume_type.clone()).unwrap_or_default();
        let amounts = [("snapshots", 1), ("gigabytes", quotas::gib(snapshot.size_gib))];
        quotas::release(tx, &snapshot.project, &of_type, &amounts);
    }
}

pub(crate) async fn update(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    mut edit: impl FnMut(&mut Snapshot) -> Result<()> + Send + 'static,
) -> Result<Arc<Snapshot>> {
    let snapshot = service.find_snapshot(cx, id)?;
    let permit = authorize(cx, rule, &snapshot.project)?;
    let (id, now) = (snapshot.id.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let mut snapshot = Snapshot::clone(&*tx.get::<Snapshot>(&id).ok_or_else(|| error::no_snapshot(&id))?);
        edit(&mut snapshot)?;
        snapshot.updated_at = now;
        Ok(tx.put(snapshot))
    };
    service.write(permit, "volume.snapshot.update", write).await
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Snapshot>> {
    let _read = authorize_own(cx, &policy::SNAPSHOT_GET_ALL)?;
    query.run(cx, query.rows(cx, &service.view(), Snapshot::BY_PROJECT)?)
}

/// An administrator says what the status is.
pub(crate) async fn reset_status(service: &VolumeService, cx: &Ctx, id: &str, status: Option<&str>) -> Result<()> {
    let snapshot = service.find_snapshot(cx, id)?;
    let _permitted = authorize(cx, &policy::SNAPSHOT_RESET, &snapshot.project)?;
    let wanted = status.and_then(SnapshotStatus::parse);
    let status = wanted.ok_or_else(|| kernel::Error::bad_request("Must specify a valid status."))?;
    let edit = move |snapshot: &mut Snapshot| {
        snapshot.status = status;
        Ok(())
    };
    update(service, cx, &policy::SNAPSHOT_RESET, id, edit).await.map(drop)
}

/// What Nova says of a snapshot that it takes for a back end; from one status to the next only.
pub(crate) async fn update_status(service: &VolumeService, cx: &Ctx, id: &str, args: &serde_json::Value) -> Result<()> {
    use SnapshotStatus::{Available, Creating, Deleting, Error, ErrorDeleting};
    let snapshot = service.find_snapshot(cx, id)?;
    let _permitted = authorize(cx, &policy::SNAPSHOT_STATUS, &snapshot.project)?;
    let wanted = args["status"].as_str().unwrap_or_default();
    let to = SnapshotStatus::parse(wanted);
    let known = to.ok_or_else(|| kernel::Error::bad_request("'status' must be specified."))?;
    let allowed: &[SnapshotStatus] = match snapshot.status {
        Creating => &[Creating, Available, Error],
        Deleting => &[Deleting, ErrorDeleting],
        _ => &[],
    };
    if !allowed.contains(&known) {
        return Err(kernel::Error::bad_request(format!(
            "Provided snapshot status {wanted} not allowed for snapshot with status {}.",
            snapshot.status.as_str()
        )));
    }
    let progress = args["progress"].as_str().map(str::to_owned);
    if progress.as_deref().is_some_and(|p| !is_percentage(p)) {
        return Err(kernel::Error::bad_request("Invalid input received: progress must be an integer percentage"));
    }
    let edit = move |snapshot: &mut Snapshot| {
        snapshot.status = known;
        snapshot.progress = progress.clone().or(snapshot.progress.take());
        Ok(())
    };
    update(service, cx, &policy::SNAPSHOT_STATUS, id, edit).await.map(drop)
}

fn is_percentage(text: &str) -> bool {
    text.strip_suffix('%').is_some_and(|n| n.parse::<u8>().is_ok_and(|n| n <= 100))
}
