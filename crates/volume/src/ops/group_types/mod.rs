//! Group types and their specs.

use crate::{
    VolumeService,
    model::{DEFAULT_GROUP_TYPE, Group, GroupType},
    ops::{
        kinds::TypeKind,
        listing::{Field, Listed, Query, Row},
    },
    policy,
    service::authorize_own,
};
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

impl TypeKind for GroupType {
    const SPACE: &'static str = "volume.group_type";
    const WHAT: &'static str = "Group Type";
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn specs_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.specs
    }
    fn none(id: &str) -> Error {
        none(id)
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

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let permit = authorize_own(cx, &policy::GROUP_TYPE_DELETE)?;
    let id = id.to_owned();
    let remove = move |tx: &mut Tx| {
        let found = tx.get::<GroupType>(&id).ok_or_else(|| none(&id))?;
        if tx.view().count_by(Group::BY_TYPE, &id) > 0 {
            return Err(Error::bad_request("Target group type is still in use."));
        }
        tx.release_unique(GroupType::SPACE, &found.name, &id);
        tx.delete::<GroupType>(&id);
        Ok(())
    };
    service.write(permit, "volume.group_type.delete", remove).await
}
