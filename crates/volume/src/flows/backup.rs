//! Makes and removes backups. The volume, or the snapshot it is of, waits in `backing-up` and goes back to what its attachments say.

use super::{COPY, QUICK, gone_is_fine, homeless, place, set_snapshot_status, settle, volume};
use crate::{
    VolumeService,
    driver::{BackupInfo, BackupSpec},
    model::{Backup, BackupStatus, MessageEvent, MessageResource, Snapshot, SnapshotStatus, VolumeStatus},
    ops::{
        attachments, backups,
        messages::{self, About},
    },
};
use flow::{Commit, Flow, Step, StepCx, StepError, StepResult};
use kernel::{Error, Result, Timestamp, error::Doing};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Tx;

pub(crate) struct CreateBackup(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) backup: String,
}

fn find(service: &VolumeService, id: &str) -> std::result::Result<Arc<Backup>, StepError> {
    let gone = || StepError::Failed(Error::not_found(format!("Backup {id} could not be found.")));
    service.view().get::<Backup>(id).ok_or_else(gone)
}

impl CreateBackup {
    async fn copy(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let backup = find(&self.0, &state.backup)?;
        let volume = volume(&self.0, &backup.volume)?;
        let (host, backend) = place(&volume).ok_or_else(|| homeless(&volume.id))?;
        let parent = backup.parent.as_ref().map(|id| find(&self.0, id)).transpose()?;
        let spec =
            BackupSpec { place: backup.place(), snapshot: backup.snapshot.clone(), parent: parent.map(|p| p.place()) };
        let params = json!({"backend": backend, "id": volume.id, "backup": spec});
        let made = self.0.on_host(&host, "volume.back_up", params, COPY).await?;
        let made: BackupInfo = serde_json::from_value(made).doing("reading what a backup is made of")?;
        let now = cx.now();
        Ok(Commit::with(move |tx, state: &mut State| {
            tx.update::<Backup>(&state.backup, |b| {
                (b.status, b.object_count, b.updated_at) = (BackupStatus::Available, made.object_count, now);
            });
            release(tx, &state.backup, now);
            Ok(())
        }))
    }

    async fn uncopy(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        remove(&self.0, &state.backup).await?;
        Ok(Commit::nothing())
    }
}

/// Removes a backup's bytes; `Ok` if there are none.
async fn remove(service: &VolumeService, id: &str) -> std::result::Result<(), StepError> {
    let view = service.view();
    let Some(backup) = view.get::<Backup>(id) else { return Ok(()) };
    // Another record of the same bytes keeps them.
    let shares = |b: &Arc<Backup>| b.id != *id && b.place() == backup.place() && b.host == backup.host;
    if view.all::<Backup>().any(|b| shares(&b)) {
        return Ok(());
    }
    let params = json!({"backend": backup.backend, "place": backup.place()});
    gone_is_fine(service.on_host(&backup.host, "volume.delete_backup", params, QUICK).await)
}

/// What was backed up is let go.
fn release(tx: &mut Tx, id: &str, now: Timestamp) {
    let Some(backup) = tx.get::<Backup>(id) else { return };
    match &backup.snapshot {
        Some(snapshot) => {
            if tx.get::<Snapshot>(snapshot).is_some_and(|s| s.status == SnapshotStatus::BackingUp) {
                set_snapshot_status(tx, snapshot, SnapshotStatus::Available, now);
            }
        }
        None => {
            let status = attachments::implied(tx, &backup.volume);
            settle(tx, &backup.volume, VolumeStatus::BackingUp, status, None, now);
        }
    }
}

impl Flow for CreateBackup {
    const KIND: &'static str = "volume.create_backup";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("copy", Self::copy).undo(Self::uncopy).within(COPY, COPY + Duration::from_secs(300))]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        release(tx, &state.backup, now);
        let Some(backup) = tx.get::<Backup>(&state.backup) else { return Ok(()) };
        let about = About { project: &backup.project, resource: MessageResource::Backup, id: &backup.id, request: "" };
        messages::tell(tx, &about, MessageEvent::CreateBackup, now);
        if backup.status == BackupStatus::Creating {
            tx.update::<Backup>(&state.backup, |b| {
                (b.status, b.fault, b.updated_at) = (BackupStatus::Error, Some(why.to_owned()), now);
            });
        }
        Ok(())
    }
}

pub(crate) struct DeleteBackup(pub(crate) VolumeService);

impl DeleteBackup {
    async fn unmake(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        // A flow that was cancelled for this one may still be undoing.
        let own = cx.flow.clone();
        cx.wait_for(|view| {
            let others = view.by(flow::FlowRecord::BY_OBJECT, &Backup::object(&state.backup)).any(|f| f.id != own);
            (!others).then_some(Ok(()))
        })
        .await?;
        remove(&self.0, &state.backup).await?;
        let service = self.0.clone();
        Ok(Commit::with(move |tx, state: &mut State| {
            backups::forget(&service, tx, &state.backup);
            Ok(())
        }))
    }
}

impl Flow for DeleteBackup {
    const KIND: &'static str = "volume.delete_backup";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        vec![Step::new("unmake", Self::unmake)]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        tx.update::<Backup>(&state.backup, |b| {
            (b.status, b.fault, b.updated_at) = (BackupStatus::ErrorDeleting, Some(why.to_owned()), now);
        });
        Ok(())
    }
}
