//! A copy of a disk while the guest writes to it: QEMU's backup job, which keeps the content of the moment it began.
//!
//! ```text
//!   blockdev-create file ▶ add ▶ blockdev-create qcow2 ▶ add ▶ blockdev-backup ▶ close ▶ sync ▶ rename to its name
//! ```
//!
//! It runs beside the VM's task, which it does not change. The target has a name of its own (`….part`) until it is whole. If the
//! driver is killed, the next one abandons the job ([`abandon_all`]); if the guest ends, so does the job, and the copy fails.

use super::{Live, adopt};
use crate::qemu::{
    machine::disk,
    qmp::{Qmp, QmpResult},
    record::disk_error,
};
use kernel::{Error, Result, error::Doing};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{sync::oneshot, task::spawn_blocking, time::timeout};

/// Distinguishes copies of one driver; what an earlier driver left is gone before the first.
static NEXT: AtomicU64 = AtomicU64::new(0);
const PREFIX: &str = "copy-";

/// Copies `id` to `to`. Spawned by the caller, so that it ends in order even if nobody waits any more.
/// Tells when all that is copied is what the disk has now.
pub async fn copy(live: Live, id: String, to: PathBuf, begun: oneshot::Sender<()>) -> Result<()> {
    let slot = live.disks.iter().find(|(disk, _)| *disk == id).map(|(_, slot)| *slot);
    let slot = slot.ok_or_else(|| Error::not_found(format!("the server has no disk {id} here")))?;
    let qmp = live.qmp.ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    if !to.is_absolute() {
        return Err(Error::bad_request("a copy needs an absolute path"));
    }
    let mut part = to.clone().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let _ = fs::remove_file(&part);
    let name = format!("{PREFIX}{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let outcome = write_copy(&qmp, &name, slot, &part, begun).await;
    // Also of a copy that failed; QEMU may be gone.
    let closed = close(&qmp, &name).await.map_err(|e| e.while_doing("closing a disk's copy"));
    let outcome = match outcome.and(closed) {
        Ok(()) => commit(part.clone(), to).await,
        Err(e) => Err(e),
    };
    if outcome.is_err() {
        let _ = fs::remove_file(&part);
    }
    outcome
}

async fn write_copy(qmp: &Qmp, name: &str, slot: u8, part: &Path, begun: oneshot::Sender<()>) -> Result<()> {
    let doing = "copying a disk";
    let top = disk::top_node(slot);
    let list = qmp.execute("query-named-block-nodes", json!({"flat": true})).await.map_err(|e| e.while_doing(doing))?;
    let node = list.as_array().into_iter().flatten().find(|n| n["node-name"] == top.as_str());
    let size = node.and_then(|n| n["image"]["virtual-size"].as_u64());
    let size = size.ok_or_else(|| Error::internal("asking QEMU for the size of a disk"))?;
    let storage = format!("{name}-s");
    let file = json!({"driver": "file", "filename": part, "size": 0});
    job(qmp, "blockdev-create", &format!("{name}-file"), json!({"options": file}), None).await?;
    let node = json!({"driver": "file", "filename": part, "node-name": storage});
    qmp.execute("blockdev-add", node).await.map_err(|e| e.while_doing(doing))?;
    let format = json!({"driver": "qcow2", "file": storage, "size": size});
    job(qmp, "blockdev-create", &format!("{name}-format"), json!({"options": format}), None).await?;
    // Zeroes become holes: the copy of an empty disk is small.
    let node =
        json!({"driver": "qcow2", "file": storage, "node-name": name, "discard": "unmap", "detect-zeroes": "unmap"});
    qmp.execute("blockdev-add", node).await.map_err(|e| e.while_doing(doing))?;
    let backup = json!({"device": top, "target": name, "sync": "full", "auto-dismiss": false});
    job(qmp, "blockdev-backup", &format!("{name}-backup"), backup, Some(begun)).await
}

/// Runs a job to its end and dismisses it.
async fn job(
    qmp: &Qmp,
    command: &str,
    id: &str,
    mut arguments: Value,
    begun: Option<oneshot::Sender<()>>,
) -> Result<()> {
    let doing = |e: crate::qemu::qmp::QmpError| e.while_doing("copying a disk");
    arguments["job-id"] = json!(id);
    let mut notices = qmp.notices();
    qmp.execute(command, arguments).await.map_err(doing)?;
    // Nobody may have waited for it.
    let _ = begun.map(|begun| begun.send(()));
    loop {
        let jobs = qmp.execute("query-jobs", json!({})).await.map_err(doing)?;
        let job = jobs.as_array().into_iter().flatten().find(|j| j["id"] == id).cloned();
        let job = job.ok_or_else(|| Error::conflict("the copy of the disk was abandoned"))?;
        if job["status"] == "concluded" {
            qmp.execute("job-dismiss", json!({"id": id})).await.map_err(doing)?;
            return match job["error"].as_str() {
                None => Ok(()),
                Some(why) if why.contains("No space left") => {
                    Err(disk_error("copying a disk", io::ErrorKind::StorageFull.into()))
                }
                Some(why) => Err(Error::internal(format!("copying a disk: {why}"))),
            };
        }
        // Any notice is a reason to look, and so is the time, lest one be missed.
        let _ = timeout(Duration::from_secs(1), notices.recv()).await;
    }
}

/// Deletes the nodes of a copy, the top first.
async fn close(qmp: &Qmp, name: &str) -> QmpResult<()> {
    let there = adopt::nodes(qmp).await?;
    for node in [name.to_owned(), format!("{name}-s")].iter().filter(|n| there.contains(*n)) {
        qmp.execute("blockdev-del", json!({"node-name": node})).await?;
    }
    Ok(())
}

async fn commit(part: PathBuf, to: PathBuf) -> Result<()> {
    let done = spawn_blocking(move || {
        File::open(&part)?.sync_all()?;
        fs::rename(&part, &to)?;
        File::open(to.parent().unwrap_or(Path::new("/")))?.sync_all()
    });
    done.await.doing("finishing a disk's copy")?.map_err(|e| disk_error("finishing a disk's copy", e))
}

/// Ends the copies that an earlier driver began in this guest.
pub async fn abandon_all(qmp: &Qmp) -> QmpResult<()> {
    loop {
        let jobs = qmp.execute("query-jobs", json!({})).await?;
        let ours: Vec<&Value> = jobs
            .as_array()
            .into_iter()
            .flatten()
            .filter(|j| j["id"].as_str().is_some_and(|id| id.starts_with(PREFIX)))
            .collect();
        if ours.is_empty() {
            break;
        }
        let mut notices = qmp.notices();
        for job in ours {
            let command = if job["status"] == "concluded" { "job-dismiss" } else { "job-cancel" };
            // Refused when it moved on in between; seen on the next round.
            let _ = qmp.execute(command, json!({"id": job["id"]})).await;
        }
        let _ = timeout(Duration::from_millis(500), notices.recv()).await;
    }
    let mut nodes: Vec<String> = adopt::nodes(qmp).await?.into_iter().filter(|n| n.starts_with(PREFIX)).collect();
    // The format lies on the storage, whose name is longer.
    nodes.sort_by_key(String::len);
    for node in nodes {
        qmp.execute("blockdev-del", json!({"node-name": node})).await?;
    }
    Ok(())
}
