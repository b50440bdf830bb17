//! How a type's volumes are encrypted; fixed while there are any.

use crate::{
    VolumeService, error,
    model::{Encryption, Volume, VolumeType},
    ops::types,
    policy,
    service::authorize_own,
};
use ::policy::Rule;
use kernel::{Ctx, Error, Result};
use store::Tx;

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Option<Encryption>> {
    let _read = authorize_own(cx, &policy::ENCRYPTION_GET)?;
    Ok(types::find(service, cx, id)?.encryption.clone())
}

pub(crate) fn none(id: &str) -> Error {
    Error::not_found(format!("Volume type encryption for type {id} does not exist."))
}

pub(crate) async fn create(service: &VolumeService, cx: &Ctx, id: &str, new: Encryption) -> Result<()> {
    let of = id.to_owned();
    change(
        service,
        cx,
        &policy::ENCRYPTION_CREATE,
        "Cannot create encryption specs. Volume type in use.",
        id,
        move |t| {
            if t.encryption.is_some() {
                return Err(Error::bad_request(format!("Volume type encryption for type {of} already exists.")));
            }
            t.encryption = Some(new.clone());
            Ok(())
        },
    )
    .await
}

pub(crate) async fn update(
    service: &VolumeService,
    cx: &Ctx,
    id: &str,
    mut edit: impl FnMut(&mut Encryption) + Send + 'static,
) -> Result<()> {
    let of = id.to_owned();
    change(
        service,
        cx,
        &policy::ENCRYPTION_UPDATE,
        "Cannot update encryption specs. Volume type in use.",
        id,
        move |t| {
            edit(t.encryption.as_mut().ok_or_else(|| none(&of))?);
            Ok(())
        },
    )
    .await
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let of = id.to_owned();
    change(
        service,
        cx,
        &policy::ENCRYPTION_DELETE,
        "Cannot delete encryption specs. Volume type in use.",
        id,
        move |t| t.encryption.take().map(drop).ok_or_else(|| none(&of)),
    )
    .await
}

async fn change(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    in_use: &'static str,
    id: &str,
    mut edit: impl FnMut(&mut VolumeType) -> Result<()> + Send + 'static,
) -> Result<()> {
    let permit = authorize_own(cx, rule)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let mut found = VolumeType::clone(&*tx.get::<VolumeType>(&id).ok_or_else(|| error::no_type(&id))?);
        if tx.view().count_by(Volume::BY_TYPE, &id) > 0 {
            return Err(Error::bad_request(in_use));
        }
        edit(&mut found)?;
        tx.put(found);
        Ok(())
    };
    service.write(permit, "volume.type.encryption", write).await
}
