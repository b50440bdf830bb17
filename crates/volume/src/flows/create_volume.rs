//! `place` chooses a pool and records it with the volume; `make` makes the volume there. Undone, nothing is on the pool.

use super::{COPY, QUICK, gone_is_fine, homeless, place, settle, volume};
use crate::{
    VolumeService,
    driver::{VolumeSource, VolumeSpec},
    model::{MessageEvent, Snapshot, Volume, VolumeStatus, VolumeType},
    pools::{PoolRequest, choose},
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Error, Result, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

pub(crate) struct CreateVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
}

impl CreateVolume {
    async fn place(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            let found = tx.get::<Volume>(&state.volume).ok_or_else(|| crate::error::no_volume(&state.volume))?;
            let volume_type = tx.get::<VolumeType>(&found.volume_type);
            let request = PoolRequest {
                size_gib: found.size_gib,
                zone: Some(&found.availability_zone),
                volume_type: volume_type.as_deref(),
                only: found.pool.as_deref(),
                asking: &found.id,
            };
            let pool = choose(tx.view(), |host| self.0.0.hosts.is_connected(host), &request)?;
            let volume = Volume::clone(&found);
            tx.put(Volume {
                pool: Some(pool.name.clone()),
                host: Some(pool.host.clone()),
                backend: Some(pool.backend.clone()),
                updated_at: now,
                ..volume
            });
            Ok(())
        }))
    }

    async fn make(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let spec = VolumeSpec { id: volume.id.clone(), size_gib: volume.size_gib, source: self.source(&volume)? };
        let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation, "spec": spec});
        self.0.on_host(&host, "volume.create", params, COPY).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            settle(tx, &state.volume, VolumeStatus::Creating, VolumeStatus::Available, None, now);
            Ok(())
        }))
    }

    fn source(&self, volume: &Volume) -> std::result::Result<VolumeSource, StepError> {
        let gone = |what: String| StepError::Failed(Error::conflict(format!("{what} is gone")));
        if let Some(image) = &volume.image {
            let found = super::rewrite_volume::image(&self.0, image);
            return found.ok_or_else(|| gone(format!("image {image}"))).map(VolumeSource::Image);
        }
        if let Some(backup) = &volume.backup {
            return super::rewrite_volume::backup(&self.0, backup).map(VolumeSource::Backup);
        }
        if let Some(snapshot) = &volume.snapshot {
            let found = self.0.view().get::<Snapshot>(snapshot).ok_or_else(|| gone(format!("snapshot {snapshot}")))?;
            return Ok(VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: found.volume.clone() });
        }
        Ok(volume.source.clone().map_or(VolumeSource::Blank, |volume| VolumeSource::Volume { volume }))
    }

    async fn unmake(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        if let Some(volume) = self.0.view().get::<Volume>(&state.volume)
            && let Some((host, backend)) = place(&volume)
        {
            let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation});
            gone_is_fine(self.0.on_host(&host, "volume.delete", params, QUICK).await)?;
        }
        Ok(Commit::nothing())
    }

    async fn unplace(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        Ok(Commit::with(|tx, state: &mut State| {
            tx.update::<Volume>(&state.volume, |v| (v.pool, v.host, v.backend) = (None, None, None));
            Ok(())
        }))
    }
}

impl Flow for CreateVolume {
    const KIND: &'static str = "volume.create_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("place", Self::place).undo(Self::unplace),
            Step::new("make", Self::make).undo(Self::unmake).within(COPY, COPY + Duration::from_secs(300)),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        let placed = tx.get::<Volume>(&state.volume).is_some_and(|v| v.host.is_some());
        let event = if placed { MessageEvent::CreateVolume } else { MessageEvent::Schedule };
        super::tell(tx, &state.volume, event, now);
        // A pool that was given by the source, too, has nothing to keep room for.
        tx.update::<Volume>(&state.volume, |v| (v.pool, v.host, v.backend) = (None, None, None));
        settle(tx, &state.volume, VolumeStatus::Creating, VolumeStatus::Error, Some(why), now);
        Ok(())
    }
}
