//! Groups: made empty or of another group's volumes, changed, deleted with or without what is in them.

pub(crate) mod create;
pub(crate) mod snapshots;

use crate::{
    VolumeService, error,
    model::{Group, GroupSnapshot, Volume, VolumeStatus},
    ops::{
        listing::{Field, Listed, Query, Row},
        volumes::delete,
    },
    policy,
    service::{QUOTAS, authorize, authorize_own, may_see},
};
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
    let begin = move |tx: &mut Tx| {
        tx.get::<Group>(&found.id).ok_or_else(|| none(&found.id))?;
        let volumes = tx.by(Volume::BY_GROUP, &found.id);
        if !volumes.is_empty() && !with_volumes {
            return Err(invalid(format!(
                "Group {} is not empty. delete-volumes flag needs to be set to delete it.",
                found.id
            )));
        }
        if !tx.by(GroupSnapshot::BY_GROUP, &found.id).is_empty() {
            return Err(invalid("Group has existing snapshots."));
        }
        tx.update::<Group>(&found.id, |g| g.deleting = true);
        for volume in &volumes {
            delete::begin(&inner, tx, &volume.id, delete::Wanted::WITH_GROUP, &cx.request_id, cx.now())?;
        }
        forget_if_empty(tx, &found.id);
        Ok(())
    };
    service.write(permit, "volume.group.delete", begin).await
}

/// A group that is to go, goes with its last volume.
pub(crate) fn forget_if_empty(tx: &mut Tx, id: &str) {
    let Some(group) = tx.get::<Group>(id).filter(|g| g.deleting) else { return };
    if tx.by(Volume::BY_GROUP, id).is_empty() {
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

/// What a new group or group snapshot has of who asks.
pub(crate) fn now_of(cx: &Ctx) -> (kernel::UserId, Timestamp) {
    (cx.credentials.user.clone(), cx.now())
}
