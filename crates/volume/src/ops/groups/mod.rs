//! Groups: made empty or of another group's volumes, changed, deleted with or without what is in them.

pub(crate) mod create;
pub(crate) mod snapshots;

use crate::{
    VolumeService, error,
    flows::group::{DeleteGroup, State},
    model::{Group, GroupSnapshot, Volume, VolumeStatus},
    ops::{
        listing::{Field, Listed, Query, Row},
        volumes::delete,
    },
    policy,
    service::{QUOTAS, authorize, authorize_own, may_see},
};
use ::policy::Rule;
use flow::Start;
use kernel::{Ctx, Error, Result, Timestamp};
use std::sync::Arc;
use store::Tx;

impl Row for Group {
    const FILTERS: &'static [&'static str] = &["name", "group_type", "availability_zone", "host", "status"];
    const SORTS: &'static [&'static str] = &["created_at", "id", "name", "group_type", "availability_zone"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => self.name.clone().into(),
            "group_type" => Field::text(&self.group_type),
            "availability_zone" => Field::text(&self.availability_zone),
            "created_at" => Field::text(self.created_at.iso_micros()),
            _ => return None,
        })
    }
}

pub(crate) fn none(id: &str) -> Error {
    Error::not_found(format!("Group {id} could not be found."))
}

pub(crate) fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::bad_request(format!("Invalid group: {reason}"))
}

pub(crate) fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Group>> {
    service.view().get::<Group>(id).filter(|g| may_see(cx, &g.project)).ok_or_else(|| none(id))
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Group>> {
    let _read = authorize_own(cx, &policy::GROUP_GET_ALL)?;
    query.run(cx, query.rows(cx, &service.view(), Group::BY_PROJECT)?)
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Group>> {
    let found = find(service, cx, id)?;
    let _read = authorize(cx, &policy::GROUP_GET, &found.project)?;
    Ok(found)
}

/// What an update changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) add: Vec<String>,
    pub(crate) remove: Vec<String>,
}

pub(crate) async fn update(service: &VolumeService, cx: &Ctx, id: &str, change: Change) -> Result<()> {
    let found = find(service, cx, id)?;
    let permit = authorize(cx, &policy::GROUP_UPDATE, &found.project)?;
    let write = move |tx: &mut Tx| {
        let mut group = Group::clone(&*tx.get::<Group>(&found.id).ok_or_else(|| none(&found.id))?);
        if group.status(tx.view()) != "available" {
            return Err(invalid("Group status must be available"));
        }
        if let Some(both) = change.add.iter().find(|v| change.remove.contains(v)) {
            return Err(Error::bad_request(format!("Invalid volume: {both} is in both add and remove volumes list.")));
        }
        for id in &change.remove {
            let volume = tx.get::<Volume>(id).filter(|v| v.group.as_ref() == Some(&group.id));
            volume.ok_or_else(|| {
                error::invalid_volume(format!(
                    "Cannot remove volume {id} from group {} because it is not in the group.",
                    group.id
                ))
            })?;
            tx.update::<Volume>(id, |v| v.group = None);
        }
        for id in &change.add {
            admit(tx, &group, id)?;
        }
        group.name = change.name.clone().or(group.name);
        group.description = change.description.clone().or(group.description);
        tx.put(group);
        Ok(())
    };
    service.write(permit, "volume.group.update", write).await
}

fn admit(tx: &mut Tx, group: &Group, id: &str) -> Result<()> {
    let volume = tx.get::<Volume>(id).filter(|v| v.project == group.project).ok_or_else(|| error::no_volume(id))?;
    let why = match &volume.group {
        Some(other) if *other == group.id => return Ok(()),
        Some(other) => Some(format!("it is already in group {other}")),
        None if !group.volume_types.contains(&volume.volume_type) => {
            Some("its type is not one of the group's".to_owned())
        }
        None if !matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse) => {
            Some(format!("it is in an invalid state: {}", volume.status.as_str()))
        }
        None => None,
    };
    if let Some(why) = why {
        return Err(error::invalid_volume(format!("Cannot add volume {id} to group {} because {why}.", group.id)));
    }
    tx.update::<Volume>(id, |v| v.group = Some(group.id.clone()));
    Ok(())
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str, with_volumes: bool) -> Result<()> {
    let found = find(service, cx, id)?;
    let permit = authorize(cx, &policy::GROUP_DELETE, &found.project)?;
    let (inner, cx) = (service.clone(), cx.clone());
    let begin = move |tx: &mut Tx| begin_delete(&inner, tx, &cx, &found.id, with_volumes);
    service.write(permit, "volume.group.delete", begin).await
}

fn begin_delete(service: &VolumeService, tx: &mut Tx, cx: &Ctx, id: &str, with_volumes: bool) -> Result<()> {
    let (group, object) = (tx.get::<Group>(id).ok_or_else(|| none(id))?, Group::object(id));
    if group.deleting {
        return Ok(());
    }
    let volumes = tx.by(Volume::BY_GROUP, id);
    if !volumes.is_empty() && !with_volumes {
        return Err(invalid(format!("Group {id} is not empty. delete-volumes flag needs to be set to delete it.")));
    }
    if !tx.by(GroupSnapshot::BY_GROUP, id).is_empty() {
        return Err(invalid("Group has existing snapshots."));
    }
    for volume in &volumes {
        // One that is being made with the group is let go first.
        let making = volume.status == VolumeStatus::Creating;
        delete::ready(tx, volume, delete::Wanted { force: making, ..delete::Wanted::default() })?;
        delete::mark(tx, &volume.id, VolumeStatus::Deleting, cx.now());
    }
    for flow in tx.by(flow::FlowRecord::BY_OBJECT, &object) {
        flow::cancel(tx, &flow.id);
    }
    tx.update::<Group>(id, |g| g.deleting = true);
    let state = State { group: id.to_owned(), volumes: volumes.iter().map(|v| v.id.clone()).collect() };
    let start = Start::<DeleteGroup> { object, state, request_id: &cx.request_id, now: cx.now() };
    service.0.starter.start(tx, start).map(drop)
}

/// Removes the record and gives its quota back.
pub(crate) fn forget(tx: &mut Tx, id: &str) {
    if let Some(group) = tx.get::<Group>(id) {
        tx.delete::<Group>(id);
        QUOTAS.release(tx, &group.project, &[("groups", 1)]);
    }
}

/// An administrator says what the status is.
pub(crate) async fn reset_status(service: &VolumeService, cx: &Ctx, id: &str, status: &str) -> Result<()> {
    let found = find(service, cx, id)?;
    let permit = authorize(cx, &policy::GROUP_RESET, &found.project)?;
    let said = said(status)?;
    let write = move |tx: &mut Tx| {
        tx.update::<Group>(&found.id, |g| g.said = said.clone());
        Ok(())
    };
    service.write(permit, "volume.group.reset_status", write).await
}

/// `available` is what a group is unless somebody says otherwise.
fn said(status: &str) -> Result<Option<String>> {
    const KNOWN: &[&str] = &["available", "creating", "deleting", "error", "error_deleting", "in-use", "updating"];
    match status {
        "available" => Ok(None),
        other if KNOWN.contains(&other) => Ok(Some(other.to_owned())),
        other => Err(Error::bad_request(format!("Must specify a valid status, not {other}."))),
    }
}

/// The rule of what is done with a group's replicas.
pub(crate) fn replication_rule(action: &str) -> Option<&'static Rule> {
    Some(match action {
        "enable_replication" => &policy::GROUP_ENABLE_REPLICATION,
        "disable_replication" => &policy::GROUP_DISABLE_REPLICATION,
        "failover_replication" => &policy::GROUP_FAILOVER_REPLICATION,
        "list_replication_targets" => &policy::GROUP_LIST_REPLICATION,
        _ => return None,
    })
}

/// No back end replicates, so no group does: refused as Cinder refuses a group whose type says nothing of replication.
pub(crate) fn refuse_replication(service: &VolumeService, cx: &Ctx, rule: &'static Rule, id: &str) -> Result<()> {
    let found = find(service, cx, id)?;
    let _permitted = authorize(cx, rule, &found.project)?;
    Err(Error::bad_request(format!("Invalid group type: Group {id} is not a replication group type.")))
}

/// What a new group or group snapshot has of who asks.
pub(crate) fn now_of(cx: &Ctx) -> (kernel::UserId, Timestamp) {
    (cx.credentials.user.clone(), cx.now())
}
