//! What flows do with a guest: change its intent, wait for what the host says of it, end it.

use crate::{
    Compute,
    driver::VmState,
    model::{
        BlockDevice, Fault, Server,
        hardware::nic_limits,
        power::settle,
        state::Task,
        vm::{Power, VmIntent, VmObserved},
    },
};
use flow::{FlowRecord, StepCx, StepError};
use kernel::{Error, HostName, Result, ServerId, Timestamp};
use ports::{ConnectedVolume, PortPlan, network::BindPorts};
use std::time::Duration;
use store::{Snapshot, Tx, WatchItem};

/// How often a wait for a host looks whether the host is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Changes a server's intent in its next generation, which is returned; `None` if the server is on no host.
pub(crate) fn change_intent(tx: &mut Tx, id: &ServerId, change: impl FnOnce(&mut VmIntent)) -> Option<u64> {
    let mut intent = VmIntent::clone(&*tx.get::<VmIntent>(id)?);
    change(&mut intent);
    let generation = next_generation(tx, id);
    tx.put(VmIntent { generation, ..intent });
    Some(generation)
}

/// The next generation of a server's intents, on whichever host.
pub(crate) fn next_generation(tx: &mut Tx, id: &ServerId) -> u64 {
    let own = tx.get::<Server>(id).map_or(0, |s| s.generation);
    let intended = tx.get::<VmIntent>(id).map_or(0, |i| i.generation);
    let next = own.max(intended) + 1;
    tx.update::<Server>(id, |s| s.generation = next);
    next
}

/// Ends a flow's work on a server: what the flow says, unless the server is being deleted, and what its host has seen
/// meanwhile without being asked.
pub(crate) fn conclude(tx: &mut Tx, id: &ServerId, now: Timestamp, change: impl FnOnce(&mut Server)) {
    let done = tx.update::<Server>(id, |server| {
        let deleting = server.is_deleting();
        change(server);
        server.updated = now;
        if deleting {
            server.task = Some(Task::Deleting);
        }
    });
    if done.is_some() {
        follow(tx, id, now);
    }
}

/// Makes the server what its guest is, if nobody else is at it. True if something changed.
pub(crate) fn follow(tx: &mut Tx, id: &ServerId, now: Timestamp) -> bool {
    let (Some(server), Some(intent)) = (tx.get::<Server>(id), tx.get::<VmIntent>(id)) else { return false };
    let Some(seen) = tx.get::<VmObserved>(id) else { return false };
    let Some(settled) = settle(&server, &intent, &seen) else { return false };
    if let Some(power) = settled.intent {
        change_intent(tx, id, |intent| intent.power = power);
    }
    tx.update::<Server>(id, |server| {
        (server.state, server.power, server.updated) = (settled.state, settled.power, now);
    });
    true
}

/// What a host has said of an intent.
pub(crate) enum Said {
    /// It is carried out; this is how the guest is.
    Done(VmObserved),
    /// It cannot be, for this reason.
    Refused(String),
}

/// The host's word on generation `generation` or a later one; `None` if it has not spoken yet.
pub(crate) fn said(snapshot: &Snapshot, id: &ServerId, generation: u64) -> Option<Said> {
    said_of(snapshot, id, generation)
}

/// The same of any intent, by its key.
pub(crate) fn said_of(snapshot: &Snapshot, key: &str, generation: u64) -> Option<Said> {
    let seen = snapshot.get::<VmObserved>(key).filter(|o| o.generation >= generation)?;
    Some(match &seen.error {
        Some(why) => Said::Refused(why.clone()),
        None => Said::Done(VmObserved::clone(&seen)),
    })
}

/// A refusal as a step's definite failure.
pub(crate) fn refused<T>(why: String) -> std::result::Result<T, StepError> {
    Err(StepError::Failed(Error::conflict(why)))
}

/// Waits until `look` finds something, going on although the flow was cancelled: for undo, and for what must end.
/// Looks again whenever the host has said something of the server, and every second.
pub(crate) async fn wait<T>(cx: &StepCx, id: &ServerId, mut look: impl FnMut(&Snapshot) -> Option<T>) -> T {
    let mut watch = cx.store.watch();
    let mut tick = tokio::time::interval(LOOK);
    let concerns = |item: &WatchItem| match item {
        WatchItem::Batch(batch) => batch.of::<VmObserved>().any(|c| c.key.as_str().starts_with(id.as_str())),
        WatchItem::Reset(_) => true,
    };
    loop {
        if let Some(found) = look(&cx.snapshot()) {
            return found;
        }
        loop {
            tokio::select! {
                item = watch.next() => if concerns(&item) { break },
                _ = tick.tick() => break,
            }
        }
    }
}

/// The same, ended early with a failure when somebody asks the flow to stop.
pub(crate) async fn wait_or_cancel<T>(
    cx: &StepCx,
    id: &ServerId,
    look: impl FnMut(&Snapshot) -> Option<T>,
) -> std::result::Result<T, StepError> {
    tokio::select! {
        found = wait(cx, id, look) => Ok(found),
        () = cx.cancelled() => Err(StepError::Failed(Error::conflict("the operation was cancelled"))),
    }
}

/// Waits until the host has carried out a generation and `holds` of what it sees then; its refusal is the step's failure.
pub(crate) async fn done(
    cx: &StepCx,
    id: &ServerId,
    generation: u64,
    holds: impl Fn(&VmObserved) -> bool,
) -> std::result::Result<VmObserved, StepError> {
    let said = wait_or_cancel(cx, id, |snapshot| {
        said(snapshot, id, generation).filter(|said| match said {
            Said::Done(seen) => holds(seen),
            Said::Refused(_) => true,
        })
    });
    match said.await? {
        Said::Done(seen) => Ok(seen),
        Said::Refused(why) => refused(why),
    }
}

/// A transaction of a step besides the journal's. A process that has lost the flow cannot write it: the flow's epoch is
/// compared in the same transaction.
pub(crate) async fn fenced<R: Send + 'static>(
    cx: &StepCx,
    label: &'static str,
    mut write: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
) -> std::result::Result<R, StepError> {
    let (flow, epoch) = (cx.flow.clone(), cx.epoch);
    let done = cx.store.transact(label, move |tx| {
        let ours = tx.get::<FlowRecord>(&flow).is_some_and(|r| r.owner.epoch == epoch);
        if ours { write(tx) } else { Err(Error::unavailable("another process has the flow now")) }
    });
    Ok(done.await?)
}

/// Whether what was on the host is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// The host says so, or there never was anything.
    Yes,
    /// The host cannot be asked. The intent `Absent` stays, and whatever is left goes when the host is back.
    Later,
}

/// Writes that nothing of the server shall be left on its host. If the host had refused what was wanted before, its reason
/// becomes the server's fault, so that it is not lost with the observation.
pub(crate) fn want_absent(tx: &mut Tx, id: &ServerId, now: Timestamp) {
    let Some(intent) = tx.get::<VmIntent>(id).filter(|i| i.power != Power::Absent) else { return };
    let seen = tx.get::<VmObserved>(id).filter(|o| o.generation >= intent.generation);
    if let Some(why) = seen.and_then(|o| o.error.clone()) {
        let details = format!("host {}", intent.host);
        tx.update::<Server>(id, |s| s.fault = Some(Fault::internal(why, Some(details), now)));
    }
    change_intent(tx, id, |intent| intent.power = Power::Absent);
}

/// Ends the guest and waits until the host has said so. A host that is away is not waited for, unless volumes are attached
/// there: who attached them elsewhere meanwhile would have two guests write to one disk.
pub(crate) async fn remove(c: &Compute, cx: &StepCx, id: &ServerId) -> std::result::Result<Removed, StepError> {
    let wanted = id.clone();
    let now = cx.now();
    if cx.snapshot().get::<VmIntent>(id).is_some_and(|i| i.power != Power::Absent) {
        fenced(cx, "compute.guest.absent", move |tx| {
            want_absent(tx, &wanted, now);
            Ok(())
        })
        .await?;
    }
    let Some(intent) = cx.snapshot().get::<VmIntent>(id) else { return Ok(Removed::Yes) };
    let (generation, host, has_volumes) = (intent.generation, intent.host.clone(), !intent.volumes.is_empty());
    wait(cx, id, |snapshot| match said(snapshot, id, generation) {
        Some(Said::Done(seen)) if seen.state == VmState::Absent => Some(Ok(Removed::Yes)),
        Some(Said::Refused(why)) => Some(Err(StepError::Retry(Error::unavailable(why)))),
        _ => (!has_volumes && !c.hosts.is_connected(&host)).then_some(Ok(Removed::Later)),
    })
    .await
}

/// Forgets the host's part of a server whose guest is gone.
pub(crate) fn forget(tx: &mut Tx, id: &ServerId, removed: Removed) {
    if removed == Removed::Yes {
        tx.delete::<VmIntent>(id);
    }
    tx.delete::<VmObserved>(id);
}

/// Ends the exports of all volumes of a server to its host.
pub(crate) async fn disconnect_volumes(c: &Compute, server: &Server) -> Result<()> {
    let attachments = server.devices.iter().filter_map(|d| d.volume()).map(|v| c.volumes.disconnect(&v.attachment));
    futures_util::future::try_join_all(attachments).await.map(|_| ())
}

/// Exports a server's volumes to a host, besides the one that has them.
pub(crate) async fn connect_volumes(c: &Compute, server: &Server, host: &HostName) -> Result<Vec<ConnectedVolume>> {
    let volumes = server.devices.iter().filter_map(BlockDevice::volume);
    futures_util::future::try_join_all(volumes.map(|v| c.volumes.connect(&v.attachment, host))).await
}

/// What the network service is told to bind ports of a server to a host.
pub(crate) fn bind_ports(server: &Server, host: HostName, plan: Vec<PortPlan>, now: Timestamp) -> BindPorts {
    BindPorts {
        server: server.id.clone(),
        server_name: server.name.clone(),
        project: server.project.clone(),
        host,
        availability_zone: server.availability_zone.clone().unwrap_or_default(),
        plan,
        groups: server.security_groups.clone(),
        limits: nic_limits(&server.flavor),
        now,
    }
}

/// The same for all of its ports.
pub(crate) fn bind_all(server: &Server, host: HostName, now: Timestamp) -> BindPorts {
    bind_ports(server, host, server.nics.iter().map(|n| n.plan.clone()).collect(), now)
}

/// The server of a flow, in a step's transaction: an error if it is gone.
pub(crate) fn server(tx: &mut Tx, id: &ServerId) -> Result<std::sync::Arc<Server>> {
    tx.get::<Server>(id).ok_or_else(|| crate::ComputeError::NoServer(id.to_string()).into())
}

/// The host of a server, which a flow that began on it may count on.
pub(crate) fn host_of(snapshot: &Snapshot, id: &ServerId) -> std::result::Result<HostName, StepError> {
    let server = snapshot.get::<Server>(id);
    let host = server.and_then(|s| s.host.clone());
    host.ok_or_else(|| StepError::Failed(Error::conflict("the server is on no host")))
}
