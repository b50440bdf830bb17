//! Servers that change their host, or their shape, while their guest is off: resize, cold migration and evacuation, and the way
//! on or back from there.
//!
//! ```text
//!   request   migration, new shape, quota                                        one transaction → 202
//!   place     the old claim in the migration's name, a new one in the server's   commit
//!   stop      … the guest is off …                                               commit
//!   copy      … its own disks are copied, on its host or to the other …          commit
//!   switch    … ports and volumes go over …  → the new host's intent             commit
//!   run       … the guest is as it was …                                         commit: VERIFY_RESIZE
//!
//!   confirm   … the host that was left gives up the disks …                      commit: ACTIVE, one claim
//!   revert    … the guest ends, ports and volumes come back, the old one runs …  commit: ACTIVE, the old claim
//! ```
//!
//! A guest that runs and has room for its new shape is not stopped ([`reshape`]; [`crate::model::reshape`] says when):
//!
//! ```text
//!   claim     room for the larger of both shapes, on the same host                                 commit
//!   shape     … vCPUs are plugged, memory is lent or taken back, limits change …                   commit: VERIFY_RESIZE
//!
//!   confirm   as above; there are no old disks
//!   revert    … the same back; what the guest does not give back, it gives back by a restart …
//! ```
//!
//! One whose host has no room for that goes to another first, by a live migration ([`super::live`]) that claims the same there, and stays
//! there from then on: `revert` gives it its old shape where it is.
//!
//! Until `confirm` the old disks stay as they were, on the host that was left or beside the new ones ([`spare`],
//! `VmIntent::kept_disks`): so undo and `revert` lose nothing of what was before the move. Two guests of a server never run: each
//! is off, by its host's word, before volumes go to the other. An evacuation cannot have that word; it relies on whoever
//! declared the host down, takes the exports of volumes from it, makes disks anew of their image, and has no way back.

pub(crate) mod claims;
pub mod confirm;
pub(crate) mod places;
pub mod reshape;
pub mod resize;
pub mod revert;
pub(crate) mod spare;

use super::{guest, vtpm};
use crate::{
    Compute,
    model::{
        Fault, QUOTAS, Server, Task,
        action::Action,
        migration::{Migration, MigrationStatus},
        shape::Resize,
    },
};
use flow::{StepCx, StepError};
use kernel::{Error, HostName, Result, ServerId, Timestamp};
use std::{sync::Arc, time::Duration};
use store::Tx;

pub(crate) const LONG: Duration = Duration::from_secs(3600);
/// What cannot fail, only take long.
pub(crate) const FOR_GOOD: Duration = Duration::from_secs(30 * 24 * 3600);

/// The move that a flow is about, as it is before a step.
fn resize_before(cx: &StepCx, id: &ServerId) -> std::result::Result<Resize, StepError> {
    let server = cx.snapshot().get::<Server>(id);
    let server = server.ok_or_else(|| StepError::Failed(Error::conflict("the server is gone")))?;
    Ok(resize_of(&server)?)
}

/// The same, in a transaction.
pub(crate) fn resize_of(server: &Server) -> Result<Resize> {
    server.resize.clone().ok_or_else(|| Error::conflict("the server is not being moved"))
}

fn dest_of(resize: &Resize) -> Result<HostName> {
    resize.dest.clone().ok_or_else(|| Error::conflict("no host was chosen"))
}

/// A host was chosen for a server that is given another shape while it runs.
pub(crate) fn bound_for(
    tx: &mut Tx,
    id: &ServerId,
    resize: &Resize,
    (host, zone): (&HostName, Option<&String>),
    now: Timestamp,
) {
    note(tx, &resize.migration, MigrationStatus::Migrating, now);
    tx.update::<Migration>(&resize.migration, |m| m.dest = Some(host.clone()));
    tx.update::<Server>(id, |s| {
        if let Some(resize) = &mut s.resize {
            (resize.dest, resize.dest_zone) = (Some(host.clone()), zone.cloned());
        }
        s.task = working(s, Task::ResizeMigrating);
    });
}

pub(crate) fn note(tx: &mut Tx, id: &str, status: MigrationStatus, now: Timestamp) {
    tx.update::<Migration>(id, |m| (m.status, m.updated) = (status, Some(now)));
}

/// The same, for one that did not take place.
pub(crate) fn failed(tx: &mut Tx, id: &str, status: MigrationStatus, why: &str, now: Timestamp) {
    tx.update::<Migration>(id, |m| (m.status, m.why, m.updated) = (status, Some(why.to_owned()), Some(now)));
}

/// The end of a move that did not take place: everything is as before, and the server says why. `also`: what else becomes of it.
pub(crate) fn given_up(
    c: &Compute,
    tx: &mut Tx,
    id: &ServerId,
    action: &Action,
    why: &str,
    now: Timestamp,
    also: impl FnOnce(&mut Server),
) -> Result<()> {
    let Some(server) = tx.get::<Server>(id) else { return Ok(()) };
    if let Some(resize) = &server.resize {
        failed(tx, &resize.migration, MigrationStatus::Error, why, now);
    }
    recount(tx, id, |s| s.resize = None);
    vtpm::settle(c, tx, id);
    guest::conclude(tx, id, now, |s| {
        s.task = None;
        s.fault = Some(Fault::internal(why, None, now));
        also(s);
    });
    action.finish(tx, None, Some(why), now)
}

/// Changes what a server counts for in its project's quota with a change of the server.
fn recount(tx: &mut Tx, id: &ServerId, change: impl FnOnce(&mut Server)) {
    let Some(before) = tx.get::<Server>(id) else { return };
    tx.update::<Server>(id, change);
    let after: Arc<Server> = tx.get::<Server>(id).unwrap_or_else(|| before.clone());
    let less = before.quota().into_iter().zip(after.quota()).map(|((name, was), (_, is))| (name, was - is));
    QUOTAS.release(tx, &before.project, &less.collect::<Vec<_>>());
}

/// A task of moving, unless the server is being deleted.
pub(crate) fn working(server: &Server, task: Task) -> Option<Task> {
    Some(if server.is_deleting() { Task::Deleting } else { task })
}
