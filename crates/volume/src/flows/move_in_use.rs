//! Moves a volume that a running guest has to another pool: the guest goes on, and writes to it meanwhile.
//!
//! ```text
//!   make     the new pool makes a blank volume of the same id, and exports it for the guest's host
//!   mirror   the guest's hypervisor copies what there is, and writes what the guest writes to both; when both are the same it holds
//!            the guest, and one transaction says where the volume is: its record, its attachment, the intent of the guest's host
//!   (a flow of its own, [`LeaveCopy`])
//!   let_go   the new pool holds its users to the type's limits; the guest goes on, on the new pool
//!   discard  the old export ends, the old bytes go
//! ```
//!
//! Until the transaction of `mirror` the volume is where it was, and undoing removes the copy. From then on it is where it is to be:
//! while the guest is held both places are the same and flushed, so whoever dies, the guest starts on the new one. Nothing may come in
//! between: the transaction counts only if the guest's host was asked for nothing else since the guest was held (a guest that was
//! started anew meanwhile has written to the old place alone). Meanwhile the volume is not detached, grown, moved, copied or deleted by
//! anybody ([`crate::ops::volumes::still`]); when its server goes away, or goes to another host, the move fails.

use super::{COPY, QUICK, homeless, migrate_volume::Left, place, settle, volume};
use crate::{
    VolumeService,
    driver::{Target, VolumeSource, VolumeSpec},
    error, limits,
    model::{Attachment, Volume, VolumePool, VolumeStatus},
    ops::{
        attachments::{self, hold::hold},
        encryption_keys,
        volumes::rework::take_type,
    },
    port::target,
};
use flow::{Commit, Flow, FlowRecord, Start, Step, StepCx, StepError, StepResult};
use kernel::{AttachmentId, Error, HostName, Kind, Result, ServerId, Timestamp, VolumeId};
use ports::{RunningGuest, VolumeMoved};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::{Snapshot as View, Tx};

/// A large volume takes as long as it takes.
const MIRROR: Duration = Duration::from_secs(7 * 24 * 3600);
const FOR_GOOD: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) struct MoveInUse(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) volume: VolumeId,
    /// The pool it goes to.
    pub(crate) to: String,
    /// It goes there for this type.
    pub(crate) new_type: Option<String>,
    pub(crate) attachment: AttachmentId,
    pub(crate) server: ServerId,
    /// The guest's.
    pub(crate) host: HostName,
    /// What is made on the new pool.
    pub(crate) copy: Left,
    /// How the guest's host reaches it.
    pub(crate) target: Option<Target>,
    pub(crate) began: Timestamp,
}

impl State {
    /// The volume's status meanwhile.
    pub(crate) fn during(&self) -> VolumeStatus {
        if self.new_type.is_some() { VolumeStatus::Retyping } else { VolumeStatus::InUse }
    }
}

/// The host that makes a copy of a volume which is being moved.
pub(crate) fn copies_on(view: &View, id: &VolumeId) -> Option<HostName> {
    let moving = |f: &Arc<FlowRecord>| f.kind == MoveInUse::KIND;
    let flow = view.by(FlowRecord::BY_OBJECT, &Volume::object(id)).find(moving)?;
    serde_json::from_value::<State>(flow.state.clone()).ok().map(|state| state.copy.host)
}

impl MoveInUse {
    async fn make(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        let volume = volume(&self.0, &state.volume)?;
        let spec = VolumeSpec { id: volume.id.clone(), size_gib: volume.size_gib, source: VolumeSource::Blank };
        let copy = &state.copy;
        let luks = encryption_keys::header(&self.0, &volume)?;
        let mut params = copy.params();
        (params["spec"], params["luks"]) = (json!(spec), json!(luks));
        self.0.on_host(&copy.host, "volume.create", params, COPY).await?;
        let found = copy.export(&self.0, &state.host, false).await?;
        let found = attachments::cached(&self.0.view(), state.new_type.as_ref().unwrap_or(&volume.volume_type), found);
        Ok(Commit::with(move |_, state: &mut State| {
            state.target = Some(found.clone());
            Ok(())
        }))
    }

    /// Removes the copy, unless the volume is there by now.
    async fn unmake(self: Arc<Self>, _cx: StepCx, state: State) -> StepResult<Self> {
        let there = |v: Arc<Volume>| place(&v) == Some((state.copy.host.clone(), state.copy.backend.clone()));
        if self.0.view().get::<Volume>(&state.volume).is_some_and(there) {
            return Ok(Commit::nothing());
        }
        self.keep(&state).await?;
        state.copy.remove(&self.0).await?;
        Ok(Commit::nothing())
    }

    /// Has the guest go on where it was, if it is there. One that has gone, or whose host is away, has no use for the copy.
    async fn keep(&self, state: &State) -> std::result::Result<(), StepError> {
        let guest = match self.0.0.servers.running(&self.0.view(), &state.server) {
            Err(e) if e.is(Kind::Conflict) => return Ok(()),
            other => other.map_err(StepError::Retry)?,
        };
        if guest.host != state.host || !self.0.0.hosts.is_connected(&state.host) {
            return Ok(());
        }
        let params = json!({"server": state.server, "volume": state.volume, "generation": guest.generation});
        super::gone_is_fine(self.0.on_host(&state.host, "vm.keep_disk", params, QUICK).await)
    }

    async fn mirror(self: Arc<Self>, cx: StepCx, state: State) -> StepResult<Self> {
        let to = state.target.clone().map(target).ok_or_else(|| homeless(&state.volume))?;
        let volume = volume(&self.0, &state.volume)?;
        let of = state.new_type.clone().unwrap_or(volume.volume_type.to_string());
        let size_gib = volume.size_gib;
        let guest = self.guest(&state)?;
        let params = json!({"server": state.server, "volume": state.volume, "generation": guest.generation, "to": to});
        self.0.on_host(&state.host, "vm.mirror_disk", params, COPY).await?;
        if self.guest(&state)? != guest {
            return Err(StepError::Retry(Error::unavailable("the server has changed meanwhile")));
        }
        let (now, request_id, inner) = (cx.now(), cx.request_id.clone(), self.0.clone());
        Ok(Commit::with(move |tx, state: &mut State| {
            let moved = VolumeMoved {
                server: state.server.clone(),
                volume: state.volume.clone(),
                to: to.clone(),
                limits: limits::of_type(tx.view(), &of, size_gib),
                request_id: request_id.clone(),
                began: state.began,
            };
            let left = switch(&inner, tx, state, &guest, &moved, now)?;
            let object = super::rewrite_volume::left_behind(&state.volume);
            let start = Start::<LeaveCopy> { object, state: left, request_id: &request_id, now };
            inner.0.starter.start(tx, start).map(drop)
        }))
    }

    /// The guest, if it has the volume still, on the host for which the copy was made.
    fn guest(&self, state: &State) -> std::result::Result<RunningGuest, StepError> {
        let view = self.0.view();
        let gone = || StepError::Failed(Error::conflict("the volume is not attached any more"));
        view.get::<Attachment>(&state.attachment).ok_or_else(gone)?;
        let guest = self.0.0.servers.running(&view, &state.server)?;
        if guest.host != state.host {
            return Err(StepError::Failed(Error::conflict("the server has gone to another host")));
        }
        Ok(guest)
    }
}

/// Writes that the volume is on the new pool.
fn switch(
    service: &VolumeService,
    tx: &mut Tx,
    state: &State,
    guest: &RunningGuest,
    moved: &VolumeMoved,
    now: Timestamp,
) -> Result<Away> {
    let volume = tx.get::<Volume>(&state.volume).ok_or_else(|| error::no_volume(&state.volume))?;
    let attachment = tx.get::<Attachment>(&state.attachment).ok_or_else(|| error::no_attachment(&state.attachment))?;
    let to = tx.get::<VolumePool>(&state.to).ok_or_else(|| Error::conflict(format!("pool {} is gone", state.to)))?;
    let from = place(&volume).ok_or_else(|| Error::conflict(format!("volume {} lies on no pool", volume.id)))?;
    let generation = service.0.servers.volume_moved(tx, guest, moved, now)?;
    if let Some(new_type) = &state.new_type {
        take_type(tx, &volume, new_type)?;
    }
    tx.put(Attachment { target: state.target.clone(), ..Attachment::clone(&attachment) });
    tx.update::<Volume>(&volume.id, |v| {
        v.has_moved_to(&to);
        v.updated_at = now;
    });
    let status = attachments::implied(tx, &volume.id);
    settle(tx, &volume.id, state.during(), status, None, now);
    let (server, host, to) = (state.server.clone(), state.host.clone(), moved.to.clone());
    Ok(Away { old: Left::at(&volume, from.0, from.1), server, host, to, generation })
}

impl Flow for MoveInUse {
    const KIND: &'static str = "volume.move_in_use";
    type State = State;

    fn steps() -> Vec<Step<Self>> {
        // What `mirror` cannot do, `unmake` undoes.
        vec![
            Step::new("begin", async |_: Arc<Self>, _: StepCx, _: State| Ok(Commit::nothing())).undo(Self::unmake),
            Step::new("make", Self::make).within(COPY, COPY),
            Step::new("mirror", Self::mirror).within(COPY + QUICK, MIRROR),
        ]
    }

    fn failed(&self, tx: &mut Tx, state: &State, why: &str, now: Timestamp) -> Result<()> {
        tx.update::<Volume>(&state.volume, |v| v.migration = Some("error".to_owned()));
        // It is where it was, and good.
        let status = attachments::implied(tx, &state.volume);
        settle(tx, &state.volume, state.during(), status, Some(why), now);
        Ok(())
    }
}

/// What is left to do once a volume is elsewhere.
pub(crate) struct LeaveCopy(pub(crate) VolumeService);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Away {
    old: Left,
    server: ServerId,
    host: HostName,
    to: ports::VolumeTarget,
    /// Of what the guest's host was asked for when the volume moved.
    generation: u64,
}

impl LeaveCopy {
    async fn let_go(self: Arc<Self>, _cx: StepCx, away: Away) -> StepResult<Self> {
        let generation = match self.0.0.servers.running(&self.0.view(), &away.server) {
            // It was started on the new pool there.
            Ok(guest) if guest.host != away.host => return Ok(Commit::nothing()),
            Ok(guest) => guest.generation,
            // Whatever is done to it, if it is there, it stands still until this is done.
            Err(_) => away.generation,
        };
        // A pool that does not answer is told by a reconciler; the guest does not wait for that.
        if let Err(e) = hold(&self.0, &away.old.volume).await {
            tracing::warn!(volume = %away.old.volume, error = %e.internal_text(), "a guest goes on before its pool knows its limits");
        }
        let params = json!({
            "server": away.server, "volume": away.old.volume, "generation": generation, "to": away.to,
        });
        let moved = match self.0.on_host(&away.host, "vm.move_disk", params.clone(), QUICK).await {
            // Its mirror broke while it was held, or it was let go by others: it writes to the old place alone.
            Err(e) if e.is(Kind::Conflict) => {
                self.0.on_host(&away.host, "vm.mirror_disk", params.clone(), COPY).await.map_err(StepError::Retry)?;
                self.0.on_host(&away.host, "vm.move_disk", params, QUICK).await
            }
            other => other,
        };
        match moved {
            Err(e) if e.is(Kind::NotFound) => Ok(Commit::nothing()),
            other => other.map(|_| Commit::nothing()).map_err(StepError::Retry),
        }
    }

    async fn discard(self: Arc<Self>, _cx: StepCx, away: Away) -> StepResult<Self> {
        away.old.remove(&self.0).await?;
        Ok(Commit::nothing())
    }
}

impl Flow for LeaveCopy {
    const KIND: &'static str = "volume.leave_copy";
    type State = Away;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("let_go", Self::let_go).within(COPY + 2 * QUICK, FOR_GOOD),
            Step::new("discard", Self::discard).within(QUICK, FOR_GOOD),
        ]
    }

    fn failed(&self, _: &mut Tx, away: &Away, why: &str, _: Timestamp) -> Result<()> {
        tracing::error!(volume = %away.old.volume, host = %away.old.host, why, "the bytes that a volume left behind are still there");
        Ok(())
    }
}
