use super::STATES;
use crate::{
    Compute, ComputeError,
    driver::{DiskBus, Machine},
    error::invalid,
    flows::{
        attach_volume::{AttachVolume, State},
        create::reservation,
    },
    model::{
        Backing, BlockDevice, DeviceState, Server, ServerState, VolumeBacking,
        action::{Action, Verb},
        device::free_name,
        hardware, wishes,
    },
    ops::servers::{create::request::flag, find_in, in_state, permitted, unlocked},
    policy::ATTACHMENTS_CREATE,
};
use flow::Start;
use kernel::{AttachmentId, Ctx, Error, Kind, Result, ids::uuid_dashed};
use ports::VolumeInfo;
use serde::Deserialize;
use store::Tx;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Attach {
    #[serde(rename = "volumeId")]
    pub(crate) volume: String,
    #[serde(default)]
    pub(crate) device: Option<String>,
    #[serde(default)]
    pub(crate) tag: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) delete_on_termination: bool,
}

/// Reserves the volume, gives it a place in the server and starts the flow that brings it there. Returns its device name.
pub(crate) async fn attach(c: &Compute, cx: &Ctx, server: &str, wanted: Attach) -> Result<String> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &ATTACHMENTS_CREATE)?;
    let info = c.volumes.visible(cx, &snapshot, &wanted.volume)?;
    knows_sharing(cx, &info)?;
    let (service, cx) = (c.clone(), cx.clone());
    let (device, attachment) = (uuid_dashed().to_string(), AttachmentId::new());
    let begun = c.store.transact("compute.volume.attach", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        unlocked(&cx, &server)?;
        in_state(&server, "attach_volume", STATES)?;
        let backing =
            VolumeBacking { volume: info.id.clone(), attachment: attachment.clone(), made_of: None, volume_type: None };
        let device = place(&server, &info, &wanted, &device, backing)?;
        begin(&service, &cx, tx, &server, device)
    });
    begun.await
}

/// Who asks in the words of a version before 2.60 gets no volume that another server has.
pub(crate) fn knows_sharing(cx: &Ctx, info: &VolumeInfo) -> Result<()> {
    if info.multiattach && info.status != "available" && !cx.version.since(2, 60) {
        return Err(invalid("Multiattach volumes are only supported starting with compute API version 2.60."));
    }
    Ok(())
}

fn place(server: &Server, info: &VolumeInfo, wanted: &Attach, id: &str, backing: VolumeBacking) -> Result<BlockDevice> {
    if server.devices.iter().any(|d| d.volume().is_some_and(|v| v.volume == info.id)) {
        return Err(invalid(format!("Invalid volume: volume {} already attached to server {}", info.id, server.id)));
    }
    let bus = hardware::disk_bus(server.properties.get("hw_disk_bus").map(String::as_str)).unwrap_or(DiskBus::Virtio);
    let taken = server.places().map(|d| d.device.as_str());
    let device = match wanted.device.as_deref().filter(|d| !d.is_empty() && *d != "auto") {
        None => free_name(bus, taken),
        Some(name) => {
            let name = if name.starts_with("/dev/") { name.to_owned() } else { format!("/dev/{name}") };
            if taken.clone().any(|t| t == name) {
                let text = format!("The supplied device path ({name}) is in use.");
                return Err(ComputeError::Conflict(text).into());
            }
            name
        }
    };
    let (slot, most) = (server.free_disk_slot(), most_disks(server));
    if slot >= most {
        return Err(Error::forbidden(format!(
            "The maximum allowed number of disk devices ({most}) to attach to a single instance has been exceeded."
        )));
    }
    Ok(BlockDevice {
        id: id.to_owned(),
        what: Backing::Volume(backing),
        state: DeviceState::Attaching,
        device,
        boot_index: None,
        bus,
        slot,
        size_mib: info.size_gib * 1024,
        tag: wanted.tag.clone(),
        delete_on_termination: wanted.delete_on_termination,
    })
}

/// What the machine has places for: the driver's tables.
fn most_disks(server: &Server) -> u8 {
    match wishes::of(&server.flavor, &server.properties).machine {
        Machine::Pc => 26,
        Machine::Q35 => 12,
    }
}

fn begin(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, device: BlockDevice) -> Result<String> {
    let Some(volume) = device.volume().cloned() else { return Err(invalid("no volume was given")) };
    let reserved = c.volumes.reserve(tx, &reservation(server, &volume), &server.project);
    // Nova words every refusal of the volume service as an invalid volume.
    reserved.map_err(|e| match e.kind() {
        Kind::Conflict | Kind::BadRequest => invalid(format!("Invalid volume: {}", e.message())),
        _ => e,
    })?;
    let name = device.device.clone();
    let now = cx.now();
    if server.state == ServerState::ShelvedOffloaded {
        return keep(c, cx, tx, server, device, &volume.attachment);
    }
    tx.update::<Server>(&server.id, |s| {
        s.devices.push(device);
        s.updated = now;
    });
    let action = Action::asked(cx, &server.id, &server.project, Verb::AttachVolume);
    action.begin(tx)?;
    let state = State {
        server: server.id.clone(),
        action,
        volume: volume.volume,
        attachment: volume.attachment,
        device: name.clone(),
        generation: 0,
    };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<AttachVolume> { object, state, request_id: &cx.request_id, now })?;
    Ok(name)
}

/// A server that is on no host: the volume is its own from now on, and in its guest when there is one again.
fn keep(
    c: &Compute,
    cx: &Ctx,
    tx: &mut Tx,
    server: &Server,
    device: BlockDevice,
    attachment: &AttachmentId,
) -> Result<String> {
    let (name, now) = (device.device.clone(), cx.now());
    c.volumes.complete(tx, attachment, &name)?;
    tx.update::<Server>(&server.id, |s| {
        s.devices.push(BlockDevice { state: DeviceState::Attached, ..device });
        s.updated = now;
    });
    Action::asked(cx, &server.id, &server.project, Verb::AttachVolume).finish(tx, None, None, now)?;
    Ok(name)
}
