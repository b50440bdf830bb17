//! Volume types.

use crate::{
    VolumeService, error,
    model::{DEFAULT_TYPE, Volume, VolumeType},
    policy,
    service::authorize_own,
};
use kernel::{Ctx, Error, Result, Timestamp};
use std::{collections::BTreeMap, sync::Arc};
use store::Tx;

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
        created_at: now,
    });
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx) -> Result<Vec<Arc<VolumeType>>> {
    let _read = authorize_own(cx, &policy::TYPE_GET)?;
    let mut types: Vec<_> = service.view().all::<VolumeType>().filter(|t| t.public || cx.is_admin()).collect();
    types.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    Ok(types)
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<VolumeType>> {
    let types = list(service, cx)?;
    let found = match id {
        "default" => types.into_iter().find(|t| t.name == DEFAULT_TYPE),
        id => types.into_iter().find(|t| t.id == id),
    };
    found.ok_or_else(|| error::no_type(id))
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, new: VolumeType) -> Result<Arc<VolumeType>> {
    let permit = authorize_own(cx, &policy::TYPE_CREATE)?;
    if new.name.trim().is_empty() || new.name.chars().count() > 255 {
        return Err(Error::bad_request("Invalid input for field/attribute name: a name has 1 to 255 characters"));
    }
    let insert = move |tx: &mut Tx| {
        if tx.claim_unique("volume.type", &new.name, &new.id).is_err() {
            return Err(Error::conflict(format!("Volume Type {} already exists.", new.name)));
        }
        Ok(tx.put(new.clone()))
    };
    service.write(permit, "volume.type.create", insert).await
}

pub(crate) async fn update(
    service: &VolumeService,
    cx: &Ctx,
    id: &str,
    mut edit: impl FnMut(&mut VolumeType) -> Result<()> + Send + 'static,
) -> Result<Arc<VolumeType>> {
    let permit = authorize_own(cx, &policy::TYPE_UPDATE)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let old = tx.get::<VolumeType>(&id).ok_or_else(|| error::no_type(&id))?;
        let mut new = VolumeType::clone(&old);
        edit(&mut new)?;
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
        if found.name == DEFAULT_TYPE {
            return Err(Error::bad_request(format!(
                "The volume type {DEFAULT_TYPE} is the default and cannot be deleted."
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
