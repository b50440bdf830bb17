//! Restores a backup: over a volume that is there, or as a new one.

use super::{find, invalid, none};
use crate::{
    VolumeService, error,
    flows::rewrite_volume::With,
    model::{Backup, BackupStatus, Volume, VolumeStatus},
    ops::{
        encryption_keys,
        volumes::{
            create::{CreateVolumeBody, create_volume},
            rework,
        },
    },
    policy,
    service::authorize,
};
use kernel::{Ctx, Result};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

pub(crate) async fn restore(
    service: &VolumeService,
    cx: &Ctx,
    id: &str,
    onto: Option<String>,
    name: Option<String>,
) -> Result<Arc<Volume>> {
    let backup = find(service, cx, id)?;
    let permit = authorize(cx, &policy::BACKUP_RESTORE, &backup.project)?;
    if backup.status != BackupStatus::Available {
        return Err(invalid("Backup status must be available"));
    }
    let Some(onto) = onto else {
        let body = CreateVolumeBody {
            size: Some(json!(backup.size_gib)),
            name: name.or_else(|| Some(format!("restore_backup_{id}"))),
            description: backup.description.clone(),
            backup_id: Some(backup.id.clone()),
            restores: true,
            ..CreateVolumeBody::default()
        };
        return create_volume(service, cx, body).await;
    };
    let volume = service.find_volume(cx, &onto)?;
    let (inner, cx) = (service.clone(), cx.clone());
    service.write(permit, "volume.backup.restore", move |tx| begin(&inner, tx, &cx, &backup.id, &volume)).await
}

fn begin(service: &VolumeService, tx: &mut Tx, cx: &Ctx, id: &str, volume: &Volume) -> Result<Arc<Volume>> {
    let backup = tx.get::<Backup>(id).ok_or_else(|| none(id))?;
    let volume = tx.get::<Volume>(&volume.id).ok_or_else(|| error::no_volume(&volume.id))?;
    if backup.status != BackupStatus::Available {
        return Err(invalid("Backup status must be available"));
    }
    if volume.status != VolumeStatus::Available {
        return Err(error::invalid_volume("Volume to be restored to must be available"));
    }
    if volume.size_gib < backup.size_gib {
        return Err(error::invalid_volume(format!(
            "volume size {} is too small to restore backup of size {}.",
            volume.size_gib, backup.size_gib
        )));
    }
    let key = encryption_keys::for_backup(service, tx, &volume, &backup)?;
    tx.update::<Backup>(id, |b| (b.status, b.updated_at) = (BackupStatus::Restoring, cx.now()));
    rework::begin(service, tx, (&cx.request_id, cx.now()), &volume, (With::Backup(id.to_owned()), key))?;
    Ok(volume)
}
