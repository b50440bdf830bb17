//! An image of a server's root disk: the host copies the disk as it is and fills the image, which the request has queued.

use super::guest;
use crate::{Compute, model::action::Action};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Error, HostName, ImageId, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

/// A large disk on a slow host.
const LONG: Duration = Duration::from_secs(3600);

pub struct CreateImage(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub image: ImageId,
    pub host: HostName,
    pub disk: String,
}

impl Flow for CreateImage {
    const KIND: &'static str = "compute.create_image";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("begin", Self::begin).undo(Self::discard), Step::new("copy", Self::copy).within(LONG, LONG)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        guest::conclude(tx, &state.server, now, |s| s.task = None);
        state.action.finish(tx, Some(&state.host), Some(why), now)
    }
}

impl CreateImage {
    /// Only there to be undone: the image is discarded however the copy ended, also if it failed at once.
    async fn begin(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        Ok(Commit::nothing())
    }

    async fn discard(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        self.0.images.discard(&state.image).await?;
        Ok(Commit::nothing())
    }

    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let params = json!({"server": state.server, "disk": state.disk, "image": state.image});
        let copied = self.0.hosts.call(&state.host, "vm.snapshot", params, LONG);
        tokio::select! {
            done = copied => { done?; }
            () = cx.cancelled() => return Err(StepError::Failed(Error::conflict("the operation was cancelled"))),
        }
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            guest::conclude(tx, &state.server, now, |s| s.task = None);
            state.action.finish(tx, Some(&state.host), None, now)
        }))
    }
}
