//! Makes groups.

use super::{find, invalid, now_of};
use crate::{
    VolumeService, error,
    flows::group::{CreateGroup, State},
    model::{Group, GroupSnapshot, GroupType, Snapshot, Volume, VolumeType},
    ops::{group_types, volumes::create},
    policy,
    service::{QUOTAS, authorize_own, may_see},
};
use flow::Start;
use kernel::{Ctx, Error, Result, SnapshotId, VolumeId};
use std::sync::Arc;
use store::Tx;

/// What a new group is to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewGroup {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    /// By id or name.
    pub(crate) group_type: String,
    pub(crate) volume_types: Vec<String>,
    pub(crate) zone: Option<String>,
}

/// The quota's and the record, for whoever makes one.
fn insert(tx: &mut Tx, cx: &Ctx, group: Group) -> Result<Arc<Group>> {
    QUOTAS.claim(tx, cx.project()?, &[("groups", 1)])?;
    Ok(tx.put(group))
}

fn blank(cx: &Ctx) -> Result<Group> {
    let (user, created_at) = now_of(cx);
    Ok(Group {
        id: kernel::ids::uuid_dashed().to_string(),
        name: None,
        description: None,
        project: cx.project()?.clone(),
        user,
        group_type: String::new(),
        volume_types: Vec::new(),
        availability_zone: String::new(),
        group_snapshot: None,
        source_group: None,
        deleting: false,
        said: None,
        created_at,
    })
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: NewGroup) -> Result<Arc<Group>> {
    let permit = authorize_own(cx, &policy::GROUP_CREATE)?;
    let (blank, cx) = (blank(cx)?, cx.clone());
    let write = move |tx: &mut Tx| {
        let wanted = |t: &Arc<GroupType>| t.id == new.group_type || t.name == new.group_type;
        let group_type = tx.view().all::<GroupType>().find(wanted).ok_or_else(|| group_types::none(&new.group_type))?;
        let mut volume_types = Vec::new();
        for wanted in &new.volume_types {
            let found = tx.view().all::<VolumeType>().find(|t| t.id == *wanted || t.name == *wanted);
            volume_types.push(found.ok_or_else(|| error::no_type(wanted))?.id.clone());
        }
        let zones = create::zones(tx.view());
        if let Some(zone) = new.zone.as_ref().filter(|z| !zones.contains(z)) {
            return Err(Error::bad_request(format!("Invalid input received: Availability zone '{zone}' is invalid.")));
        }
        let zone = new.zone.clone().or_else(|| zones.first().cloned()).unwrap_or_else(|| "nova".to_owned());
        let (name, description) = (new.name.clone(), new.description.clone());
        let group_type = group_type.id.clone();
        insert(tx, &cx, Group { name, description, group_type, volume_types, availability_zone: zone, ..blank.clone() })
    };
    service.write(permit, "volume.group.create", write).await
}

/// Of what a group is made.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Group(String),
    Snapshot(String),
}

/// A group with a copy of each volume of another group, or of each snapshot of a group snapshot.
pub(crate) async fn create_from(
    service: &VolumeService,
    cx: &Ctx,
    source: Source,
    name: Option<String>,
    description: Option<String>,
) -> Result<Arc<Group>> {
    let permit = authorize_own(cx, &policy::GROUP_CREATE)?;
    let of = match &source {
        Source::Group(id) => find(service, cx, id)?,
        Source::Snapshot(id) => {
            let snapshot = service.view().get::<GroupSnapshot>(id).filter(|s| may_see(cx, &s.project));
            find(service, cx, &snapshot.ok_or_else(|| super::snapshots::none(id))?.group)?
        }
    };
    let (inner, blank, cx) = (service.clone(), blank(cx)?, cx.clone());
    let write = move |tx: &mut Tx| {
        let copies = copies(tx, &source)?;
        if copies.is_empty() {
            return Err(invalid("the source has no volumes"));
        }
        let (group_snapshot, source_group) = match &source {
            Source::Group(id) => (None, Some(id.clone())),
            Source::Snapshot(id) => (Some(id.clone()), None),
        };
        let group = Group {
            name: name.clone(),
            description: description.clone(),
            group_type: of.group_type.clone(),
            volume_types: of.volume_types.clone(),
            availability_zone: of.availability_zone.clone(),
            group_snapshot,
            source_group,
            ..blank.clone()
        };
        let mut volumes = Vec::new();
        for (snapshot, source) in copies {
            let group = Some(group.id.clone());
            let record = create::NewRecord { snapshot, source, group, ..create::NewRecord::of(&cx, VolumeId::new())? };
            volumes.push(create::record(&inner, tx, &record)?.id.clone());
        }
        let (object, state) = (Group::object(&group.id), State { group: group.id.clone(), volumes });
        let start = Start::<CreateGroup> { object, state, request_id: &cx.request_id, now: cx.now() };
        inner.0.starter.start(tx, start)?;
        insert(tx, &cx, group)
    };
    service.write(permit, "volume.group.create_from", write).await
}

type Copy = (Option<SnapshotId>, Option<VolumeId>);

fn copies(tx: &Tx, source: &Source) -> Result<Vec<Copy>> {
    let status = match source {
        Source::Group(id) => tx.view().get::<Group>(id).map(|g| g.status(tx.view())),
        Source::Snapshot(id) => tx.view().get::<GroupSnapshot>(id).map(|s| s.status(tx.view())),
    };
    if status.as_deref() != Some("available") {
        return Err(invalid(format!("the source must be available, it is {}", status.as_deref().unwrap_or("gone"))));
    }
    Ok(match source {
        Source::Group(id) => tx.by(Volume::BY_GROUP, id).iter().map(|v| (None, Some(v.id.clone()))).collect(),
        Source::Snapshot(id) => {
            let all = tx.by(Snapshot::BY_GROUP_SNAPSHOT, id);
            all.iter().map(|s| (Some(s.id.clone()), None)).collect()
        }
    })
}
