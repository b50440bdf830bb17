//! Makes an image of a volume: the pool's host copies it and fills the image, which was made with the flow.
//!
//! An image that could not be filled must go. Only the image service can remove it, which takes more than the transaction
//! that ends the flow: so that transaction starts another flow, which does nothing else ([`DiscardImage`]).

use super::{COPY, QUICK, homeless, place, settle, volume};
use crate::{
    VolumeService,
    model::{MessageEvent, VolumeStatus},
    ops::attachments,
};
use flow::{Commit, Flow, Start, Step, StepCx, StepError, StepResult};
use kernel::{ImageId, Result, Timestamp, VolumeId, ids::RequestId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

/// How long removing an image is tried.
const FOR_GOOD: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) struct UploadVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    pub(crate) image: ImageId,
    pub(crate) format: String,
    pub(crate) request_id: RequestId,
}

impl UploadVolume {
    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let params = json!({"backend": backend, "id": volume.id, "image": state.image, "format": state.format});
        self.0.on_host(&host, "volume.upload", params, COPY).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            end(tx, &state.volume, None, now);
            Ok(())
        }))
    }
}

/// The volume may have been attached or detached meanwhile: its attachments say what it is now.
fn end(tx: &mut Tx, volume: &VolumeId, fault: Option<&str>, now: Timestamp) {
    let status = attachments::implied(tx, volume);
    settle(tx, volume, VolumeStatus::Uploading, status, fault, now);
}

impl Flow for UploadVolume {
    const KIND: &'static str = "volume.upload_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("copy", Self::copy).within(COPY, COPY + Duration::from_secs(300))]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        super::tell(tx, &state.volume, MessageEvent::CopyToImage, now);
        end(tx, &state.volume, Some(why), now);
        let (object, image) = (format!("image/{}", state.image), state.image.clone());
        let start = Start::<DiscardImage> { object, state: image, request_id: &state.request_id, now };
        self.0.0.starter.start(tx, start).map(drop)
    }
}

pub(crate) struct DiscardImage(pub(crate) VolumeService);

impl DiscardImage {
    async fn discard(self: Arc<Self>, _cx: StepCx, image: ImageId) -> StepResult<Self> {
        self.0.0.images.discard(&image).await.map_err(StepError::Retry)?;
        Ok(Commit::nothing())
    }
}

impl Flow for DiscardImage {
    const KIND: &'static str = "volume.discard_image";
    type State = ImageId;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("discard", Self::discard).within(QUICK, FOR_GOOD)]
    }

    fn failed(&self, _: &mut Tx, image: &ImageId, why: &str, _: Timestamp) -> Result<()> {
        tracing::warn!(%image, why, "an image that could not be filled is left over");
        Ok(())
    }
}
