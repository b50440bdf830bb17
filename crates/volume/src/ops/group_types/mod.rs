//! Group types and their specs.

use crate::{
    VolumeService,
    model::{DEFAULT_GROUP_TYPE, Group, GroupType},
    ops::listing::{Field, Listed, Query, Row},
    policy,
    service::authorize_own,
};
use ::policy::Rule;
use kernel::{Ctx, Error, Result, Timestamp};
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

impl Row for GroupType {
    const FILTERS: &'static [&'static str] = &["is_public"];
    const SORTS: &'static [&'static str] = &["created_at", "id", "name"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "created_at" => Field::text(self.created_at.iso_micros()),
            _ => return None,
        })
    }
}

pub(crate) fn none(id: &str) -> Error {
    Error::not_found(format!("Group type {id} could not be found."))
}

/// Makes the default type, once.
pub(crate) fn bootstrap(tx: &mut Tx, now: Timestamp) {
    if tx.view().all::<GroupType>().any(|t| t.name == DEFAULT_GROUP_TYPE) {
        return;
    }
    tx.put(GroupType {
        id: kernel::ids::uuid_dashed().to_string(),
        name: DEFAULT_GROUP_TYPE.to_owned(),
        description: Some("Default group type".to_owned()),
        public: true,
        specs: BTreeMap::new(),
        created_at: now,
    });
}

/// A private one is an administrator's.
pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<GroupType>> {
    let wanted = query.get("is_public").map(str::to_lowercase);
    let shown = |t: &Arc<GroupType>| match wanted.as_deref().filter(|_| cx.is_admin()) {
        Some("none") => true,
        Some(text) => t.public == matches!(text, "true" | "1" | "yes" | "on"),
        None => t.public,
    };
    query.run(cx, service.view().all::<GroupType>().filter(shown).collect())
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<GroupType>> {
    let view = service.view();
    if id == "default" {
        let found = view.all::<GroupType>().find(|t| t.name == DEFAULT_GROUP_TYPE);
        return found.ok_or_else(|| Error::not_found("Default group type can not be found."));
    }
    view.get::<GroupType>(id).filter(|t| t.public || cx.is_admin()).ok_or_else(|| none(id))
}

fn taken(name: &str) -> Error {
    Error::conflict(format!("Group Type {name} already exists."))
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: GroupType) -> Result<Arc<GroupType>> {
    let permit = authorize_own(cx, &policy::GROUP_TYPE_CREATE)?;
    let insert = move |tx: &mut Tx| {
        tx.claim_unique("volume.group_type", &new.name, &new.id).map_err(|_| taken(&new.name))?;
        Ok(tx.put(new.clone()))
    };
    service.write(permit, "volume.group_type.create", insert).await
}

pub(crate) async fn update(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    mut edit: impl FnMut(&mut GroupType) -> Result<()> + Send + 'static,
) -> Result<Arc<GroupType>> {
    let permit = authorize_own(cx, rule)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let old = tx.get::<GroupType>(&id).ok_or_else(|| none(&id))?;
        let mut new = GroupType::clone(&old);
        edit(&mut new)?;
        if new.name != old.name {
            tx.claim_unique("volume.group_type", &new.name, &id).map_err(|_| taken(&new.name))?;
            tx.release_unique("volume.group_type", &old.name, &id);
        }
        Ok(tx.put(new))
    };
    service.write(permit, "volume.group_type.update", write).await
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let permit = authorize_own(cx, &policy::GROUP_TYPE_DELETE)?;
    let id = id.to_owned();
    let remove = move |tx: &mut Tx| {
        let found = tx.get::<GroupType>(&id).ok_or_else(|| none(&id))?;
        if tx.view().count_by(Group::BY_TYPE, &id) > 0 {
            return Err(Error::bad_request("Target group type is still in use."));
        }
        tx.release_unique("volume.group_type", &found.name, &id);
        tx.delete::<GroupType>(&id);
        Ok(())
    };
    service.write(permit, "volume.group_type.delete", remove).await
}
