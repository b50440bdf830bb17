//! Projects' default volume types (3.62).

use crate::{
    VolumeService,
    model::{ProjectDefault, VolumeType},
    policy,
    service::authorize_own,
};
use kernel::{Ctx, Error, ProjectId, Result};
use std::sync::Arc;
use store::Tx;

pub(crate) fn none(project: &str) -> Error {
    Error::not_found(format!("Default type for project {project} not found."))
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx) -> Result<Vec<Arc<ProjectDefault>>> {
    let _read = authorize_own(cx, &policy::DEFAULT_TYPE_GET_ALL)?;
    Ok(service.view().all::<ProjectDefault>().collect())
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, project: &str) -> Result<Arc<ProjectDefault>> {
    let _read = authorize_own(cx, &policy::DEFAULT_TYPE_GET)?;
    service.view().get::<ProjectDefault>(project).ok_or_else(|| none(project))
}

pub(crate) async fn set(
    service: &VolumeService,
    cx: &Ctx,
    project: &str,
    wanted: String,
) -> Result<Arc<ProjectDefault>> {
    let permit = authorize_own(cx, &policy::DEFAULT_TYPE_SET)?;
    let project: ProjectId = project.into();
    let write = move |tx: &mut Tx| {
        let absent = || Error::not_found(format!("Volume type with name {wanted} could not be found."));
        let found = tx.view().all::<VolumeType>().find(|t| t.id == wanted || t.name == wanted).ok_or_else(absent)?;
        // Read as it is: who deletes it at the same time on another member meets a conflict.
        tx.get::<VolumeType>(&found.id);
        Ok(tx.put(ProjectDefault { project: project.clone(), volume_type: found.id.clone() }))
    };
    service.write(permit, "volume.default_type.set", write).await
}

pub(crate) async fn unset(service: &VolumeService, cx: &Ctx, project: &str) -> Result<()> {
    let permit = authorize_own(cx, &policy::DEFAULT_TYPE_UNSET)?;
    let project = project.to_owned();
    let write = move |tx: &mut Tx| {
        tx.delete::<ProjectDefault>(&project);
        Ok(())
    };
    service.write(permit, "volume.default_type.unset", write).await
}
