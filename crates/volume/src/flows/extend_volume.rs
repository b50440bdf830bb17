//! Grows a volume on its pool, and tells the guests that have it. What was claimed of the quota is given back when it fails; a pool never shrinks.

use super::{QUICK, homeless, place, settle, volume};
use crate::{
    VolumeService,
    model::{Attachment, MessageEvent, Volume, VolumeStatus},
    ops::attachments,
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
        self.tell_guests(&volume.id, state.to_gib).await;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            tx.update::<Volume>(&state.volume, |v| v.size_gib = state.to_gib);
            let status = attachments::implied(tx, &state.volume);
            settle(tx, &state.volume, VolumeStatus::Extending, status, None, now);
            Ok(())
        }))
    }
}

impl ExtendVolume {
    /// A guest that cannot be told, because it is off or its host is away, sees the new size when it connects again.
    async fn tell_guests(&self, volume: &VolumeId, to_gib: u64) {
        let attached: Vec<_> = self.0.view().by(Attachment::BY_VOLUME, volume).collect();
        for attachment in attached {
            let (Some(server), Some(host)) = (&attachment.server, &attachment.host) else { continue };
            let params = json!({"server": server, "disk": ports::disk_id(volume), "size_bytes": to_gib << 30});
            if let Err(e) = self.0.on_host(host, "vm.resize_disk", params, QUICK).await {
                tracing::warn!(%server, %volume, error = %e.internal_text(), "a guest was not told that its volume has grown");
            }
        }
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
        super::tell(tx, &state.volume, MessageEvent::ExtendVolume, now);
        settle(tx, &state.volume, VolumeStatus::Extending, VolumeStatus::ErrorExtending, Some(why), now);
        Ok(())
    }
}
