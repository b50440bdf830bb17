//! Grows a volume on its pool, and tells the guests that have it. What was claimed of the quota is given back when it fails; a pool never shrinks.

use super::{QUICK, homeless, place, settle, volume};
use crate::{
    VolumeService,
    model::{Attachment, MessageEvent, Volume, VolumeStatus},
    ops::attachments,
    quotas,
};
use flow::{Commit, Flow, Step, StepCx, StepResult};
use kernel::{Result, Timestamp, VolumeId};
use ports::VolumeGrown;
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
        let told = self.tell_guests(&cx, &volume.id, state.to_gib).await;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            told.iter().try_for_each(|told| self.0.0.servers.volume_grown(tx, told, now))?;
            tx.update::<Volume>(&state.volume, |v| v.size_gib = state.to_gib);
            let status = attachments::implied(tx, &state.volume);
            settle(tx, &state.volume, VolumeStatus::Extending, status, None, now);
            Ok(())
        }))
    }
}

impl ExtendVolume {
    /// A guest that cannot be told, because it is off or its host is away, sees the new size when it connects again.
    async fn tell_guests(&self, cx: &StepCx, volume: &VolumeId, to_gib: u64) -> Vec<VolumeGrown> {
        let mut told = Vec::new();
        for attachment in self.0.view().by(Attachment::BY_VOLUME, volume) {
            let (Some(server), Some(host)) = (&attachment.server, &attachment.host) else { continue };
            let params = json!({"server": server, "disk": ports::disk_id(volume), "size_bytes": to_gib << 30});
            let began = cx.now();
            let answer = self.0.on_host(host, "vm.resize_disk", params, QUICK).await;
            if let Err(e) = &answer {
                tracing::warn!(%server, %volume, error = %e.internal_text(), "a guest was not told that its volume has grown");
            }
            told.push(VolumeGrown {
                server: server.clone(),
                host: host.clone(),
                request_id: cx.request_id.clone(),
                error: answer.err().map(|e| e.message().to_owned()),
                began,
            });
        }
        told
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
            let claimed = quotas::gib(state.to_gib.saturating_sub(state.from_gib));
            quotas::release(tx, &volume.project, &volume.volume_type, &[("gigabytes", claimed)]);
        }
        super::tell(tx, &state.volume, MessageEvent::ExtendVolume, now);
        settle(tx, &state.volume, VolumeStatus::Extending, VolumeStatus::ErrorExtending, Some(why), now);
        Ok(())
    }
}
