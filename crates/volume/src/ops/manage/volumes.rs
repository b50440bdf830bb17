//! Begins to take a volume over, or to let one go.

use super::{pool, reference};
use crate::{
    VolumeService, error,
    flows::manage::{ManageVolume, State},
    model::{Volume, VolumeStatus, default_type, resolve_type},
    ops::volumes::{
        create::{NewRecord, blank},
        delete,
    },
    policy, quotas,
    service::{authorize, authorize_own},
};
use flow::Start;
use kernel::{Ctx, Error, Result, VolumeId};
use serde_json::Value;
use std::sync::Arc;
use store::Tx;

/// What is to be taken over, and what it is to be.
pub(crate) struct Wanted {
    pub(crate) host: String,
    pub(crate) reference: Value,
    pub(crate) bootable: bool,
    pub(crate) record: NewRecord,
}

pub(crate) async fn manage(service: &VolumeService, cx: &Ctx, wanted: Wanted) -> Result<Arc<Volume>> {
    let permit = authorize_own(cx, &policy::MANAGE)?;
    let (reference, found) = (reference(&wanted.reference)?, pool(&service.view(), &wanted.host)?);
    if !service.0.hosts.is_connected(&found.host) {
        return Err(Error::unavailable(format!("Host '{}' is not connected", wanted.host)));
    }
    let (inner, request_id) = (service.clone(), cx.request_id.clone());
    let begin = move |tx: &mut Tx| {
        let new = &wanted.record;
        let volume_type = match new.volume_type.as_deref().filter(|t| !t.is_empty()) {
            Some(name) => resolve_type(tx, name, &new.project)?,
            None => default_type(tx, &new.project)?,
        };
        if volume_type.encryption.is_some() {
            return Err(error::invalid_volume("a volume that is there cannot be encrypted by managing it"));
        }
        quotas::claim(tx, &new.project, &volume_type.id, &[("volumes", 1)])?;
        let state = State { volume: new.id.clone(), reference: reference.clone() };
        let object = Volume::object(&new.id);
        inner.0.starter.start(tx, Start::<ManageVolume> { object, state, request_id: &request_id, now: new.now })?;
        Ok(tx.put(Volume {
            status: VolumeStatus::Managing,
            volume_type: volume_type.id,
            availability_zone: found.availability_zone.clone(),
            bootable: wanted.bootable,
            pool: Some(found.name.clone()),
            host: Some(found.host.clone()),
            backend: Some(found.backend.clone()),
            ..blank(new)
        }))
    };
    service.write(permit, "volume.volume.manage", begin).await
}

/// Its record goes, its bytes stay.
pub(crate) async fn unmanage(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::UNMANAGE, &volume.project)?;
    let (inner, id, request_id, now) = (service.clone(), VolumeId::from(id), cx.request_id.clone(), cx.now());
    let begin = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&id).ok_or_else(|| error::no_volume(&id))?;
        if volume.encryption_key.is_some() {
            // Its key would go with the record.
            return Err(error::invalid_volume("Unmanaging encrypted volumes is not supported."));
        }
        if volume.pool.is_none() {
            return Err(error::invalid_volume("it lies on no back end that it could be left on"));
        }
        delete::begin(&inner, tx, &id, delete::Wanted::UNMANAGE, &request_id, now)
    };
    service.write(permit, "volume.volume.unmanage", begin).await
}
