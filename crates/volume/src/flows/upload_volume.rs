//! Makes an image of a volume: the pool's host copies it and fills the image, which was made with the flow.

use super::{COPY, homeless, place, set_status, volume};
use crate::{VolumeService, model::VolumeStatus};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{ImageId, Result, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

pub(crate) struct UploadVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    pub(crate) image: ImageId,
    pub(crate) format: String,
    /// The status to return to.
    pub(crate) before: VolumeStatus,
}

impl UploadVolume {
    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let params = json!({"backend": backend, "id": volume.id, "image": state.image, "format": state.format});
        self.0.on_host(&host, "volume.upload", params, COPY).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            set_status(tx, &state.volume, state.before, None, now);
            Ok(())
        }))
    }

    async fn discard(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        self.0.0.images.discard(&state.image).await?;
        Ok(Commit::nothing())
    }
}

impl Flow for UploadVolume {
    const KIND: &'static str = "volume.upload_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        // The image exists before the flow does, so that undoing the first step is what removes it.
        let image = Step::new("image", |_: Arc<Self>, _, _| async { Ok(Commit::nothing()) }).undo(Self::discard);
        vec![image, Step::new("copy", Self::copy).within(COPY, COPY + Duration::from_secs(300))]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        set_status(tx, &state.volume, state.before, Some(why), now);
        Ok(())
    }
}
