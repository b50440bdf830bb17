//! Snapshots of all volumes of a group.

use super::{find as find_group, invalid, none as no_group, now_of, said};
use crate::{
    VolumeService,
    flows::{
        group_snapshot::{CreateGroupSnapshot, DeleteGroupSnapshot, State},
        set_snapshot_status,
    },
    model::{Group, GroupSnapshot, Snapshot, SnapshotStatus, Volume},
    ops::{
        listing::{Field, Listed, Query, Row},
        snapshots::{self, NewSnapshot},
    },
    policy,
    service::{authorize, authorize_own, may_see},
};
use flow::Start;
use kernel::{Ctx, Error, Result, SnapshotId};
use std::sync::Arc;
use store::Tx;

impl Row for GroupSnapshot {
    const FILTERS: &'static [&'static str] = &["name", "status", "group_id"];
    const SORTS: &'static [&'static str] = &["created_at", "id", "name", "group_id"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => self.name.clone().into(),
            "group_id" => Field::text(&self.group),
            "created_at" => Field::text(self.created_at.iso_micros()),
            _ => return None,
        })
    }
}

pub(crate) fn none(id: &str) -> Error {
    Error::not_found(format!("GroupSnapshot {id} could not be found."))
}

fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<GroupSnapshot>> {
    service.view().get::<GroupSnapshot>(id).filter(|s| may_see(cx, &s.project)).ok_or_else(|| none(id))
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<GroupSnapshot>> {
    let _read = authorize_own(cx, &policy::GROUP_SNAPSHOT_GET_ALL)?;
    query.run(cx, query.rows(cx, &service.view(), GroupSnapshot::BY_PROJECT)?)
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<GroupSnapshot>> {
    let found = find(service, cx, id)?;
    let _read = authorize(cx, &policy::GROUP_SNAPSHOT_GET, &found.project)?;
    Ok(found)
}

/// What a new group snapshot is to be.
pub(crate) struct NewGroupSnapshot {
    pub(crate) group: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: NewGroupSnapshot) -> Result<Arc<GroupSnapshot>> {
    let group = find_group(service, cx, &new.group)?;
    let permit = authorize(cx, &policy::GROUP_SNAPSHOT_CREATE, &group.project)?;
    let (inner, cx, id) = (service.clone(), cx.clone(), kernel::ids::uuid_dashed().to_string());
    let write = move |tx: &mut Tx| {
        let group = tx.get::<Group>(&group.id).ok_or_else(|| no_group(&group.id))?;
        let snapshots = take_all(tx, &cx, &group, &new, &id)?;
        let (object, now) = (GroupSnapshot::object(&id), cx.now());
        let state = State { group_snapshot: id.clone(), snapshots };
        let start = Start::<CreateGroupSnapshot> { object, state, request_id: &cx.request_id, now };
        inner.0.starter.start(tx, start)?;
        let (user, created_at) = now_of(&cx);
        Ok(tx.put(GroupSnapshot {
            id: id.clone(),
            group: group.id.clone(),
            group_type: group.group_type.clone(),
            name: new.name.clone(),
            description: new.description.clone(),
            project: group.project.clone(),
            user,
            deleting: false,
            said: None,
            created_at,
        }))
    };
    service.write(permit, "volume.group_snapshot.create", write).await
}

/// A record for each volume of the group.
fn take_all(tx: &mut Tx, cx: &Ctx, group: &Group, new: &NewGroupSnapshot, id: &str) -> Result<Vec<SnapshotId>> {
    let volumes = tx.by(Volume::BY_GROUP, &group.id);
    if volumes.is_empty() {
        return Err(invalid(format!("The Group {} is empty: no snapshot of it is made.", group.id)));
    }
    if group.status(tx.view()) != "available" {
        return Err(invalid("Group status must be available"));
    }
    let mut taken = Vec::new();
    for volume in &volumes {
        let of = NewSnapshot {
            id: SnapshotId::new(),
            volume: volume.id.clone(),
            user: cx.credentials.user.clone(),
            project: volume.project.clone(),
            name: new.name.clone(),
            description: new.description.clone(),
            metadata: Default::default(),
            force: true,
            request_id: cx.request_id.clone(),
            now: cx.now(),
        };
        snapshots::ready(volume, &of)?;
        snapshots::record(tx, &of, volume)?;
        tx.update::<Snapshot>(&of.id, |s| s.group_snapshot = Some(id.to_owned()));
        taken.push(of.id);
    }
    Ok(taken)
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let found = find(service, cx, id)?;
    let permit = authorize(cx, &policy::GROUP_SNAPSHOT_DELETE, &found.project)?;
    let (inner, cx) = (service.clone(), cx.clone());
    let write = move |tx: &mut Tx| {
        let (id, object) = (&found.id, GroupSnapshot::object(&found.id));
        let there = tx.get::<GroupSnapshot>(id).ok_or_else(|| none(id))?;
        let status = there.status(tx.view());
        if !matches!(status.as_str(), "available" | "error" | "error_deleting") {
            return Err(Error::bad_request(format!(
                "Invalid GroupSnapshot: GroupSnapshot status must be available or error, it is {status}."
            )));
        }
        let snapshots: Vec<_> = tx.by(Snapshot::BY_GROUP_SNAPSHOT, id).iter().map(|s| s.id.clone()).collect();
        snapshots.iter().for_each(|s| set_snapshot_status(tx, s, SnapshotStatus::Deleting, cx.now()));
        tx.update::<GroupSnapshot>(id, |s| s.deleting = true);
        let state = State { group_snapshot: id.clone(), snapshots };
        let start = Start::<DeleteGroupSnapshot> { object, state, request_id: &cx.request_id, now: cx.now() };
        inner.0.starter.start(tx, start).map(drop)
    };
    service.write(permit, "volume.group_snapshot.delete", write).await
}

/// Removes the record.
pub(crate) fn forget(tx: &mut Tx, id: &str) {
    tx.delete::<GroupSnapshot>(id);
}

/// An administrator says what the status is.
pub(crate) async fn reset_status(service: &VolumeService, cx: &Ctx, id: &str, status: &str) -> Result<()> {
    let found = find(service, cx, id)?;
    let permit = authorize(cx, &policy::GROUP_SNAPSHOT_RESET, &found.project)?;
    let said = said(status)?;
    let write = move |tx: &mut Tx| {
        tx.update::<GroupSnapshot>(&found.id, |s| s.said = said.clone());
        Ok(())
    };
    service.write(permit, "volume.group_snapshot.reset_status", write).await
}
