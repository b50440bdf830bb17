//! Attaching a volume: the request has reserved it and given it a place; now it is exported to the host, and the guest
//! gets it.

use super::guest::{self, Said};
use crate::{
    Compute,
    model::{
        DeviceState, Server,
        action::Action,
        hardware,
        vm::{VmIntent, VmObserved, VmVolume},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{AttachmentId, Error, Result, ServerId, Timestamp, VolumeId};
use ports::ConnectedVolume;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

pub struct AttachVolume(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub volume: VolumeId,
    pub attachment: AttachmentId,
    pub device: String,
    pub generation: u64,
}

impl Flow for AttachVolume {
    const KIND: &'static str = "compute.attach_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("connect", Self::connect).undo(Self::disconnect), Step::new("plug", Self::plug)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        self.0.volumes.release(tx, &state.attachment)?;
        drop_device(tx, &state.server, &state.volume);
        state.action.finish(tx, None, Some(why), now)
    }
}

impl AttachVolume {
    async fn connect(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let host = guest::host_of(&cx.snapshot(), &state.server)?;
        let connected = self.0.volumes.connect(&state.attachment, &host).await?;
        Ok(Commit::with(move |tx, state: &mut State| {
            state.generation = put_volume(tx, &state.server, &connected, |_| ())?;
            Ok(())
        }))
    }

    async fn disconnect(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        unplug(&cx, &state.server, &state.volume).await?;
        self.0.volumes.disconnect(&state.attachment).await?;
        Ok(Commit::nothing())
    }

    async fn plug(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, id) = (self.0.clone(), state.server.clone());
        let plugged = |seen: &VmObserved| !seen.state.is_on() || seen.volumes.contains(&state.volume);
        let host = guest::done(&cx, &id, state.generation, plugged).await?.host;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            c.volumes.complete(tx, &state.attachment, &state.device)?;
            tx.update::<Server>(&state.server, |s| {
                s.updated = now;
                let device = s.devices.iter_mut().find(|d| d.volume().is_some_and(|v| v.volume == state.volume));
                if let Some(device) = device {
                    device.state = DeviceState::Attached;
                }
            });
            state.action.finish(tx, Some(&host), None, now)
        }))
    }
}

/// Puts a volume into the intent as it is reached now, with whatever else is to `change`: the generation that has it. A guest that is off
/// gets its devices when it is started.
pub(super) fn put_volume(
    tx: &mut Tx,
    server: &ServerId,
    connected: &ConnectedVolume,
    change: impl FnOnce(&mut VmIntent),
) -> Result<u64> {
    let gone = || Error::conflict("the volume's place in the server is gone");
    let of = guest::server(tx, server)?;
    let volume = hardware::volume(&of, connected).ok_or_else(gone)?;
    let changed = guest::change_intent(tx, server, |intent| {
        match intent.volumes.iter_mut().find(|v| v.volume == volume.volume) {
            Some(known) => *known = volume,
            None => intent.volumes.push(volume),
        }
        hardware::tell_disks(intent, &of);
        change(intent);
    });
    changed.ok_or_else(|| Error::conflict("the server is on no host"))
}

/// Takes a volume out of the intent and waits until the guest has let it go.
pub(super) async fn unplug(
    cx: &StepCx,
    server: &ServerId,
    volume: &VolumeId,
) -> std::result::Result<(), flow::StepError> {
    let (id, gone) = (server.clone(), volume.clone());
    let taken = guest::fenced(cx, "compute.guest.unplug_volume", move |tx| Ok(take_volume(tx, &id, &gone)));
    let Some((_, generation)) = taken.await? else { return Ok(()) };
    let look = |snapshot: &store::Snapshot| match guest::said(snapshot, server, generation)? {
        Said::Done(seen) => (!seen.state.is_on() || !seen.volumes.contains(volume)).then_some(Ok(())),
        Said::Refused(why) => Some(Err(flow::StepError::Retry(Error::unavailable(why)))),
    };
    guest::wait(cx, server, look).await
}

/// Takes a volume out of the intent: what it was there, and the generation without it. `None` if the server has no intent.
pub(crate) fn take_volume(tx: &mut Tx, server: &ServerId, volume: &VolumeId) -> Option<(Option<VmVolume>, u64)> {
    let intent = tx.get::<VmIntent>(server)?;
    let taken = intent.volumes.iter().find(|v| v.volume == *volume).cloned();
    let generation = match taken {
        Some(_) => change_volumes(tx, server, |all| all.retain(|v| v.volume != *volume))?,
        None => intent.generation,
    };
    Some((taken, generation))
}

/// Changes the volumes of an intent, and what its guest is told of them.
pub(super) fn change_volumes(tx: &mut Tx, server: &ServerId, change: impl FnOnce(&mut Vec<VmVolume>)) -> Option<u64> {
    let of = tx.get::<Server>(server);
    guest::change_intent(tx, server, |intent| {
        change(&mut intent.volumes);
        of.iter().for_each(|of| hardware::tell_disks(intent, of));
    })
}

/// Removes a volume's place from the server.
pub(super) fn drop_device(tx: &mut Tx, server: &ServerId, volume: &VolumeId) {
    tx.update::<Server>(server, |s| s.devices.retain(|d| d.volume().is_none_or(|v| v.volume != *volume)));
}
