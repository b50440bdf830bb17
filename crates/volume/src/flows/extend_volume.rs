//! Grows a volume on its pool. What was claimed of the quota is given back when it fails; a pool never shrinks.

use super::{QUICK, homeless, place, settle, volume};
use crate::{
    VolumeService,
    model::{Volume, VolumeStatus},
    service::QUOTAS,
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{Result, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::Tx;

pub(crate) struct ExtendVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    pub(crate) from_gib: u64,
    pub(crate) to_gib: u64,
}

impl ExtendVolume {
    async fn grow(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let params = json!({
            "backend": backend, "id": volume.id, "generation": volume.generation, "size_gib": state.to_gib,
        });
        self.0.on_host(&host, "volume.extend", params, QUICK).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            tx.update::<Volume>(&state.volume, |v| v.size_gib = state.to_gib);
            settle(tx, &state.volume, VolumeStatus::Extending, VolumeStatus::Available, None, now);
            Ok(())
        }))
    }
}

impl Flow for ExtendVolume {
    const KIND: &'static str = "volume.extend_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("grow", Self::grow)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        if let Some(volume) = tx.get::<Volume>(&state.volume) {
            let claimed = i64::try_from(state.to_gib.saturating_sub(state.from_gib)).unwrap_or(0);
            QUOTAS.release(tx, &volume.project, &[("gigabytes", claimed)]);
        }
        settle(tx, &state.volume, VolumeStatus::Extending, VolumeStatus::ErrorExtending, Some(why), now);
        Ok(())
    }
}
