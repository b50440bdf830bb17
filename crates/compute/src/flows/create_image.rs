//! An image of a server's root disk: the host copies the disk as it is and fills the image, which the request has queued.
//!
//! An image that could not be filled must go. Only the image service can remove it, which takes more than the transaction
//! that ends the flow: so that transaction starts another flow, which does nothing else ([`DiscardImage`]).

use super::guest;
use crate::{Compute, driver::Quiesce, model::action::Action};
use flow::{Commit, Flow, Start, Step, StepCx, StepError, StepResult};
use kernel::{Error, HostName, ImageId, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

/// A large disk on a slow host.
const LONG: Duration = Duration::from_secs(3600);
const FOR_GOOD: Duration = Duration::from_secs(30 * 24 * 3600);

pub struct CreateImage(pub Compute);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub server: ServerId,
    pub action: Action,
    pub image: ImageId,
    pub host: HostName,
    pub disk: String,
    /// A backup: its kind, and how many of them are kept.
    #[serde(default)]
    pub rotation: Option<(String, u64)>,
    #[serde(default)]
    pub quiesce: Quiesce,
}

impl Flow for CreateImage {
    const KIND: &'static str = "compute.create_image";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("copy", Self::copy).within(LONG, LONG), Step::new("rotate", Self::rotate).within(LONG, LONG)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        guest::conclude(tx, &state.server, now, |s| s.task = None);
        state.action.finish(tx, Some(&state.host), Some(why), now)?;
        DiscardImage::begin(&self.0, tx, &state.image, &state.action, now)
    }
}

impl CreateImage {
    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let params =
            json!({"server": state.server, "disk": state.disk, "image": state.image, "quiesce": state.quiesce});
        let copied = self.0.hosts.call(&state.host, "vm.snapshot", params, LONG);
        tokio::select! {
            done = copied => { done?; }
            () = cx.cancelled() => return Err(StepError::Failed(Error::conflict("the operation was cancelled"))),
        }
        Ok(Commit::nothing())
    }

    /// The oldest backups of the kind go.
    async fn rotate(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        if let Some((kind, keep)) = &state.rotation {
            let keep = usize::try_from(*keep).unwrap_or(usize::MAX);
            for image in
                self.0.images.backups(&cx.snapshot(), &state.action.project, &state.server, kind).into_iter().skip(keep)
            {
                self.0.images.discard(&image).await.map_err(StepError::Retry)?;
            }
        }
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            guest::conclude(tx, &state.server, now, |s| s.task = None);
            state.action.finish(tx, Some(&state.host), None, now)
        }))
    }
}

pub struct DiscardImage(pub Compute);

impl Flow for DiscardImage {
    const KIND: &'static str = "compute.discard_image";
    type State = ImageId;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("discard", Self::discard).within(Duration::from_secs(60), FOR_GOOD)]
    }

    fn failed(&self, _: &mut Tx, image: &ImageId, why: &str, _: Timestamp) -> Result<()> {
        tracing::warn!(%image, why, "an image that could not be filled is left over");
        Ok(())
    }
}

impl DiscardImage {
    /// Begins to remove an image that serves nothing any more.
    pub(crate) fn begin(c: &Compute, tx: &mut Tx, image: &ImageId, action: &Action, now: Timestamp) -> Result<()> {
        let (object, state) = (format!("image/{image}"), image.clone());
        let begin = Start::<Self> { object, state, request_id: &action.request_id, now };
        c.starter.start(tx, begin).map(drop)
    }

    async fn discard(self: Arc<Self>, _cx: StepCx, image: ImageId) -> StepResult<Self> {
        self.0.images.discard(&image).await.map_err(StepError::Retry)?;
        Ok(Commit::nothing())
    }
}
