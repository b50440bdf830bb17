//! `place` chooses a pool and records it with the volume; `make` makes the volume there. Undone, nothing is on the pool.

use super::{COPY, QUICK, gone_is_fine, homeless, place, settle, volume};
use crate::{
    VolumeService,
    driver::{VolumeSource, VolumeSpec},
    model::{MessageEvent, Snapshot, Volume, VolumeStatus, VolumeType},
    ops::encryption_keys,
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
    /// The backup that says that it is being restored until then.
    #[serde(default)]
    pub(crate) restores: Option<String>,
}

impl State {
    /// The backup is at rest again.
    fn end(&self, tx: &mut Tx, now: Timestamp) {
        if let Some(backup) = &self.restores {
            super::rewrite_volume::rest(tx, backup, now);
        }
    }
}

impl CreateVolume {
    async fn place(self: Arc<Self>, cx: StepCx, _state: State) -> StepResult<Self> {
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| put_on_pool(&self.0, tx, &state.volume, now)))
    }

    async fn make(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        make(&self.0, &state.volume).await?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            settle(tx, &state.volume, VolumeStatus::Creating, VolumeStatus::Available, None, now);
            state.end(tx, now);
            Ok(())
        }))
    }

    async fn unmake(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        unmake(&self.0, &state.volume).await?;
        Ok(Commit::nothing())
    }

    async fn unplace(self: Arc<Self>, _cx: StepCx, _state: State) -> StepResult<Self> {
        Ok(Commit::with(|tx, state: &mut State| {
            off_pool(tx, &state.volume);
            Ok(())
        }))
    }
}

/// Chooses a pool for a volume and records it.
pub(super) fn put_on_pool(service: &VolumeService, tx: &mut Tx, id: &VolumeId, now: Timestamp) -> Result<()> {
    let found = tx.get::<Volume>(id).ok_or_else(|| crate::error::no_volume(id))?;
    let volume_type = tx.get::<VolumeType>(&found.volume_type);
    let request = PoolRequest {
        size_gib: found.size_gib,
        zone: Some(&found.availability_zone),
        volume_type: volume_type.as_deref(),
        only: found.pool.as_deref(),
        asking: &found.id,
    };
    let pool = choose(tx.view(), |host| service.0.hosts.is_connected(host), &request)?;
    tx.put(Volume {
        pool: Some(pool.name.clone()),
        host: Some(pool.host.clone()),
        backend: Some(pool.backend.clone()),
        updated_at: now,
        ..Volume::clone(&found)
    });
    Ok(())
}

pub(super) fn off_pool(tx: &mut Tx, id: &VolumeId) {
    tx.update::<Volume>(id, |v| (v.pool, v.host, v.backend) = (None, None, None));
}

/// Makes a volume on the pool that was chosen for it; `Ok` if it is there.
pub(super) async fn make(service: &VolumeService, id: &VolumeId) -> std::result::Result<(), StepError> {
    let volume = volume(service, id)?;
    let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
    let source = source(service, &volume)?;
    let spec = VolumeSpec { id: volume.id.clone(), size_gib: volume.size_gib, source };
    let luks = match &spec.source {
        VolumeSource::Blank | VolumeSource::Image(_) => encryption_keys::luks(service, &volume)?,
        // Their header comes with their bytes.
        _ => None,
    };
    let params =
        json!({"backend": backend, "id": volume.id, "generation": volume.generation, "spec": spec, "luks": luks});
    service.on_host(&host, "volume.create", params, COPY).await?;
    Ok(())
}

fn source(service: &VolumeService, volume: &Volume) -> std::result::Result<VolumeSource, StepError> {
    let gone = |what: String| StepError::Failed(Error::conflict(format!("{what} is gone")));
    if let Some(image) = &volume.image {
        let found = super::rewrite_volume::image(service, image);
        return found.ok_or_else(|| gone(format!("image {image}"))).map(VolumeSource::Image);
    }
    if let Some(backup) = &volume.backup {
        return super::rewrite_volume::backup(service, backup).map(VolumeSource::Backup);
    }
    if let Some(snapshot) = &volume.snapshot {
        let found = service.view().get::<Snapshot>(snapshot).ok_or_else(|| gone(format!("snapshot {snapshot}")))?;
        return Ok(VolumeSource::Snapshot { snapshot: snapshot.clone(), volume: found.volume.clone() });
    }
    Ok(volume.source.clone().map_or(VolumeSource::Blank, |volume| VolumeSource::Volume { volume }))
}

/// Removes a volume from its pool; `Ok` if it is not there.
pub(super) async fn unmake(service: &VolumeService, id: &VolumeId) -> std::result::Result<(), StepError> {
    if let Some(volume) = service.view().get::<Volume>(id)
        && let Some((host, backend)) = place(&volume)
    {
        let params = json!({"backend": backend, "id": volume.id, "generation": volume.generation});
        if volume.encryption_key.is_some() {
            // It may have been exported to be encrypted.
            gone_is_fine(service.on_host(&host, "volume.unexport", params.clone(), QUICK).await)?;
        }
        gone_is_fine(service.on_host(&host, "volume.delete", params, QUICK).await)?;
    }
    Ok(())
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
        off_pool(tx, &state.volume);
        settle(tx, &state.volume, VolumeStatus::Creating, VolumeStatus::Error, Some(why), now);
        state.end(tx, now);
        Ok(())
    }
}
