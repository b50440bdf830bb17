//! Intents of a server for hosts that it is not on: what they keep of it, or shall give up.
//!
//! ```text
//!   the server comes      spare(dest, Parked)    disks arrive ──▶ the intent, once the server is there
//!   the server has left   spare(source, Parked)  its disks, for a way back ──▶ the intent again, or Absent
//!   nothing shall stay    spare(host, Absent)    ──host says so──▶ removed
//! ```
//!
//! A host that is away keeps its spare until it is back: then it gives up what it had, and [`crate::flows::reconcile`] removes
//! the spare. So a server that left a dead host never comes to life there again.

use crate::{
    Compute,
    driver::VmState,
    flows::guest::{self, Removed, Said, next_generation},
    model::vm::{Power, VmIntent, VmObserved},
};
use flow::{StepCx, StepError};
use kernel::{Error, HostName, Result, ServerId};
use store::{Snapshot, Tx};

/// Says what a host shall keep of a server; the generation of that.
pub(crate) fn put(tx: &mut Tx, of: &VmIntent, host: &HostName, power: Power) -> u64 {
    let generation = next_generation(tx, &of.server);
    tx.put(VmIntent { spare: true, host: host.clone(), power, generation, ..of.clone() });
    generation
}

pub(crate) fn get(tx: &mut Tx, id: &ServerId, host: &HostName) -> Option<std::sync::Arc<VmIntent>> {
    tx.get::<VmIntent>(&VmIntent::spare_key(id, host))
}

/// Forgets a spare: it has become the intent, or the host has given up everything.
pub(crate) fn forget(tx: &mut Tx, id: &ServerId, host: &HostName) {
    let key = VmIntent::spare_key(id, host);
    tx.delete::<VmIntent>(&key);
    tx.delete::<VmObserved>(&key);
}

/// All spares of a server.
pub(crate) fn all(snapshot: &Snapshot, id: &ServerId) -> Vec<std::sync::Arc<VmIntent>> {
    snapshot.by(VmIntent::BY_SPARE, id).collect()
}

/// Writes that nothing shall stay on a host; the generation of that.
pub(crate) fn drop_from(tx: &mut Tx, id: &ServerId, host: &HostName) -> Option<u64> {
    let spare = get(tx, id, host)?;
    Some(if spare.power == Power::Absent { spare.generation } else { put(tx, &spare, host, Power::Absent) })
}

/// Waits until no guest of the server is on the host: it says so, or it is away and has no volumes to write to.
pub(crate) async fn gone_from(
    c: &Compute,
    cx: &StepCx,
    id: &ServerId,
    host: &HostName,
) -> std::result::Result<Removed, StepError> {
    let key = VmIntent::spare_key(id, host);
    guest::wait(cx, id, |snapshot| {
        let Some(spare) = snapshot.get::<VmIntent>(&key) else { return Some(Ok(Removed::Yes)) };
        match guest::said_of(snapshot, &key, spare.generation) {
            Some(Said::Done(seen)) if seen.state == VmState::Absent => Some(Ok(Removed::Yes)),
            Some(Said::Refused(why)) => Some(Err(StepError::Retry(Error::unavailable(why)))),
            _ => (spare.volumes.is_empty() && !c.hosts.is_connected(host)).then_some(Ok(Removed::Later)),
        }
    })
    .await
}

/// Hosts that have something of a server that is not there.
pub(crate) fn hosts(tx: &mut Tx, id: &ServerId) -> Vec<HostName> {
    tx.by(VmIntent::BY_SPARE, id).iter().map(|spare| spare.host.clone()).collect()
}

/// Disks of a server will come to a host.
pub(crate) fn announce(tx: &mut Tx, id: &ServerId, host: &HostName) {
    if let Some(main) = tx.get::<VmIntent>(id).filter(|main| main.host != *host)
        && get(tx, id, host).is_none()
    {
        let bare = VmIntent { volumes: vec![], ports: vec![], ..VmIntent::clone(&main) };
        put(tx, &bare, host, Power::Parked);
    }
}

/// Volumes of a server are another host's now, so that nobody has to wait for this one any more.
pub(crate) fn without_volumes(tx: &mut Tx, id: &ServerId, host: &HostName) {
    tx.update::<VmIntent>(&VmIntent::spare_key(id, host), |spare| spare.volumes.clear());
}

/// Waits until a host says that no guest of the server is there, for as long as it can say anything.
pub(crate) async fn gone_or_away(c: &Compute, cx: &StepCx, id: &ServerId, host: &HostName) {
    let key = VmIntent::spare_key(id, host);
    guest::wait(cx, id, |snapshot| {
        let gone = match snapshot.get::<VmIntent>(&key) {
            Some(spare) => matches!(guest::said_of(snapshot, &key, spare.generation), Some(Said::Done(seen)) if seen.state == VmState::Absent),
            None => true,
        };
        (gone || !c.hosts.is_connected(host)).then_some(())
    })
    .await
}

/// The server moves: what was its intent becomes a spare of `from`, and the spare of `to` its intent, off until more is known.
pub(crate) fn cross(tx: &mut Tx, id: &ServerId, from: &HostName, to: &HostName) -> Result<()> {
    let lost = || Error::conflict("the server is on no host");
    let main = tx.get::<VmIntent>(id).ok_or_else(lost)?;
    if main.host == *to {
        return Ok(()); // crossed before
    }
    let there = get(tx, id, to);
    put(tx, &main, from, Power::Parked);
    let generation = next_generation(tx, id);
    let base = there.as_ref().unwrap_or(&main);
    tx.put(VmIntent { spare: false, host: to.clone(), power: Power::Parked, generation, ..VmIntent::clone(base) });
    tx.delete::<VmObserved>(id);
    forget(tx, id, to);
    Ok(())
}
