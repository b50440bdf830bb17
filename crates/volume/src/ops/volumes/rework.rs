//! A volume's content or kind anew: turned back to a snapshot, written over with an image, given another type.

use crate::{
    VolumeService, error,
    flows::{
        rewrite_volume::{RewriteVolume, State, With},
        set_status,
    },
    model::{Snapshot, SnapshotStatus, Volume, VolumePool, VolumeStatus, VolumeType, resolve_type},
    policy,
    pools::{PoolRequest, unfit},
    service::authorize,
};
use flow::Start;
use kernel::{Ctx, Error, Result, SnapshotId};
use store::Tx;

/// Begins to write over a volume that nobody has attached.
fn begin(service: &VolumeService, tx: &mut Tx, cx: &Ctx, volume: &Volume, with: With) -> Result<()> {
    let now = cx.now();
    set_status(tx, &volume.id, with.statuses().0, None, now);
    tx.update::<Volume>(&volume.id, |v| v.generation += 1);
    let state = State { volume: volume.id.clone(), with };
    let start = Start::<RewriteVolume> { object: Volume::object(&volume.id), state, request_id: &cx.request_id, now };
    service.0.starter.start(tx, start).map(drop)
}

/// To its latest snapshot, as Cinder has it: no other could be gone back from.
pub(crate) async fn revert(service: &VolumeService, cx: &Ctx, id: &str, snapshot: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::REVERT, &volume.project)?;
    let snapshot = service.find_snapshot(cx, snapshot)?;
    let (inner, cx) = (service.clone(), cx.clone());
    let write = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&volume.id).ok_or_else(|| error::no_volume(&volume.id))?;
        let all = tx.by(Snapshot::BY_VOLUME, &volume.id);
        let latest = all.iter().max_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        if latest.is_none_or(|l| l.id != snapshot.id) {
            return Err(Error::bad_request(format!(
                "Specified snapshot ID {} isn't the latest one of volume {}.",
                snapshot.id, volume.id
            )));
        }
        if volume.status != VolumeStatus::Available {
            return Err(error::invalid_volume(format!(
                "Can't revert volume {} to its latest snapshot: its status must be 'available', it is {}.",
                volume.id,
                volume.status.as_str()
            )));
        }
        if latest.is_some_and(|l| l.status != SnapshotStatus::Available || l.size_gib != volume.size_gib) {
            return Err(error::invalid_volume(format!(
                "Can't revert volume {} to its latest snapshot {}. The snapshot must be available and of the volume's size.",
                volume.id, snapshot.id
            )));
        }
        begin(&inner, tx, &cx, &volume, With::Snapshot(SnapshotId::from(snapshot.id.as_str())))
    };
    service.write(permit, "volume.volume.revert", write).await
}

pub(crate) async fn reimage(service: &VolumeService, cx: &Ctx, id: &str, image: &str, reserved: bool) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let rule = if reserved { &policy::REIMAGE_RESERVED } else { &policy::REIMAGE };
    let permit = authorize(cx, rule, &volume.project)?;
    let found = service.0.images.visible(cx, &service.view(), image)?;
    let (inner, cx) = (service.clone(), cx.clone());
    let write = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&volume.id).ok_or_else(|| error::no_volume(&volume.id))?;
        if !matches!(volume.status, VolumeStatus::Available | VolumeStatus::Error) {
            return Err(error::invalid_volume(format!(
                "Volume {} status must be available or error to reimage, but current status is {}.",
                volume.id,
                volume.status.as_str()
            )));
        }
        super::create::check_image(&found)?;
        let needed = found.virtual_size.max(found.size).div_ceil(1 << 30).max(found.min_disk_gib);
        if needed > volume.size_gib {
            return Err(error::invalid_volume(format!(
                "the image needs {needed} GiB, the volume has {}",
                volume.size_gib
            )));
        }
        begin(&inner, tx, &cx, &volume, With::Image(found.id.clone()))?;
        tx.update::<Volume>(&volume.id, |v| {
            (v.bootable, v.image_metadata) = (true, super::create::image_metadata(&found));
        });
        Ok(())
    };
    service.write(permit, "volume.volume.reimage", write).await
}

/// A type whose wishes the volume's pool fulfils. Volumes are not moved between pools for their type.
pub(crate) async fn retype(service: &VolumeService, cx: &Ctx, id: &str, wanted: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::RETYPE, &volume.project)?;
    let (wanted, now) = (wanted.to_owned(), cx.now());
    let write = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&volume.id).ok_or_else(|| error::no_volume(&volume.id))?;
        if !matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse) {
            return Err(error::wrong_status("retype", "available or in-use", volume.status.as_str()));
        }
        let new = resolve_type(tx, &wanted, &volume.project)?;
        if new.id == volume.volume_type {
            return Err(Error::bad_request(format!(
                "Invalid input received: volume {} is of type {wanted} already",
                volume.id
            )));
        }
        let shared = new.extra_specs.get("multiattach").is_some_and(|v| v == "<is> True");
        check(tx, &volume, &new, shared)?;
        tx.update::<Volume>(&volume.id, |v| {
            (v.volume_type, v.multiattach, v.updated_at) = (new.id.clone(), shared, now);
        });
        Ok(())
    };
    service.write(permit, "volume.volume.retype", write).await
}

fn check(tx: &mut Tx, volume: &Volume, new: &VolumeType, shared: bool) -> Result<()> {
    if volume.status == VolumeStatus::InUse && shared != volume.multiattach {
        return Err(Error::bad_request(
            "Invalid input received: Changing multiattach is not allowed on a volume that is in use.",
        ));
    }
    let encrypted = tx.get::<VolumeType>(&volume.volume_type).and_then(|t| t.encryption.clone());
    if encrypted != new.encryption {
        return Err(Error::bad_request("Invalid input received: Retype cannot change encryption requirements."));
    }
    let Some(pool) = volume.pool.as_deref().and_then(|p| tx.get::<VolumePool>(p)) else { return Ok(()) };
    let request = PoolRequest {
        size_gib: volume.size_gib,
        zone: None,
        volume_type: Some(new),
        only: volume.pool.as_deref(),
        asking: &volume.id,
    };
    match unfit(tx.view(), &pool, &|_| true, &request) {
        None => Ok(()),
        Some(why) => {
            Err(error::invalid_volume(format!("its pool {} does not offer type {}: {why}", pool.name, new.name)))
        }
    }
}
