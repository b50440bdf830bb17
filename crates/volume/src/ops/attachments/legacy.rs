//! Attaching by actions on the volume, as before attachments were a resource: the same records, made and moved by other verbs.
//!
//! ```text
//!   available ─ reserve ─▶ attaching ─ attach ─▶ in-use ─ begin_detaching ─▶ detaching ─ detach ─▶ available
//!        ▲      unreserve     │                     ▲         roll_detaching    │
//!        └────────────────────┘                     └───────────────────────────┘
//! ```

use super::{Reserve, connect, disconnect, follow, mark_detaching, release, reserve as insert};
use crate::{
    VolumeService,
    driver::Target,
    error,
    model::{Attachment, AttachmentStatus, Volume, VolumeStatus},
    policy,
    service::authorize,
};
use ::policy::Rule;
use kernel::{AttachmentId, Ctx, Error, HostName, Result, ServerId};
use std::sync::Arc;
use store::Tx;

/// To whom, and where it shows there.
pub(crate) struct Attach {
    pub(crate) server: Option<ServerId>,
    pub(crate) host: Option<HostName>,
    pub(crate) device: String,
    pub(crate) read_only: bool,
}

fn new(cx: &Ctx, volume: &Volume) -> Reserve {
    Reserve {
        attachment: AttachmentId::new(),
        volume: volume.id.clone(),
        server: None,
        read_only: volume.read_only.unwrap_or(false),
        holder: super::Holder::Caller,
        project: volume.project.clone(),
        now: cx.now(),
    }
}

/// The attachment that `reserve` made and nobody has taken up.
fn open(tx: &Tx, volume: &Volume) -> Option<Arc<Attachment>> {
    let waiting =
        |a: &Arc<Attachment>| a.status == AttachmentStatus::Attaching && a.server.is_none() && a.device.is_none();
    tx.by(Attachment::BY_VOLUME, &volume.id).into_iter().find(waiting)
}

pub(crate) async fn reserve(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::RESERVE, &volume.project)?;
    let request = new(cx, &volume);
    let write = move |tx: &mut Tx| {
        insert(tx, &request)?;
        tx.update::<Attachment>(&request.attachment, |a| a.status = AttachmentStatus::Attaching);
        follow(tx, &request.volume, request.now);
        Ok(())
    };
    service.write(permit, "volume.volume.reserve", write).await
}

pub(crate) async fn unreserve(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::UNRESERVE, &volume.project)?;
    let now = cx.now();
    let write = move |tx: &mut Tx| {
        if let Some(found) = open(tx, &volume) {
            release(tx, &found.id, now);
        }
        Ok(())
    };
    service.write(permit, "volume.volume.unreserve", write).await
}

/// Complete at once; the reservation, if there is one, is taken up.
pub(crate) async fn attach(service: &VolumeService, cx: &Ctx, id: &str, to: Attach) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::ATTACH, &volume.project)?;
    if volume.read_only == Some(true) && !to.read_only {
        return Err(Error::bad_request(
            "Invalid attaching mode 'rw' for the volume: it is read-only and can only be attached as 'ro'.",
        ));
    }
    let request = new(cx, &volume);
    let write = move |tx: &mut Tx| {
        let found = match open(tx, &volume) {
            Some(found) => found,
            None => insert(tx, &request)?,
        };
        let (server, host) = (to.server.clone(), to.host.clone().or(found.host.clone()));
        let (device, attached_at) = (Some(to.device.clone()), Some(request.now));
        let (status, read_only) = (AttachmentStatus::Attached, to.read_only);
        tx.put(Attachment { server, host, device, attached_at, status, read_only, ..Attachment::clone(&found) });
        follow(tx, &volume.id, request.now);
        Ok(())
    };
    service.write(permit, "volume.volume.attach", write).await
}

/// Sets or takes back that the volume is being detached.
pub(crate) async fn mark(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    detaching: bool,
) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, rule, &volume.project)?;
    let (id, now) = (volume.id.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let volume = tx.get::<Volume>(&id).ok_or_else(|| error::no_volume(&id))?;
        if detaching && volume.status != VolumeStatus::InUse {
            return Err(error::invalid_volume(format!(
                "Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach. \
                 It is {}.",
                volume.status.as_str()
            )));
        }
        let wanted = if detaching { AttachmentStatus::Attached } else { AttachmentStatus::Detaching };
        for found in tx.by(Attachment::BY_VOLUME, &id).iter().filter(|a| a.status == wanted) {
            mark_detaching(tx, &found.id, detaching, now)?;
        }
        Ok(())
    };
    service.write(permit, "volume.volume.mark_detaching", write).await
}

/// The one attachment that is meant: there must be only one if none is named.
fn which(service: &VolumeService, volume: &Volume, named: Option<String>) -> Result<Option<Arc<Attachment>>> {
    let mut found: Vec<_> = service.view().by(Attachment::BY_VOLUME, &volume.id).collect();
    if let Some(named) = named {
        let one = found.into_iter().find(|a| a.id == *named);
        let another = || service.view().get::<Attachment>(named.as_str()).filter(|a| a.project == volume.project);
        return one.map(Some).ok_or_else(|| match another() {
            Some(_) => Error::bad_request("Invalid input received: Mismatched volume and attachment."),
            None => error::no_attachment(&named),
        });
    }
    if found.len() > 1 {
        return Err(error::invalid_volume(
            "Detach volume failed: More than one attachment, but no attachment_id provided.",
        ));
    }
    Ok(found.pop())
}

pub(crate) async fn detach(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    named: Option<String>,
) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, rule, &volume.project)?;
    // As Cinder has it: what is not attached has nothing to detach.
    let Some(found) = which(service, &volume, named)? else { return Ok(()) };
    super::may_end(cx, &found)?;
    disconnect(service, &found.id).await?;
    let now = cx.now();
    let write = move |tx: &mut Tx| {
        release(tx, &found.id, now);
        Ok(())
    };
    service.write(permit, "volume.volume.detach", write).await
}

/// Exports the volume for a host, for whom it was reserved.
pub(crate) async fn initialize(
    service: &VolumeService,
    cx: &Ctx,
    id: &str,
    host: &HostName,
) -> Result<(Arc<Attachment>, Target)> {
    let volume = service.find_volume(cx, id)?;
    let _permit = authorize(cx, &policy::CONNECT, &volume.project)?;
    let found = which(service, &volume, None)?.ok_or_else(|| {
        error::invalid_volume(format!("Volume {} must be reserved before a connection is initialized.", volume.id))
    })?;
    connect(service, &found.id, host).await
}

pub(crate) async fn terminate(service: &VolumeService, cx: &Ctx, id: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::DISCONNECT, &volume.project)?;
    let Some(found) = which(service, &volume, None)? else { return Ok(()) };
    super::may_end(cx, &found)?;
    disconnect(service, &found.id).await?;
    let write = move |tx: &mut Tx| {
        tx.update::<Attachment>(&found.id, |a| (a.host, a.target) = (None, None));
        Ok(())
    };
    service.write(permit, "volume.volume.terminate_connection", write).await
}
