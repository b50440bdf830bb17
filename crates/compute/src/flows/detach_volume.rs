//! Detaching a volume: the request has taken it out of the intent; when the guest has let it go, the export ends.
//!
//! A guest that does not let go keeps it: the volume goes back into the intent, and the volume service is told.

use super::{
    attach_volume::{change_volumes, drop_device},
    guest::{self, Said},
};
use crate::{
    Compute,
    model::{
        DeviceState, Server,
        action::Action,
        vm::{Power, VmIntent, VmVolume},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{AttachmentId, Result, ServerId, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::Tx;

const EXPORT: Duration = Duration::from_secs(60);
/// The guest has let go; there is no way back, only on.
const FOR_GOOD: Duration = Duration::from_secs(30 * 24 * 3600);

pub struct DetachVolume(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub volume: VolumeId,
    pub attachment: AttachmentId,
    pub generation: u64,
    /// As it was in the intent.
    pub plugged: Option<VmVolume>,
}

impl Flow for DetachVolume {
    const KIND: &'static str = "compute.detach_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("unplug", Self::unplug), Step::new("disconnect", Self::disconnect).within(EXPORT, FOR_GOOD)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        put_back(tx, state);
        tx.update::<Server>(&state.server, |s| {
            let device = s.devices.iter_mut().find(|d| d.volume().is_some_and(|v| v.volume == state.volume));
            if let Some(device) = device {
                device.state = DeviceState::Attached;
            }
        });
        self.0.volumes.roll_detach(tx, &state.attachment)?;
        state.action.finish(tx, None, Some(why), now)
    }
}

impl DetachVolume {
    async fn unplug(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let id = state.server.clone();
        let said = guest::wait_or_cancel(&cx, &id, |snapshot| {
            if !snapshot.contains::<VmIntent>(&id) {
                return Some(None);
            }
            let said = guest::said(snapshot, &id, state.generation).filter(|said| match said {
                Said::Done(seen) => !seen.state.is_on() || !seen.volumes.contains(&state.volume),
                Said::Refused(_) => true,
            });
            said.map(Some)
        });
        match said.await? {
            Some(Said::Refused(why)) => guest::refused(why),
            // A server that is on no host has nothing to let go of.
            Some(Said::Done(_)) | None => Ok(Commit::nothing()),
        }
    }

    async fn disconnect(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (c, now) = (self.0.clone(), cx.now());
        c.volumes.disconnect(&state.attachment).await.map_err(StepError::Retry)?;
        Ok(Commit::with(move |tx, state: &mut State| {
            c.volumes.release(tx, &state.attachment)?;
            drop_device(tx, &state.server, &state.volume);
            tx.update::<Server>(&state.server, |s| s.updated = now);
            let host = tx.get::<Server>(&state.server).and_then(|s| s.host.clone());
            state.action.finish(tx, host.as_ref(), None, now)
        }))
    }
}

/// Back into the intent, as it was.
fn put_back(tx: &mut Tx, state: &State) {
    let Some(plugged) = state.plugged.clone() else { return };
    let is_there = |i: &VmIntent| i.volumes.iter().any(|v| v.volume == state.volume);
    if tx.get::<VmIntent>(&state.server).is_some_and(|i| i.power != Power::Absent && !is_there(&i)) {
        change_volumes(tx, &state.server, |all| all.push(plugged));
    }
}
