//! Volume types, who may use them, and how their volumes are encrypted.

pub(crate) mod access;
pub(crate) mod encryption;

use crate::{
    VolumeService, error,
    model::{DEFAULT_TYPE, ProjectDefault, Volume, VolumeType, default_type},
    ops::{
        kinds::TypeKind,
        listing::{Field, Listed, Query, Row},
    },
    policy,
    service::{authorize_own, project_of},
};
use kernel::{Ctx, Error, Result, Timestamp};
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

impl Row for VolumeType {
    const FILTERS: &'static [&'static str] = &["is_public", "extra_specs", "name"];
    const SORTS: &'static [&'static str] = &["created_at", "id", "name", "description", "is_public"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "description" => self.description.clone().into(),
            "created_at" => Field::text(self.created_at.iso_micros()),
            _ => return None,
        })
    }
    fn special(&self, name: &str, wanted: &str) -> Option<bool> {
        match name {
            "extra_specs" => Some(super::listing::has_all(&self.extra_specs, wanted)),
            "is_public" => Some(wanted.eq_ignore_ascii_case("none") || self.public == truth(wanted)),
            _ => None,
        }
    }
}

fn truth(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "true" | "1" | "yes" | "on" | "t" | "y")
}

impl TypeKind for VolumeType {
    const SPACE: &'static str = "volume.type";
    const WHAT: &'static str = "Volume Type";
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn specs_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.extra_specs
    }
    fn none(id: &str) -> Error {
        error::no_type(id)
    }
}

/// Makes the default type, once.
pub(crate) fn bootstrap(tx: &mut Tx, specs: &BTreeMap<String, String>, now: Timestamp) {
    if tx.view().all::<VolumeType>().any(|t| t.name == DEFAULT_TYPE) {
        return;
    }
    tx.put(VolumeType {
        id: kernel::ids::uuid_dashed().to_string(),
        name: DEFAULT_TYPE.to_owned(),
        description: Some("Default Volume Type".to_owned()),
        public: true,
        extra_specs: specs.clone(),
        access: Default::default(),
        encryption: None,
        qos: None,
        created_at: now,
    });
}

/// Those the caller may use, or all for an administrator who asks for them (`is_public=None`).
pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<VolumeType>> {
    let _read = authorize_own(cx, &policy::TYPE_GET_ALL)?;
    let (view, own) = (service.view(), project_of(cx));
    let asked = query.get("is_public").is_some() && cx.is_admin();
    query.run(cx, view.all::<VolumeType>().filter(|t| asked || t.usable_by(&own)).collect())
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<VolumeType>> {
    let _read = authorize_own(cx, &policy::TYPE_GET)?;
    find(service, cx, id)
}

/// A type that the caller may know of.
pub(crate) fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<VolumeType>> {
    let found = service.view().get::<VolumeType>(id).filter(|t| cx.is_admin() || t.usable_by(&project_of(cx)));
    found.ok_or_else(|| error::no_type(id))
}

/// What a volume of the caller's project gets that asks for no type.
pub(crate) async fn show_default(service: &VolumeService, cx: &Ctx) -> Result<VolumeType> {
    let permit = authorize_own(cx, &policy::TYPE_GET)?;
    let project = project_of(cx);
    service.write(permit, "volume.type.default", move |tx| default_type(tx, &project)).await
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let permit = authorize_own(cx, &policy::TYPE_DELETE)?;
    let id = id.to_owned();
    let remove = move |tx: &mut Tx| {
        let found = tx.get::<VolumeType>(&id).ok_or_else(|| error::no_type(&id))?;
        let default = tx.view().all::<ProjectDefault>().any(|d| d.volume_type == id);
        if found.name == DEFAULT_TYPE || default {
            return Err(Error::bad_request(format!(
                "The volume type {} is a default volume type and cannot be deleted.",
                found.name
            )));
        }
        if tx.view().count_by(Volume::BY_TYPE, &id) > 0 {
            return Err(Error::bad_request("Target volume type is still in use."));
        }
        tx.release_unique(VolumeType::SPACE, &found.name, &id);
        tx.delete::<VolumeType>(&id);
        Ok(())
    };
    service.write(permit, "volume.type.delete", remove).await
}
