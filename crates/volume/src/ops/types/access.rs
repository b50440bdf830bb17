//! Which projects may use a private type.

use crate::{
    VolumeService,
    model::VolumeType,
    ops::{kinds, types},
    policy,
    service::authorize_own,
};
use kernel::{Ctx, Error, ProjectId, Result};
use std::sync::Arc;

pub(crate) fn list(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<VolumeType>> {
    let _read = authorize_own(cx, &policy::ACCESS_LIST)?;
    let found = types::find(service, cx, id)?;
    if found.public {
        return Err(Error::not_found("Access list not available for public volume types."));
    }
    Ok(found)
}

pub(crate) async fn add(service: &VolumeService, cx: &Ctx, id: &str, project: ProjectId) -> Result<()> {
    let id_text = id.to_owned();
    let edit = move |t: &mut VolumeType| {
        if t.public {
            return Err(Error::conflict("Type access modification is not applicable to public volume type."));
        }
        if !t.access.insert(project.clone()) {
            return Err(Error::conflict(format!(
                "Volume type access for {id_text} / {project} combination already exists."
            )));
        }
        Ok(())
    };
    kinds::update(service, cx, &policy::ACCESS_ADD, id, edit).await.map(drop)
}

pub(crate) async fn remove(service: &VolumeService, cx: &Ctx, id: &str, project: ProjectId) -> Result<()> {
    let id_text = id.to_owned();
    let edit = move |t: &mut VolumeType| {
        if t.public {
            return Err(Error::conflict("Type access modification is not applicable to public volume type."));
        }
        let absent =
            || Error::not_found(format!("Volume type access not found for {id_text} / {project} combination."));
        if t.access.remove(&project) { Ok(()) } else { Err(absent()) }
    };
    kinds::update(service, cx, &policy::ACCESS_REMOVE, id, edit).await.map(drop)
}
