//! A disk of a running guest goes to another place: QEMU's mirror job, which ends by putting the copy where the disk was.
//!
//! ```text
//!   begin    new storage ▶ new format on it ▶ mirror, to take the place of the old format node
//!   whole    (beside the VM's task) the job is ready: what the guest writes is in both places before it counts as written
//!   hold     marker ▶ stop: what was under way is done, all disks are flushed ▶ still ready?
//!   move     on record ▶ the job completes ▶ old format and storage away ▶ marker away, cont
//!   keep     the job is cancelled ▶ new format and storage away ▶ marker away, cont
//! ```
//!
//! All that has been done is in QEMU: the job's name says which disk goes where, the marker ([`HELD`]) that the guest stands still for
//! this and nothing else. So a driver that was killed goes on from there when it is asked again. A guest that was paused by others has
//! no marker and stays so.

use super::{Live, Vm, adopt, crossing, landing::tolerant};
use crate::qemu::{
    machine::disk,
    qmp::{Qmp, QmpError, QmpResult},
};
use compute::driver::{Disk, DiskSource, Fence, VmState};
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::{collections::hash_map::DefaultHasher, hash::Hasher, time::Duration};
use tokio::time::{Instant, timeout};

const PREFIX: &str = "move-";
/// There while the guest is held.
const HELD: &str = "held";
/// Any notice is a reason to look sooner.
const LOOK: Duration = Duration::from_millis(250);
/// A job that has nothing left to copy ends in milliseconds; its disk may be slow.
const ENDING: Duration = Duration::from_secs(60);

fn doing(e: QmpError) -> Error {
    e.while_doing("moving a disk of a guest")
}

/// What a job is called that takes a disk to a place.
fn job_name(slot: u8, to: &DiskSource) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(format!("{to:?}").as_bytes());
    format!("{PREFIX}{slot}-{:016x}", hasher.finish())
}

/// The jobs whose names begin so.
pub(super) async fn jobs(qmp: &Qmp, prefix: &str) -> QmpResult<Vec<Value>> {
    let jobs = qmp.execute("query-jobs", json!({})).await?;
    let ours = |j: &&Value| j["id"].as_str().is_some_and(|id| id.starts_with(prefix));
    Ok(jobs.as_array().into_iter().flatten().filter(ours).cloned().collect())
}

/// Whether a disk of the guest is on its way.
pub async fn is_any(qmp: &Qmp) -> QmpResult<bool> {
    jobs(qmp, PREFIX).await.map(|jobs| !jobs.is_empty())
}

pub async fn is_held(qmp: &Qmp) -> QmpResult<bool> {
    Ok(adopt::objects(qmp).await?.contains(HELD))
}

/// From now on it stands still, if it does, for others' sake.
pub async fn forget_hold(qmp: &Qmp) -> QmpResult<()> {
    tolerant(qmp, "object-del", json!({"id": HELD})).await
}

/// Lets a guest that is held go on.
async fn let_go(qmp: &Qmp) -> QmpResult<()> {
    if is_held(qmp).await? {
        qmp.execute("cont", json!({})).await?;
        forget_hold(qmp).await?;
    }
    Ok(())
}

impl Vm {
    /// Begins to mirror a disk. `Ok` if that is under way, or if the disk is there already.
    pub async fn begin_move(&mut self, id: &str, to: &DiskSource, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let Some((qmp, disk)) = self.on_its_way(id, to)? else { return Ok(()) };
        if crossing::is_begun(&qmp).await.map_err(doing)? {
            return Err(Error::conflict("the guest is on its way to another host"));
        }
        let name = job_name(disk.slot, to);
        let known = jobs(&qmp, &name).await.map_err(doing)?;
        if known.iter().any(|j| j["status"] != "concluded") {
            return Ok(());
        }
        abandon(&qmp, disk.slot).await.map_err(doing)?;
        let refused = |e: QmpError| match e {
            QmpError::Refused { .. } => {
                Error::conflict("the disk cannot be mirrored to where it is to be").with_internal(e.to_string())
            }
            unknown => doing(unknown),
        };
        match self.mirror(&qmp, &Disk { source: to.clone(), ..disk.clone() }, &name).await {
            Ok(()) => Ok(()),
            Err(e) => {
                abandon(&qmp, disk.slot).await.map_err(doing)?;
                Err(refused(e))
            }
        }
    }

    async fn mirror(&self, qmp: &Qmp, moved: &Disk, name: &str) -> QmpResult<()> {
        let there = adopt::nodes(qmp).await?;
        let free = |names: [String; 2]| names.into_iter().partition::<Vec<_>, _>(|n| there.contains(n));
        let (used, formats) = free(disk::format_nodes(moved.slot));
        let (_, storages) = free(disk::storage_nodes(moved.slot));
        let none =
            || QmpError::Refused { command: "mirror".into(), class: String::new(), desc: "a node is left".into() };
        let (Some(used), Some(format), Some(storage)) = (used.first(), formats.first(), storages.first()) else {
            return Err(none());
        };
        let bad = |e: Error| QmpError::Refused { command: "mirror".into(), class: String::new(), desc: e.to_string() };
        qmp.execute("blockdev-add", disk::storage(moved, storage, &self.setting()).map_err(bad)?).await?;
        qmp.execute("blockdev-add", disk::format(moved, format, storage)).await?;
        let mirror = json!({"job-id": name, "device": disk::top_node(moved.slot), "target": format, "replaces": used,
                            "sync": "full", "copy-mode": "write-blocking", "auto-dismiss": false});
        qmp.execute("blockdev-mirror", mirror).await.map(drop)
    }

    /// Has the guest stand still, now that both places are the same.
    pub async fn hold_for_move(&mut self, id: &str, to: &DiskSource, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let Some((qmp, disk)) = self.on_its_way(id, to)? else { return Ok(()) };
        let name = job_name(disk.slot, to);
        if self.state() == VmState::Running {
            let marker = json!({"qom-type": "secret", "id": HELD, "data": "-"});
            tolerant(&qmp, "object-add", marker).await.map_err(doing)?;
            qmp.execute("stop", json!({})).await.map_err(doing)?;
        }
        if jobs(&qmp, &name).await.map_err(doing)?.iter().any(|j| j["status"] == "ready") {
            return Ok(());
        }
        abandon(&qmp, disk.slot).await.map_err(doing)?;
        let_go(&qmp).await.map_err(doing)?;
        Err(not_the_same(id))
    }

    /// The monitor and the disk as it is; `None`: it is where it is to be.
    fn on_its_way(&self, id: &str, to: &DiskSource) -> Result<Option<(Qmp, Disk)>> {
        if !self.state().is_on() {
            return Err(self.not_running());
        }
        let disk = self.record.as_ref().and_then(|r| r.spec.disks.iter().find(|d| d.id == id)).cloned();
        let disk = disk.ok_or_else(|| self.no_disk(id))?;
        let qmp = self.monitor()?.cloned().ok_or_else(|| self.not_running())?;
        Ok((disk.source != *to).then_some((qmp, disk)))
    }

    fn no_disk(&self, id: &str) -> Error {
        Error::not_found(format!("server {} has no disk {id} here", self.server))
    }

    pub async fn move_disk(&mut self, id: &str, to: &DiskSource, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let known = self.record.as_ref().and_then(|r| r.spec.disks.iter().find(|d| d.id == id)).cloned();
        let known = known.ok_or_else(|| self.no_disk(id))?;
        let Some(qmp) = self.monitor()?.cloned() else { return self.find_at(id, to).await };
        let name = job_name(known.slot, to);
        let job = jobs(&qmp, &name).await.map_err(doing)?.pop();
        match job.as_ref().and_then(|j| j["status"].as_str()) {
            None if known.source == *to => return self.goes_on(&qmp).await,
            // It was told to end before.
            Some("ready" | "waiting" | "pending" | "concluded") => {}
            _ => return Err(not_the_same(id)),
        }
        self.find_at(id, to).await?;
        if let Err(e) = complete(&qmp, &name).await {
            self.find_at(id, &known.source).await?;
            return Err(e);
        }
        remove_unused(&qmp, known.slot).await.map_err(doing)?;
        self.goes_on(&qmp).await
    }

    pub async fn keep_disk(&mut self, id: &str, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let slot = self.record.as_ref().and_then(|r| r.spec.disks.iter().find(|d| d.id == id)).map(|d| d.slot);
        let (Some(slot), Some(qmp)) = (slot, self.monitor()?.cloned()) else { return Ok(()) };
        abandon(&qmp, slot).await.map_err(doing)?;
        self.goes_on(&qmp).await
    }

    async fn goes_on(&mut self, qmp: &Qmp) -> Result<()> {
        let_go(qmp).await.map_err(doing)?;
        self.tell();
        Ok(())
    }

    /// Puts on record where a disk is.
    async fn find_at(&mut self, id: &str, source: &DiskSource) -> Result<()> {
        if let Some(disk) = self.record.iter_mut().flat_map(|r| &mut r.spec.disks).find(|d| d.id == id) {
            disk.source = source.clone();
        }
        self.save().await
    }
}

fn not_the_same(id: &str) -> Error {
    Error::conflict(format!("disk {id} is not the same where it is to be"))
}

/// Returns when both places are the same. Beside the VM's task: it may take hours.
pub async fn whole(live: Live, id: &str, to: &DiskSource) -> Result<()> {
    let slot = live.disks.iter().find(|(disk, _)| disk == id).map(|(_, slot)| *slot);
    let slot = slot.ok_or_else(|| Error::not_found(format!("the server has no disk {id} here")))?;
    let qmp = live.qmp.ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    let (name, mut notices) = (job_name(slot, to), qmp.notices());
    loop {
        let job = match jobs(&qmp, &name).await {
            Err(QmpError::Closed { .. }) => return Err(Error::conflict("the guest ended while its disk was mirrored")),
            other => other.map_err(doing)?.pop(),
        };
        match job.as_ref().and_then(|j| j["status"].as_str()) {
            // None: it is there already, or somebody keeps it; the VM's task knows.
            Some("ready") | None => return Ok(()),
            Some("concluded") => {
                let why = job.as_ref().and_then(|j| j["error"].as_str()).unwrap_or("it ended early").to_owned();
                abandon(&qmp, slot).await.map_err(doing)?;
                return Err(Error::conflict("the disk cannot be mirrored to where it is to be").with_internal(why));
            }
            _ => drop(timeout(LOOK, notices.recv()).await),
        }
    }
}

/// Ends a job that is ready: the copy takes the disk's place.
async fn complete(qmp: &Qmp, name: &str) -> Result<()> {
    let (mut notices, deadline) = (qmp.notices(), Instant::now() + ENDING);
    tolerant(qmp, "block-job-complete", json!({"device": name})).await.map_err(doing)?;
    loop {
        let job = jobs(qmp, name).await.map_err(doing)?.pop();
        let Some(job) = job else { return Ok(()) };
        if job["status"] == "concluded" {
            tolerant(qmp, "job-dismiss", json!({"id": name})).await.map_err(doing)?;
            return match job["error"].as_str() {
                None => Ok(()),
                Some(why) => Err(Error::conflict("the disk could not be moved to its end").with_internal(why)),
            };
        }
        if Instant::now() > deadline {
            return Err(Error::unavailable("the disk is not there yet"));
        }
        let _ = timeout(LOOK, notices.recv()).await;
    }
}

/// Takes away what moving a disk has left in QEMU, a mirror that still runs included: the disk is whole without it.
async fn abandon(qmp: &Qmp, slot: u8) -> QmpResult<()> {
    let (prefix, mut notices) = (format!("{PREFIX}{slot}-"), qmp.notices());
    loop {
        let jobs = jobs(qmp, &prefix).await?;
        for job in &jobs {
            let id = &job["id"];
            match job["status"].as_str() {
                Some("concluded") => tolerant(qmp, "job-dismiss", json!({"id": id})).await?,
                Some("aborting" | "null") => {}
                _ => tolerant(qmp, "block-job-cancel", json!({"device": id, "force": true})).await?,
            }
        }
        if jobs.is_empty() {
            return remove_unused(qmp, slot).await;
        }
        let _ = timeout(LOOK, notices.recv()).await;
    }
}

/// Deletes the format and storage nodes that the disk does not use; QEMU refuses the others.
async fn remove_unused(qmp: &Qmp, slot: u8) -> QmpResult<()> {
    let there = adopt::nodes(qmp).await?;
    let names = disk::format_nodes(slot).into_iter().chain(disk::storage_nodes(slot));
    for name in names.filter(|n| there.contains(n)) {
        tolerant(qmp, "blockdev-del", json!({"node-name": name})).await?;
    }
    Ok(())
}
