//! Attachments: reserve a volume for a server, connect it to the server's host, complete, release.
//!
//! The transactions are functions over `&mut Tx`, shared by the API and by compute's flows (`ports::Volumes`).

pub(crate) mod hold;
pub(crate) mod legacy;

pub(crate) use crate::model::Holder;
use crate::{
    VolumeService,
    driver::Target,
    error,
    flows::{QUICK, place},
    model::{Attachment, AttachmentStatus, Volume, VolumeStatus, VolumeType},
    ops::volumes::still,
};
use kernel::{AttachmentId, Ctx, Error, HostName, ProjectId, Result, ServerId, Timestamp, VolumeId, error::Doing};
use ports::ClientCache;
use serde_json::json;
use std::sync::Arc;
use store::{Snapshot as View, Tx};

/// What is to be reserved.
#[derive(Clone)]
pub(crate) struct Reserve {
    pub(crate) attachment: AttachmentId,
    pub(crate) volume: VolumeId,
    pub(crate) server: Option<ServerId>,
    pub(crate) read_only: bool,
    pub(crate) holder: Holder,
    pub(crate) project: ProjectId,
    pub(crate) now: Timestamp,
}

/// `available` → `reserved`. Again for the same attachment changes nothing.
pub(crate) fn reserve(tx: &mut Tx, request: &Reserve) -> Result<Arc<Attachment>> {
    if let Some(there) = tx.get::<Attachment>(&request.attachment) {
        return Ok(there);
    }
    let volume = tx.get::<Volume>(&request.volume).ok_or_else(|| error::no_volume(&request.volume))?;
    let shared = volume.multiattach && matches!(volume.status, VolumeStatus::InUse | VolumeStatus::Reserved);
    if volume.status != VolumeStatus::Available && !shared {
        return Err(error::invalid_volume(format!(
            "Volume {} status must be available or downloading to reserve, but the current status is {}.",
            volume.id,
            volume.status.as_str()
        )));
    }
    let same_server = |a: &Arc<Attachment>| request.server.is_some() && a.server == request.server;
    if tx.by(Attachment::BY_VOLUME, &request.volume).iter().any(same_server) {
        return Err(error::invalid_volume(format!("Volume {} is already attached to this server.", volume.id)));
    }
    let attachment = tx.put(Attachment {
        id: request.attachment.clone(),
        volume: request.volume.clone(),
        project: request.project.clone(),
        server: request.server.clone(),
        status: AttachmentStatus::Reserved,
        read_only: request.read_only,
        holder: request.holder,
        host: None,
        target: None,
        device: None,
        attached_at: None,
        created_at: request.now,
    });
    follow(tx, &request.volume, request.now);
    Ok(attachment)
}

/// What a volume's attachments make of it.
pub(crate) fn implied(tx: &Tx, volume: &VolumeId) -> VolumeStatus {
    let attachments = tx.by(Attachment::BY_VOLUME, volume);
    let has = |status: AttachmentStatus| attachments.iter().any(|a| a.status == status);
    // As in Cinder: of a volume that several servers have, all see that one is letting go.
    if has(AttachmentStatus::Detaching) {
        VolumeStatus::Detaching
    } else if has(AttachmentStatus::Attached) {
        VolumeStatus::InUse
    } else if has(AttachmentStatus::Attaching) {
        VolumeStatus::Attaching
    } else if has(AttachmentStatus::Reserved) {
        VolumeStatus::Reserved
    } else {
        VolumeStatus::Available
    }
}

/// A volume's status follows its attachments, but for one that a flow is at work on: that flow ends by looking at them.
fn follow(tx: &mut Tx, volume: &VolumeId, now: Timestamp) {
    let status = implied(tx, volume);
    if tx.get::<Volume>(volume).is_some_and(|v| v.status != status && !v.status.is_transitional()) {
        tx.update::<Volume>(volume, |v| (v.status, v.updated_at) = (status, now));
    }
}

/// With what the volume's type says of caching on the hosts of guests: `rbd_cache`, `none` or `writeback`.
pub(crate) fn cached(view: &View, volume_type: &str, mut target: Target) -> Target {
    let of_type = view.get::<VolumeType>(volume_type);
    let said = of_type.as_ref().and_then(|t| t.extra_specs.get("rbd_cache")).map(String::as_str);
    if let Target::Rbd { cache, .. } = &mut target {
        *cache = if said == Some("none") { ClientCache::None } else { ClientCache::Writeback };
    }
    target
}

/// Exports the volume for a host and records how it is reached. The same answer each time.
pub(crate) async fn connect(
    service: &VolumeService,
    id: &AttachmentId,
    host: &HostName,
) -> Result<(Arc<Attachment>, Target)> {
    let view = service.view();
    let attachment = view.get::<Attachment>(id).ok_or_else(|| error::no_attachment(id))?;
    let volume = view.get::<Volume>(&attachment.volume).ok_or_else(|| error::no_volume(&attachment.volume))?;
    let homeless = || Error::conflict(format!("volume {} lies on no pool", volume.id));
    let (pool_host, backend) = place(&volume).ok_or_else(homeless)?;
    let params = json!({
        "backend": backend, "id": volume.id, "generation": volume.generation, "for_host": host, "read_only": attachment.read_only,
    });
    let target = service.on_host(&pool_host, "volume.export", params, QUICK).await?;
    let target: Target = serde_json::from_value(target).doing("reading how a volume is exported")?;
    let target = cached(&view, &volume.volume_type, target);
    hold::hold(service, &volume.id).await?;
    let (wanted, host, found, now) = (id.clone(), host.clone(), target.clone(), service.0.clock.now());
    let record = move |tx: &mut Tx| {
        let attachment = tx.get::<Attachment>(&wanted).ok_or_else(|| error::no_attachment(&wanted))?;
        let known = attachment.target.as_ref() == Some(&found) && attachment.host.as_ref() == Some(&host);
        if known {
            return Ok(attachment);
        }
        let status = match attachment.status {
            AttachmentStatus::Reserved => AttachmentStatus::Attaching,
            other => other,
        };
        let (host, target) = (Some(host.clone()), Some(found.clone()));
        let attachment = tx.put(Attachment { host, target, status, ..Attachment::clone(&attachment) });
        follow(tx, &attachment.volume, now);
        Ok(attachment)
    };
    let attachment = service.0.store.transact("volume.attachment.connect", record).await?;
    Ok((attachment, target))
}

/// The guest has the disk.
pub(crate) fn complete(tx: &mut Tx, id: &AttachmentId, device: Option<&str>, now: Timestamp) -> Result<()> {
    let attachment = tx.get::<Attachment>(id).ok_or_else(|| error::no_attachment(id))?;
    let device = device.map(str::to_owned).or_else(|| attachment.device.clone());
    let attached_at = attachment.attached_at.or(Some(now));
    tx.put(Attachment { status: AttachmentStatus::Attached, device, attached_at, ..Attachment::clone(&attachment) });
    follow(tx, &attachment.volume, now);
    Ok(())
}

/// Sets or takes back that the volume is being detached.
pub(crate) fn mark_detaching(tx: &mut Tx, id: &AttachmentId, detaching: bool, now: Timestamp) -> Result<()> {
    let attachment = tx.get::<Attachment>(id).ok_or_else(|| error::no_attachment(id))?;
    if detaching {
        still(tx, &attachment.volume)?;
    }
    let status = if detaching { AttachmentStatus::Detaching } else { AttachmentStatus::Attached };
    tx.put(Attachment { status, ..Attachment::clone(&attachment) });
    follow(tx, &attachment.volume, now);
    Ok(())
}

/// Ends the export, unless another attachment of the volume needs it.
pub(crate) async fn disconnect(service: &VolumeService, id: &AttachmentId) -> Result<()> {
    let view = service.view();
    let Some(attachment) = view.get::<Attachment>(id) else { return Ok(()) };
    let Some(volume) = view.get::<Volume>(&attachment.volume) else { return Ok(()) };
    let needed = view.by(Attachment::BY_VOLUME, &volume.id).any(|a| a.id != *id && a.target.is_some());
    let Some((host, backend)) = place(&volume).filter(|_| !needed) else { return Ok(()) };
    let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation});
    match service.on_host(&host, "volume.unexport", params, QUICK).await {
        Err(e) if !e.is(kernel::Kind::NotFound) => Err(e),
        _ => Ok(()),
    }
}

/// CVE-2023-2088: what compute has in use is detached by compute, not pulled from under a server.
pub(crate) fn may_end(cx: &Ctx, attachment: &Attachment) -> Result<()> {
    let held = attachment.holder == Holder::Compute && attachment.server.is_some();
    let in_use = matches!(attachment.status, AttachmentStatus::Attached | AttachmentStatus::Detaching);
    if held && in_use && !cx.credentials.has_role("service") {
        return Err(Error::conflict(format!(
            "Detach volume from instance {} using the Compute API",
            attachment.server.as_deref().unwrap_or_default()
        )));
    }
    Ok(())
}

/// Removes the attachment. `Ok` if it is gone.
pub(crate) fn release(tx: &mut Tx, id: &AttachmentId, now: Timestamp) {
    if let Some(attachment) = tx.get::<Attachment>(id) {
        tx.delete::<Attachment>(id);
        if tx.by(Attachment::BY_VOLUME, &attachment.volume).is_empty() {
            hold::forget(tx, &attachment.volume);
        }
        follow(tx, &attachment.volume, now);
    }
}
