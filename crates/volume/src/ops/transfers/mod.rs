//! Transfers: a volume that is offered, and taken by another project that knows the key.
//!
//! While it is offered it is `awaiting-transfer`, which no other verb begins from. Acceptance moves the record, its snapshots unless
//! they were kept back, and the quota of both projects in one transaction, and ends the offer.

use crate::{
    VolumeService, error,
    flows::set_status,
    model::{Snapshot, SnapshotStatus, Transfer, Volume, VolumeStatus},
    ops::encryption_keys,
    ops::listing::{Field, Listed, Query, Row},
    policy, quotas,
    service::{authorize, authorize_own, may_see},
};
use kernel::{Ctx, Error, ProjectId, Result, Timestamp, UserId};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::Tx;

impl Row for Transfer {
    const FILTERS: &'static [&'static str] = &["name", "volume_id", "id"];
    const SORTS: &'static [&'static str] = &["created_at", "id", "name", "volume_id"];
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => self.name.clone().into(),
            "volume_id" => Field::text(self.volume.as_str()),
            "created_at" => Field::text(self.created_at.iso_micros()),
            _ => return None,
        })
    }
}

fn none(id: &str) -> Error {
    Error::not_found(format!("Transfer {id} could not be found."))
}

pub(crate) fn list(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Transfer>> {
    let _read = authorize_own(cx, &policy::TRANSFER_GET_ALL)?;
    query.run(cx, query.rows(cx, &service.view(), Transfer::BY_PROJECT)?)
}

pub(crate) fn show(service: &VolumeService, cx: &Ctx, id: &str) -> Result<Arc<Transfer>> {
    let found = service.view().get::<Transfer>(id).filter(|t| may_see(cx, &t.project)).ok_or_else(|| none(id))?;
    let _read = authorize(cx, &policy::TRANSFER_GET, &found.project)?;
    Ok(found)
}

/// What is offered.
pub(crate) struct Offer {
    pub(crate) volume: String,
    pub(crate) name: Option<String>,
    pub(crate) no_snapshots: bool,
}

fn hash(salt: &str, key: &str) -> String {
    Sha256::digest(format!("{salt}:{key}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The transfer and its key, which is not kept.
pub(crate) async fn create(service: &VolumeService, cx: &Ctx, offer: Offer) -> Result<(Arc<Transfer>, String)> {
    let volume = service.find_volume(cx, &offer.volume)?;
    let permit = authorize(cx, &policy::TRANSFER_CREATE, &volume.project)?;
    if volume.encryption_key.is_some() && !cx.version.since(3, 70) {
        return Err(error::invalid_volume("transferring encrypted volume is not supported"));
    }
    let random = || kernel::ids::uuid_dashed().to_string().replace('-', "");
    let (key, salt) = (random(), random());
    let transfer = Transfer {
        id: kernel::ids::uuid_dashed().to_string(),
        name: offer.name,
        volume: volume.id.clone(),
        project: volume.project.clone(),
        destination: None,
        no_snapshots: offer.no_snapshots,
        accepted: false,
        key_hash: hash(&salt, &key),
        salt,
        created_at: cx.now(),
    };
    let insert = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&transfer.volume).ok_or_else(|| error::no_volume(&transfer.volume))?;
        if volume.status != VolumeStatus::Available {
            return Err(error::invalid_volume("status must be available"));
        }
        let busy = |s: &&Arc<Snapshot>| s.status != SnapshotStatus::Available;
        if let Some(busy) = tx.by(Snapshot::BY_VOLUME, &volume.id).iter().find(|s| !transfer.no_snapshots && busy(s)) {
            return Err(Error::bad_request(format!(
                "Invalid snapshot: snapshot: {} status must be available",
                busy.id
            )));
        }
        set_status(tx, &volume.id, VolumeStatus::AwaitingTransfer, None, transfer.created_at);
        Ok(tx.put(transfer.clone()))
    };
    Ok((service.write(permit, "volume.transfer.create", insert).await?, key))
}

pub(crate) async fn delete(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let found = service.view().get::<Transfer>(id).filter(|t| may_see(cx, &t.project)).ok_or_else(|| none(id))?;
    let permit = authorize(cx, &policy::TRANSFER_DELETE, &found.project)?;
    let now = cx.now();
    let write = move |tx: &mut Tx| {
        tx.delete::<Transfer>(&found.id);
        if tx.get::<Volume>(&found.volume).is_some_and(|v| v.status == VolumeStatus::AwaitingTransfer) {
            set_status(tx, &found.volume, VolumeStatus::Available, None, now);
        }
        Ok(())
    };
    service.write(permit, "volume.transfer.delete", write).await
}

/// Anybody who knows the id and the key may.
pub(crate) async fn accept(service: &VolumeService, cx: &Ctx, id: &str, key: &str) -> Result<Arc<Transfer>> {
    let permit = authorize_own(cx, &policy::TRANSFER_ACCEPT)?;
    let to = (cx.project()?.clone(), cx.credentials.user.clone());
    let (id, key, now, inner) = (id.to_owned(), key.to_owned(), cx.now(), service.clone());
    let write = move |tx: &mut Tx| {
        let transfer = tx.get::<Transfer>(&id).ok_or_else(|| none(&id))?;
        if hash(&transfer.salt, &key) != transfer.key_hash {
            return Err(Error::bad_request(format!(
                "Invalid auth key: Attempt to transfer {id} with invalid auth key."
            )));
        }
        hand_over(&inner, tx, &transfer, &to, now)?;
        tx.delete::<Transfer>(&id);
        Ok(transfer)
    };
    service.write(permit, "volume.transfer.accept", write).await
}

fn hand_over(
    service: &VolumeService,
    tx: &mut Tx,
    transfer: &Transfer,
    to: &(ProjectId, UserId),
    now: Timestamp,
) -> Result<()> {
    let volume = tx.get::<Volume>(&transfer.volume).ok_or_else(|| error::no_volume(&transfer.volume))?;
    if volume.status != VolumeStatus::AwaitingTransfer {
        return Err(error::invalid_volume(format!("volume {} is not awaiting a transfer", volume.id)));
    }
    if volume.group.is_some() {
        return Err(error::invalid_volume(format!("Volume {} must not be part of a group.", volume.id)));
    }
    // The key goes along: the one that gave the volume away can read it no more.
    let what = format!("volume {}", volume.id);
    let owner = encryption_keys::Owner { project: &to.0, user: &to.1, what };
    let old = volume.encryption_key.as_ref();
    let key = old.map(|key| encryption_keys::copy(service, tx, key, &owner)).transpose()?;
    encryption_keys::remove(service, tx, old);
    let (of_type, amounts) = (&volume.volume_type, [("volumes", 1), ("gigabytes", quotas::gib(volume.size_gib))]);
    quotas::release(tx, &volume.project, of_type, &amounts);
    quotas::claim(tx, &to.0, of_type, &amounts)?;
    if !transfer.no_snapshots {
        for snapshot in tx.by(Snapshot::BY_VOLUME, &volume.id) {
            let amounts = [("snapshots", 1), ("gigabytes", quotas::gib(snapshot.size_gib))];
            quotas::release(tx, &snapshot.project, of_type, &amounts);
            quotas::claim(tx, &to.0, of_type, &amounts)?;
            tx.update::<Snapshot>(&snapshot.id, |s| (s.project, s.user) = to.clone());
        }
    }
    tx.update::<Volume>(&volume.id, |v| {
        (v.project, v.user) = to.clone();
        v.encryption_key = key;
        (v.status, v.updated_at) = (VolumeStatus::Available, now);
    });
    Ok(())
}
