//! Backups: list, change, begin to make and to delete, restore, and their records taken from one cloud to another.

pub(crate) mod create;
pub(crate) mod record;
pub(crate) mod restore;

use crate::{
    VolumeService,
    flows::backup::{DeleteBackup, State},
    model::{Backup, BackupStatus},
    ops::listing::{Field, Listed, Query, Row},
    policy,
    service::{QUOTAS, authorize, authorize_own, may_see},
};
use ::policy::Rule;
use flow::Start;
use kernel::{Ctx, Error, Result};
use std::sync::Arc;
use store::Tx;

impl Row for Backup {
    const FILTERS: &'static [&'static str] = &["name", "status", "volume_id"];
    const SORTS: &'static [&'static str] = &["created_at", "updated_at", "id", "name", "status", "size", "volume_id"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => self.name.clone().into(),
            "status" => Field::text(self.status.as_str()),
            "volume_id" => Field::text(self.volume.as_str()),
            "size" => Field::number(self.size_gib),
            "created_at" => Field::text(self.created_at.iso_micros()),
            "updated_at" => Field::text(self.updated_at.iso_micros()),
            _ => return None,
        })
    }
}

pub(crate) fn none(id: &str) -> Error {
    Error::not_found(format!("Backup {id} could not be found."))
}

pub(crate) fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::bad_request(format!("Invalid backup: {reason}"))
}

pub(crate) fn find(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Backup>> {
    service.view().get::<Backup>(id).filter(|b| may_see(cx, &b.project)).ok_or_else(|| none(id))
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Backup>> {
    let _read = authorize_own(cx, &policy::BACKUP_GET_ALL)?;
    query.run(cx, query.rows(cx, &service.view(), Backup::BY_PROJECT)?)
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Backup>> {
    let found = find(service, cx, id)?;
    let _read = authorize(cx, &policy::BACKUP_GET, &found.project)?;
    Ok(found)
}

pub(crate) async fn update(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    mut edit: impl FnMut(&mut Backup) + Send + 'static,
) -> Result<Arc<Backup>> {
    let found = find(service, cx, id)?;
    let permit = authorize(cx, rule, &found.project)?;
    let (id, now) = (found.id.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let mut backup = Backup::clone(&*tx.get::<Backup>(&id).ok_or_else(|| none(&id))?);
        edit(&mut backup);
        backup.updated_at = now;
        Ok(tx.put(backup))
    };
    service.write(permit, "volume.backup.update", write).await
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str, force: bool) -> Result<()> {
    let found = find(service, cx, id)?;
    let rule = if force { &policy::BACKUP_FORCE_DELETE } else { &policy::BACKUP_DELETE };
    let permit = authorize(cx, rule, &found.project)?;
    let (inner, id, request_id, now) = (service.clone(), found.id.clone(), cx.request_id.clone(), cx.now());
    let begin = move |tx: &mut Tx| {
        let backup = tx.get::<Backup>(&id).ok_or_else(|| none(&id))?;
        let ready =
            matches!(backup.status, BackupStatus::Available | BackupStatus::Error | BackupStatus::ErrorDeleting);
        if backup.status == BackupStatus::Deleting {
            return Ok(());
        }
        if !ready && !force {
            return Err(invalid("Backup status must be available or error"));
        }
        if !tx.by(Backup::BY_PARENT, &id).is_empty() {
            return Err(invalid("Incremental backups exist for this backup."));
        }
        for flow in tx.by(flow::FlowRecord::BY_OBJECT, &Backup::object(&id)) {
            flow::cancel(tx, &flow.id);
        }
        tx.update::<Backup>(&id, |b| (b.status, b.updated_at) = (BackupStatus::Deleting, now));
        let state = State { backup: id.clone() };
        let start = Start::<DeleteBackup> { object: Backup::object(&id), state, request_id: &request_id, now };
        inner.0.starter.start(tx, start).map(drop)
    };
    service.write(permit, "volume.backup.delete", begin).await
}

/// Removes the record and gives its quota back.
pub(crate) fn forget(service: &VolumeService, tx: &mut Tx, id: &str) {
    if let Some(backup) = tx.get::<Backup>(id) {
        tx.delete::<Backup>(id);
        crate::ops::encryption_keys::remove(service, tx, backup.encryption_key.as_ref());
        let size = i64::try_from(backup.size_gib).unwrap_or(0);
        QUOTAS.release(tx, &backup.project, &[("backups", 1), ("backup_gigabytes", size)]);
    }
}

/// An administrator says what the status is.
pub(crate) async fn reset_status(service: &VolumeService, cx: &Ctx, id: &str, status: &str) -> Result<()> {
    let wanted = BackupStatus::parse(status).filter(|s| matches!(s, BackupStatus::Available | BackupStatus::Error));
    let found = find(service, cx, id)?;
    let _permitted = authorize(cx, &policy::BACKUP_RESET, &found.project)?;
    let status = wanted.ok_or_else(|| Error::bad_request(format!("Must specify a valid status, not {status}.")))?;
    update(service, cx, &policy::BACKUP_RESET, id, move |b| b.status = status).await.map(drop)
}
