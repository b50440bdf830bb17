use super::{STATES, device};
use crate::{
    Compute,
    error::invalid,
    flows::{
        attach_volume::take_volume,
        detach_volume::{DetachVolume, State},
    },
    model::{
        DeviceState, Server,
        action::{Action, Verb},
    },
    ops::servers::{find_in, in_state, permitted, unlocked},
    policy::ATTACHMENTS_DELETE,
};
use flow::Start;
use kernel::{Ctx, Kind, Result};
use store::Tx;

/// Takes the volume out of what the guest shall have, and starts the flow that waits until the guest has let it go.
pub(crate) async fn detach(c: &Compute, cx: &Ctx, server: &str, volume: String) -> Result<()> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &ATTACHMENTS_DELETE)?;
    c.volumes.visible(cx, &snapshot, &volume)?;
    let (c, cx) = (c.clone(), cx.clone());
    c.store.clone().transact("compute.volume.detach", move |tx| begin(&c, &cx, tx, &server, &volume)).await
}

fn begin(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, volume: &str) -> Result<()> {
    let server = find_in(cx, tx, &server.id)?;
    unlocked(cx, &server)?;
    let device = device(&server, volume)?;
    if device.boot_index == Some(0) {
        return Err(invalid("Cannot detach a root device volume"));
    }
    in_state(&server, "detach_volume", STATES)?;
    if device.state != DeviceState::Attached {
        return Err(invalid(format!("Invalid volume: volume {volume} is being attached or detached")));
    }
    let Some(backing) = device.volume().cloned() else { return Err(invalid("not a volume")) };
    c.volumes.begin_detach(tx, &backing.attachment).map_err(|e| match e.kind() {
        Kind::Conflict | Kind::BadRequest => invalid(format!("Invalid volume: {}", e.message())),
        _ => e,
    })?;
    let (plugged, generation) = take_volume(tx, &server.id, &backing.volume).unwrap_or((None, server.generation));
    let (now, id) = (cx.now(), device.id.clone());
    tx.update::<Server>(&server.id, |s| {
        s.devices.iter_mut().filter(|d| d.id == id).for_each(|d| d.state = DeviceState::Detaching);
        s.updated = now;
    });
    let action = Action::asked(cx, &server.id, &server.project, Verb::DetachVolume);
    action.begin(tx)?;
    let state = State {
        server: server.id.clone(),
        action,
        volume: backing.volume,
        attachment: backing.attachment,
        generation,
        plugged,
    };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<DetachVolume> { object, state, request_id: &cx.request_id, now }).map(|_| ())
}
