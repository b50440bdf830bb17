//! Moves a volume that nobody has attached to another pool, on this host or on another.
//!
//! ```text
//!   copy     the old pool exports the volume, read-only; the new one makes a volume of the same id of what it reads
//!   switch   the export ends; the record says the new pool, and a flow of its own ([`DiscardCopy`]) removes the old bytes
//! ```
//!
//! Until `switch` is journalled the volume is where it was, and undoing removes the copy; from then on it is where it is to be. The
//! volume is in no status from which another verb begins, so nobody writes to either meanwhile.

use super::{COPY, QUICK, gone_is_fine, homeless, place, settle, volume};
use crate::{
    VolumeService,
    driver::{Target, VolumeSource, VolumeSpec},
    model::{Volume, VolumePool, VolumeStatus},
    ops::volumes::rework::take_type,
};
use flow::{Commit, Flow, Start, Step, StepCx, StepError, StepResult};
use kernel::{Error, HostName, Result, Timestamp, VolumeId, error::Doing};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use store::Tx;

/// How long the bytes that are left behind are tried to be removed.
const FOR_GOOD: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) struct MigrateVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    /// The pool it goes to.
    pub(crate) to: String,
    /// It goes there for this type.
    pub(crate) new_type: Option<String>,
}

impl State {
    /// The volume's status meanwhile.
    pub(crate) fn during(&self) -> VolumeStatus {
        if self.new_type.is_some() { VolumeStatus::Retyping } else { VolumeStatus::Maintenance }
    }
}

impl MigrateVolume {
    fn target(&self, state: &State) -> std::result::Result<Arc<VolumePool>, StepError> {
        let gone = || StepError::Failed(Error::conflict(format!("pool {} is gone", state.to)));
        self.0.view().get::<VolumePool>(&state.to).ok_or_else(gone)
    }

    async fn copy(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        let (volume, to) = (volume(&self.0, &state.volume)?, self.target(&state)?);
        let from = Left::of(&volume).ok_or_else(|| homeless(&volume.id))?.export(&self.0, &to.host, true).await?;
        let spec = VolumeSpec {
            id: volume.id.clone(),
            size_gib: volume.size_gib,
            source: VolumeSource::Exported { target: from },
        };
        let params = json!({"backend": to.backend, "id": volume.id, "generation": volume.generation, "spec": spec});
        self.0.on_host(&to.host, "volume.create", params, COPY).await?;
        Ok(Commit::nothing())
    }

    async fn uncopy(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        let Some(volume) = self.0.view().get::<Volume>(&state.volume) else { return Ok(Commit::nothing()) };
        if let Some(to) = self.0.view().get::<VolumePool>(&state.to) {
            Left::at(&volume, to.host.clone(), to.backend.clone()).delete(&self.0).await?;
        }
        if let Some(from) = Left::of(&volume) {
            from.unexport(&self.0).await?;
        }
        Ok(Commit::nothing())
    }

    async fn switch(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let (volume, to) = (volume(&self.0, &state.volume)?, self.target(&state)?);
        let from = Left::of(&volume).ok_or_else(|| homeless(&volume.id))?;
        from.unexport(&self.0).await?;
        let (now, request_id) = (cx.now(), cx.request_id.clone());
        Ok(Commit::with(move |tx, state: &mut State| {
            let volume = tx.get::<Volume>(&state.volume).ok_or_else(|| crate::error::no_volume(&state.volume))?;
            if let Some(new_type) = &state.new_type {
                take_type(tx, &volume, new_type)?;
            }
            let left = Left { generation: volume.generation, ..from.clone() };
            tx.update::<Volume>(&state.volume, |v| v.has_moved_to(&to));
            settle(tx, &state.volume, state.during(), VolumeStatus::Available, None, now);
            let object = super::rewrite_volume::left_behind(&state.volume);
            let start = Start::<DiscardCopy> { object, state: left, request_id: &request_id, now };
            self.0.0.starter.start(tx, start).map(drop)
        }))
    }
}

impl Flow for MigrateVolume {
    const KIND: &'static str = "volume.migrate_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        // What `switch` cannot do, `uncopy` undoes.
        vec![
            Step::new("begin", async |_: Arc<Self>, _: StepCx, _: State| Ok(Commit::nothing())).undo(Self::uncopy),
            Step::new("copy", Self::copy).within(COPY, COPY + Duration::from_secs(300)),
            Step::new("switch", Self::switch),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        tx.update::<Volume>(&state.volume, |v| v.migration = Some("error".to_owned()));
        // It is where it was, and good.
        settle(tx, &state.volume, state.during(), VolumeStatus::Available, Some(why), now);
        Ok(())
    }
}

pub(crate) struct DiscardCopy(pub(crate) VolumeService);

/// Bytes of a volume on a back end, and what a volume has left behind there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(crate) volume: VolumeId,
    pub(crate) generation: u64,
    pub(crate) host: HostName,
    pub(crate) backend: String,
}

impl Left {
    pub(super) fn at(volume: &Volume, host: HostName, backend: String) -> Self {
        Self { volume: volume.id.clone(), generation: volume.generation, host, backend }
    }

    /// Where the volume is at home.
    fn of(volume: &Volume) -> Option<Self> {
        place(volume).map(|(host, backend)| Self::at(volume, host, backend))
    }

    pub(super) fn params(&self) -> Value {
        json!({"backend": self.backend, "id": self.volume, "generation": self.generation})
    }

    /// How the bytes that lie there are reached from a host.
    pub(super) async fn export(
        &self,
        service: &VolumeService,
        for_host: &HostName,
        read_only: bool,
    ) -> std::result::Result<Target, StepError> {
        let mut params = self.params();
        (params["for_host"], params["read_only"]) = (json!(for_host), json!(read_only));
        let target = service.on_host(&self.host, "volume.export", params, QUICK).await?;
        Ok(serde_json::from_value(target).doing("reading how a volume is exported")?)
    }

    pub(super) async fn unexport(&self, service: &VolumeService) -> std::result::Result<(), StepError> {
        gone_is_fine(service.on_host(&self.host, "volume.unexport", self.params(), QUICK).await)
    }

    pub(super) async fn delete(&self, service: &VolumeService) -> std::result::Result<(), StepError> {
        gone_is_fine(service.on_host(&self.host, "volume.delete", self.params(), QUICK).await)
    }

    /// Nobody reaches them any more, and they go.
    pub(super) async fn remove(&self, service: &VolumeService) -> std::result::Result<(), StepError> {
        self.unexport(service).await?;
        self.delete(service).await
    }
}

impl DiscardCopy {
    async fn discard(self: Arc<Self>, _cx: StepCx, left: Left) -> StepResult<Self> {
        // It may have come back by another move: then these are its bytes.
        let back = |v: Arc<Volume>| place(&v) == Some((left.host.clone(), left.backend.clone()));
        if self.0.view().get::<Volume>(&left.volume).is_some_and(back) {
            return Ok(Commit::nothing());
        }
        left.delete(&self.0).await?;
        Ok(Commit::nothing())
    }
}

impl Flow for DiscardCopy {
    const KIND: &'static str = "volume.discard_copy";
    type State = Left;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("discard", Self::discard).within(QUICK, FOR_GOOD)]
    }

    fn failed(&self, _: &mut Tx, left: &Left, why: &str, _: Timestamp) -> Result<()> {
        tracing::warn!(volume = %left.volume, host = %left.host, why, "the bytes that a volume left behind are still there");
        Ok(())
    }
}
