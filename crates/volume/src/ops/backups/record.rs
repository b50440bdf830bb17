//! A backup's record as a text, to make the backup known again: after the database was lost, or in another cloud that sees its bytes.

use super::{find, invalid};
use crate::{
    VolumeService,
    driver::BackupInfo,
    flows::QUICK,
    model::{Backup, BackupStatus},
    policy,
    service::{QUOTAS, authorize, authorize_own},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Ctx, Error, Result, error::Doing};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

/// What the record names as what reads it.
pub(crate) const SERVICE: &str = "cinder.backup.drivers.posix.PosixBackupDriver";

pub(crate) fn export(service: &VolumeService, cx: &Ctx, id: &str) -> Result<String> {
    let backup = find(service, cx, id)?;
    let _read = authorize(cx, &policy::BACKUP_EXPORT, &backup.project)?;
    if backup.status != BackupStatus::Available {
        return Err(invalid(format!(
            "Backup status must be 'available' to export, but it is {}.",
            backup.status.as_str()
        )));
    }
    // Its bytes are named, so that they are found by whichever id the record is known.
    let named = Backup { data: Some(backup.place().backup), ..Backup::clone(&backup) };
    Ok(STANDARD.encode(serde_json::to_vec(&named).doing("writing a backup's record")?))
}

/// The backup becomes the caller's. Its bytes must be where the record says.
pub(crate) async fn import(service: &VolumeService, cx: &Ctx, reader: &str, text: &str) -> Result<Arc<Backup>> {
    let permit = authorize_own(cx, &policy::BACKUP_IMPORT)?;
    if reader != SERVICE {
        return Err(invalid(format!("no service reads records of {reader}")));
    }
    let bad = || Error::bad_request("Invalid input received: Can't parse backup record.");
    let bytes = STANDARD.decode(text.trim()).map_err(|_| bad())?;
    let record: Backup = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    let params = json!({"backend": record.backend, "place": record.place()});
    let found = service.on_host(&record.host, "volume.backup_info", params, QUICK).await;
    let found = found.map_err(|e| match e.is(kernel::Kind::NotFound) {
        true => invalid(format!("the bytes of backup {} are not on host {}", record.id, record.host)),
        false => e,
    })?;
    let found: BackupInfo = serde_json::from_value(found).doing("reading what a backup is made of")?;
    let now = cx.now();
    let record = Backup {
        project: cx.project()?.clone(),
        user: cx.credentials.user.clone(),
        status: BackupStatus::Available,
        object_count: found.object_count,
        size_gib: found.size.div_ceil(1 << 30),
        created_at: now,
        updated_at: now,
        ..record
    };
    // A record may name any key: only one of the caller's project is taken over with it.
    let mut record = record;
    let of_project = |key: &String| service.0.keys.owner(&service.view(), key).as_ref() == Some(&record.project);
    record.encryption_key = record.encryption_key.clone().filter(of_project);
    let insert = move |tx: &mut Tx| {
        if tx.get::<Backup>(&record.id).is_some() {
            return Err(invalid(format!("Backup already exists in database: {}", record.id)));
        }
        let size = i64::try_from(record.size_gib).unwrap_or(i64::MAX);
        QUOTAS.claim(tx, &record.project, &[("backups", 1), ("backup_gigabytes", size)])?;
        Ok(tx.put(record.clone()))
    };
    service.write(permit, "volume.backup.import", insert).await
}
