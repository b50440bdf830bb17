//! Writes a source over a volume that is there: a snapshot it is turned back to, a backup it is restored from, an image.
//!
//! ```text
//!   stage    a backup that lies on another host becomes a volume of the same id there
//!   write    the volume's pool takes the source; of another host's, what that exports
//! ```
//!
//! The pool replaces the volume's content whole or not at all, so of `write` there is nothing to undo. What was staged is removed
//! when the flow is undone, and by a flow of its own ([`DiscardCopy`]) when it is done.

use super::{
    COPY, homeless,
    migrate_volume::{DiscardCopy, Left},
    place, settle, tell, volume,
};
use crate::{
    VolumeService,
    driver::{BackupPlace, ImageBytes, VolumeSource, VolumeSpec},
    model::{Backup, BackupStatus, MessageEvent, Snapshot, Volume, VolumeStatus},
    ops::{attachments, encryption_keys},
};
use flow::{Commit, Flow, FlowRecord, Start, Step, StepCx, StepError, StepResult};
use kernel::{Error, HostName, ImageId, Result, SnapshotId, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

pub(crate) struct RewriteVolume(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    pub(crate) with: With,
    /// The volume's key once it is written over, if that becomes another: made with the flow, so that it is there in the end.
    #[serde(default)]
    pub(crate) key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum With {
    Snapshot(SnapshotId),
    Backup(String),
    Image(ImageId),
}

impl With {
    /// The volume's status meanwhile, and after it went wrong.
    pub(crate) fn statuses(&self) -> (VolumeStatus, VolumeStatus) {
        match self {
            Self::Snapshot(_) => (VolumeStatus::Reverting, VolumeStatus::Error),
            Self::Backup(_) => (VolumeStatus::RestoringBackup, VolumeStatus::ErrorRestoring),
            Self::Image(_) => (VolumeStatus::Downloading, VolumeStatus::Error),
        }
    }
}

impl RewriteVolume {
    /// Where the source is to be staged: the host of a backup that is not the volume's.
    fn elsewhere(&self, volume: &Volume, with: &With) -> Option<Left> {
        let With::Backup(id) = with else { return None };
        let backup = self.0.view().get::<Backup>(id)?;
        let elsewhere = volume.host.as_ref() != Some(&backup.host);
        elsewhere.then(|| Left::at(volume, backup.host.clone(), backup.backend.clone()))
    }

    async fn stage(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let Some(at) = self.elsewhere(&volume, &state.with) else { return Ok(Commit::nothing()) };
        // What an earlier restore left there has other bytes; and nobody may remove these for those.
        cx.wait_for(|view| {
            view.by(FlowRecord::BY_OBJECT, &left_behind(&state.volume)).next().is_none().then_some(Ok(()))
        })
        .await?;
        at.remove(&self.0).await?;
        let source = self.source(&state.with)?;
        let spec = VolumeSpec { id: at.volume.clone(), size_gib: volume.size_gib, source };
        let params = json!({"backend": at.backend, "id": at.volume, "generation": at.generation, "spec": spec});
        self.0.on_host(&at.host, "volume.create", params, COPY).await?;
        Ok(Commit::nothing())
    }

    async fn unstage(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        let Some(volume) = self.0.view().get::<Volume>(&state.volume) else { return Ok(Commit::nothing()) };
        if let Some(at) = self.elsewhere(&volume, &state.with) {
            at.remove(&self.0).await?;
        }
        Ok(Commit::nothing())
    }

    /// The source as the volume's host is to read it.
    async fn reached(
        &self,
        volume: &Volume,
        host: &HostName,
        with: &With,
    ) -> std::result::Result<VolumeSource, StepError> {
        match self.elsewhere(volume, with) {
            Some(at) => Ok(VolumeSource::Exported { target: at.export(&self.0, host, true).await? }),
            None => self.source(with),
        }
    }

    async fn write(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let source = self.reached(&volume, &host, &state.with).await?;
        let spec = VolumeSpec { id: volume.id.clone(), size_gib: volume.size_gib, source };
        let luks = match &state.with {
            With::Image(_) => encryption_keys::luks(&self.0, &volume)?,
            With::Snapshot(_) | With::Backup(_) => None,
        };
        let params =
            json!({"backend": backend, "id": volume.id, "generation": volume.generation, "spec": spec, "luks": luks});
        self.0.on_host(&host, "volume.rewrite", params, COPY).await?;
        let staged = self.elsewhere(&volume, &state.with);
        if let Some(at) = &staged {
            at.unexport(&self.0).await?;
        }
        let (now, service, request_id) = (cx.now(), self.0.clone(), cx.request_id.clone());
        Ok(Commit::with(move |tx, state: &mut State| {
            if let Some(staged) = staged.clone() {
                let object = left_behind(&state.volume);
                let start = Start::<DiscardCopy> { object, state: staged, request_id: &request_id, now };
                service.0.starter.start(tx, start)?;
            }
            take_key(&service, tx, state);
            end(tx, state, now);
            if let With::Backup(id) = &state.with
                && let Some(backup) = tx.get::<Backup>(id)
            {
                tx.update::<Volume>(&state.volume, |v| backup.of.give(v));
            }
            let rest = attachments::implied(tx, &state.volume);
            settle(tx, &state.volume, state.with.statuses().0, rest, None, now);
            Ok(())
        }))
    }

    fn source(&self, with: &With) -> std::result::Result<VolumeSource, StepError> {
        let gone = |what: String| StepError::Failed(Error::conflict(format!("{what} is gone")));
        let view = self.0.view();
        Ok(match with {
            With::Snapshot(id) => {
                let found = view.get::<Snapshot>(id).ok_or_else(|| gone(format!("snapshot {id}")))?;
                VolumeSource::Snapshot { snapshot: id.clone(), volume: found.volume.clone() }
            }
            With::Backup(id) => VolumeSource::Backup(backup(&self.0, id)?),
            With::Image(id) => VolumeSource::Image(image(&self.0, id).ok_or_else(|| gone(format!("image {id}")))?),
        })
    }
}

/// Names the flow that removes what a volume has left on another host.
pub(crate) fn left_behind(volume: &VolumeId) -> String {
    format!("volume.copy/{volume}")
}

/// What was written is read with another key than what was there.
fn take_key(service: &VolumeService, tx: &mut Tx, state: &State) {
    let Some(key) = &state.key else { return };
    let Some(volume) = tx.get::<Volume>(&state.volume) else {
        return encryption_keys::remove(service, tx, Some(key));
    };
    encryption_keys::remove(service, tx, volume.encryption_key.as_ref());
    tx.update::<Volume>(&volume.id, |v| v.encryption_key = Some(key.clone()));
}

/// Where a backup that is still known lies.
pub(super) fn backup(service: &VolumeService, id: &str) -> std::result::Result<BackupPlace, StepError> {
    let found = service.view().get::<Backup>(id);
    found.map(|b| b.place()).ok_or_else(|| StepError::Failed(Error::conflict(format!("backup {id} is gone"))))
}

pub(super) fn image(service: &VolumeService, image: &ImageId) -> Option<ImageBytes> {
    let info = service.0.images.info(&service.view(), image)?;
    let (disk_format, size) = (info.disk_format, info.size);
    Some(ImageBytes { image: info.id, disk_format, size, hash: info.hash, hash_algo: info.hash_algo })
}

/// The backup is at rest again.
fn end(tx: &mut Tx, state: &State, now: Timestamp) {
    if let With::Backup(id) = &state.with {
        rest(tx, id, now);
    }
}

/// A backup that was restored.
pub(super) fn rest(tx: &mut Tx, id: &str, now: Timestamp) {
    if tx.get::<Backup>(id).is_some_and(|b| b.status == BackupStatus::Restoring) {
        tx.update::<Backup>(id, |b| (b.status, b.updated_at) = (BackupStatus::Available, now));
    }
}

impl Flow for RewriteVolume {
    const KIND: &'static str = "volume.rewrite_volume";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        let long = COPY + Duration::from_secs(300);
        vec![
            Step::new("stage", Self::stage).undo(Self::unstage).within(COPY, long),
            Step::new("write", Self::write).within(COPY, long),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        if matches!(state.with, With::Backup(_)) {
            tell(tx, &state.volume, MessageEvent::RestoreBackup, now);
        }
        end(tx, state, now);
        encryption_keys::remove(&self.0, tx, state.key.as_ref());
        let (during, after) = state.with.statuses();
        settle(tx, &state.volume, during, after, Some(why), now);
        Ok(())
    }
}
