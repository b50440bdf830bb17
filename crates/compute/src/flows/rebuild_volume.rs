//! A server that boots from a volume is rebuilt: its volume is written over with an image while the guest is off.
//!
//! ```text
//!   request   name, key, … and disks of the host anew; the guest is to be off     one transaction → 202
//!   off       the host has ended the guest
//!   begin     the volume's export has ended                                       commit: block storage writes the image over it
//!   written   … until it has …
//!   connect   exported again                                                      commit: the guest is to be on
//!   settle    the host has let it run                                             commit: as it was, of the new image
//! ```
//!
//! From the commit of `begin` on there is no way back: the old content is going. What fails then leaves a server in ERROR, which can
//! be rebuilt again.

use super::{attach_volume::put_volume, guest, power::reached};
use crate::{
    Compute,
    model::{
        Fault, Server, ServerState,
        action::Action,
        vm::{Power, VmIntent},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{AttachmentId, Error, ImageId, Result, ServerId, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::Tx;

/// For images that are large, and hosts that are slow.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

pub struct RebuildVolume(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub volume: VolumeId,
    pub attachment: AttachmentId,
    pub image: ImageId,
    /// The generation of the intent that is waited for.
    pub generation: u64,
    /// What the server was and will be.
    pub reach: ServerState,
    pub graceful_seconds: u64,
    /// The old content is going.
    pub begun: bool,
}

impl Flow for RebuildVolume {
    const KIND: &'static str = "compute.rebuild_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("off", Self::off).within(PATIENCE, PATIENCE),
            Step::new("begin", Self::begin).undo(Self::export_again),
            Step::new("written", Self::written).within(PATIENCE, PATIENCE),
            Step::new("connect", Self::connect),
            Step::new("settle", Self::settle).within(PATIENCE, PATIENCE),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        state.action.finish(tx, None, Some(why), now)?;
        if !state.begun && tx.get::<Server>(&state.server).is_some_and(|s| !s.is_deleting()) {
            guest::change_intent(tx, &state.server, |intent| {
                (intent.power, intent.graceful_seconds) = (Power::reaching(state.reach), state.graceful_seconds);
            });
        }
        guest::conclude(tx, &state.server, now, |s| {
            (s.task, s.state) = (None, ServerState::Error);
            s.fault = Some(Fault::internal(why, None, now));
        });
        Ok(())
    }
}

impl RebuildVolume {
    async fn off(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        guest::done(&cx, &state.server, state.generation, |seen| !seen.state.is_on()).await?;
        Ok(Commit::nothing())
    }

    async fn begin(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        self.0.volumes.disconnect(&state.attachment).await?;
        let (c, request) = (self.0.clone(), cx.request_id.clone());
        Ok(Commit::with(move |tx, state: &mut State| {
            c.volumes.reimage(tx, &state.attachment, &state.image, &request)?;
            state.begun = true;
            Ok(())
        }))
    }

    async fn export_again(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        if state.begun {
            return Ok(Commit::nothing());
        }
        self.connected(&cx, &state, |_| {}).await
    }

    async fn written(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let status = |view: &store::Snapshot| self.0.volumes.info(view, &state.volume).map(|v| v.status);
        let rest = cx.wait_for(|view| status(view).filter(|s| s != "downloading").map(Ok)).await?;
        match rest.as_str() {
            "in-use" => Ok(Commit::nothing()),
            other => Err(StepError::Failed(Error::conflict(format!(
                "the image could not be written to volume {}, which is {other} now",
                state.volume
            )))),
        }
    }

    async fn connect(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (power, graceful) = (Power::reaching(state.reach), state.graceful_seconds);
        self.connected(&cx, &state, move |intent| (intent.power, intent.graceful_seconds) = (power, graceful)).await
    }

    async fn connected(
        &self,
        cx: &StepCx,
        state: &State,
        edit: impl Fn(&mut VmIntent) + Send + 'static,
    ) -> StepResult<Self> {
        let host = guest::host_of(&cx.snapshot(), &state.server)?;
        let connected = self.0.volumes.connect(&state.attachment, &host).await?;
        Ok(Commit::with(move |tx, state: &mut State| {
            state.generation = put_volume(tx, &state.server, &connected, &edit)?;
            Ok(())
        }))
    }

    async fn settle(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let seen = guest::done(&cx, &state.server, state.generation, |_| true).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            guest::conclude(tx, &state.server, now, |s| reached(s, state.reach, &seen, now));
            state.action.finish(tx, Some(&seen.host), None, now)
        }))
    }
}
