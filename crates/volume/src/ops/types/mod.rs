//! Volume types, who may use them, and how their volumes are encrypted.

pub(crate) mod access;
pub(crate) mod encryption;

use crate::{
    VolumeService, error,
    model::{DEFAULT_TYPE, ProjectDefault, Volume, VolumeType, default_type},
    ops::listing::{Field, Listed, Query, Row},
    policy,
    service::{authorize_own, project_of},
};
use ::policy::Rule;
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

/// Makes the default type, once.
pub(crate) fn bootstrap(tx: &mut Tx, now: Timestamp) {
    if tx.view().all::<VolumeType>().any(|t| t.name == DEFAULT_TYPE) {
        return;
    }
    tx.put(VolumeType {
        id: kernel::ids::uuid_dashed().to_string(),
        name: DEFAULT_TYPE.to_owned(),
        description: Some("Default Volume Type".to_owned()),
        public: true,
        extra_specs: BTreeMap::new(),
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

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 255 {
        return Err(Error::bad_request("Invalid input for field/attribute name: a name has 1 to 255 characters"));
    }
    Ok(())
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: VolumeType) -> Result<Arc<VolumeType>> {
    let permit = authorize_own(cx, &policy::TYPE_CREATE)?;
    check_name(&new.name)?;
    let insert = move |tx: &mut Tx| {
        if tx.claim_unique("volume.type", &new.name, &new.id).is_err() {
            return Err(Error::conflict(format!("Volume Type {} already exists.", new.name)));
        }
        Ok(tx.put(new.clone()))
    };
    service.write(permit, "volume.type.create", insert).await
}

/// Applies an edit that may refuse, under the rule for it.
pub(crate) async fn update(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    mut edit: impl FnMut(&mut VolumeType) -> Result<()> + Send + 'static,
) -> Result<Arc<VolumeType>> {
    let permit = authorize_own(cx, rule)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let old = tx.get::<VolumeType>(&id).ok_or_else(|| error::no_type(&id))?;
        let mut new = VolumeType::clone(&old);
        edit(&mut new)?;
        check_name(&new.name)?;
        if new.name != old.name {
            if tx.claim_unique("volume.type", &new.name, &id).is_err() {
                return Err(Error::conflict(format!("Volume Type {} already exists.", new.name)));
            }
            tx.release_unique("volume.type", &old.name, &id);
        }
        Ok(tx.put(new))
    };
    service.write(permit, "volume.type.update", write).await
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
        tx.release_unique("volume.type", &found.name, &id);
        tx.delete::<VolumeType>(&id);
        Ok(())
    };
    service.write(permit, "volume.type.delete", remove).await
}
