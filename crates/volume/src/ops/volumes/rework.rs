//! A volume's content or kind anew: turned back to a snapshot, written over with an image, given another type.

use crate::{
    VolumeService, error,
    flows::{
        rewrite_volume::{RewriteVolume, State, With},
        set_status,
    },
    model::{Attachment, Snapshot, SnapshotStatus, Volume, VolumePool, VolumeStatus, VolumeType, resolve_type},
    ops::encryption_keys,
    policy,
    pools::{PoolRequest, unfit},
    quotas,
    service::authorize,
};
use flow::Start;
use kernel::{AttachmentId, Ctx, Error, ImageId, Result, SnapshotId, Timestamp, ids::RequestId};
use ports::ImageInfo;
use store::Tx;

/// Begins to write over a volume that no guest has open; `key` is what its bytes are encrypted with then, if it is another.
pub(crate) fn begin(
    service: &VolumeService,
    tx: &mut Tx,
    (request_id, now): (&RequestId, Timestamp),
    volume: &Volume,
    (with, key): (With, Option<String>),
) -> Result<()> {
    set_status(tx, &volume.id, with.statuses().0, None, now);
    tx.update::<Volume>(&volume.id, |v| v.generation += 1);
    let state = State { volume: volume.id.clone(), with, key };
    let start = Start::<RewriteVolume> { object: Volume::object(&volume.id), state, request_id, now };
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
        begin(
            &inner,
            tx,
            (&cx.request_id, cx.now()),
            &volume,
            (With::Snapshot(SnapshotId::from(snapshot.id.as_str())), None),
        )
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
        overwrite(&inner, tx, (&cx.request_id, cx.now()), &volume, &found)
    };
    service.write(permit, "volume.volume.reimage", write).await
}

/// The root volume of a server that is rebuilt; compute has ended its guest and its export.
pub(crate) fn reimage_attached(
    service: &VolumeService,
    tx: &mut Tx,
    asked: (&RequestId, Timestamp),
    attachment: &AttachmentId,
    image: &ImageId,
) -> Result<()> {
    let attachment = tx.get::<Attachment>(attachment).ok_or_else(|| error::no_attachment(attachment))?;
    let volume = tx.get::<Volume>(&attachment.volume).ok_or_else(|| error::no_volume(&attachment.volume))?;
    if volume.status != VolumeStatus::InUse || tx.view().count_by(Attachment::BY_VOLUME, &volume.id) != 1 {
        return Err(error::invalid_volume(format!(
            "Volume {} must be in use by the server alone to be written over, but its status is {}.",
            volume.id,
            volume.status.as_str()
        )));
    }
    let found = service.0.images.info(tx.view(), image);
    let found = found.ok_or_else(|| Error::not_found(format!("Image {image} could not be found.")))?;
    overwrite(service, tx, asked, &volume, &found)
}

fn overwrite(
    service: &VolumeService,
    tx: &mut Tx,
    asked: (&RequestId, Timestamp),
    volume: &Volume,
    image: &ImageInfo,
) -> Result<()> {
    super::create::check_image(image)?;
    let needed = image.least_gib();
    if needed > volume.size_gib {
        return Err(error::invalid_volume(format!("the image needs {needed} GiB, the volume has {}", volume.size_gib)));
    }
    let key = encryption_keys::for_image(service, tx, volume, image)?;
    begin(service, tx, asked, volume, (With::Image(image.id.clone()), key))?;
    tx.update::<Volume>(&volume.id, |v| {
        (v.bootable, v.image_metadata) = (true, super::create::image_metadata(image));
    });
    Ok(())
}

/// Whether a volume may be moved for its new type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moving {
    Never,
    OnDemand,
}

/// A type that the volume's pool offers, or, if the volume may be moved for it, another pool.
pub(crate) async fn retype(service: &VolumeService, cx: &Ctx, id: &str, wanted: &str, moving: Moving) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::RETYPE, &volume.project)?;
    let (inner, cx, wanted) = (service.clone(), cx.clone(), wanted.to_owned());
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
        check(tx, &volume, &new)?;
        match (elsewhere(tx, &volume, &new), moving) {
            (None, _) => {
                tx.update::<Volume>(&volume.id, |v| v.updated_at = cx.now());
                take_type(tx, &volume, &new.id)
            }
            (Some(_), Moving::OnDemand) => super::migrate::for_type(&inner, tx, &cx, &volume, &new),
            (Some(why), Moving::Never) => Err(error::invalid_volume(format!(
                "Retype requires migration but is not allowed: its pool does not offer type {}: {why}",
                new.name
            ))),
        }
    };
    service.write(permit, "volume.volume.retype", write).await
}

fn check(tx: &mut Tx, volume: &Volume, new: &VolumeType) -> Result<()> {
    if volume.status == VolumeStatus::InUse && new.shares() != volume.multiattach {
        return Err(Error::bad_request(
            "Invalid input received: Changing multiattach is not allowed on a volume that is in use.",
        ));
    }
    let encrypted = tx.get::<VolumeType>(&volume.volume_type).and_then(|t| t.encryption.clone());
    if encrypted != new.encryption {
        return Err(Error::bad_request("Invalid input received: Retype cannot change encryption requirements."));
    }
    Ok(())
}

/// Why the volume's pool does not offer a type.
fn elsewhere(tx: &mut Tx, volume: &Volume, new: &VolumeType) -> Option<String> {
    let pool = volume.pool.as_deref().and_then(|p| tx.get::<VolumePool>(p))?;
    let request = PoolRequest {
        size_gib: volume.size_gib,
        zone: None,
        volume_type: Some(new),
        only: volume.pool.as_deref(),
        asking: &volume.id,
    };
    unfit(tx.view(), &pool, &|_| true, &request)
}

/// The volume is of the type from now on, and counts for it.
pub(crate) fn take_type(tx: &mut Tx, volume: &Volume, new: &str) -> Result<()> {
    let new = tx.get::<VolumeType>(new).ok_or_else(|| error::no_type(new))?;
    quotas::retype(tx, volume, &new.id)?;
    tx.update::<Volume>(&volume.id, |v| (v.volume_type, v.multiattach) = (new.id.clone(), new.shares()));
    Ok(())
}
