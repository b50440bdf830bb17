//! What the storage daemon of a volume does for it: serves it on a Unix socket, grows it, and copies it as it is at one moment.
//!
//! ```text
//!   volume.qcow2 ─ "file" ─ "disk" ─ NBD export on <volume>.nbd     (each write is on the disk before it is acknowledged)
//!                              ├──── "limited" ─ the export, if the volume has had limits
//!                              └──── job "copy" ─▶ "target" ─ "target-file" ─ a new file
//! ```
//!
//! Limits are a node of their own, and those who have none pay for none. So the first limits of an export, and its growth, take it
//! away for a moment; clients come back by themselves. What changes or lifts limits is seen by nobody.
//!
//! The copy is QEMU's backup job: what a guest overwrites is copied first, so the new file shows the moment the job began,
//! whatever is written meanwhile.

use super::{
    config::FileVolumesConfig,
    daemon::{self, Access, DISK, Daemon, LIMITED, LIMITS, Nodes, Writes, text},
    marks::{self, Marking},
    pool::{ExportRecord, VolumeDir},
    qmp::{Qmp, QmpError, is_full, no_space},
};
use crate::{
    disk,
    qemu_img::{Compress, Format},
};
use kernel::{Error, Result, error::Doing};
use ports::IoLimits;
use serde_json::{Value, json};
use std::{os::unix::fs::MetadataExt, path::Path, time::Duration};
use tokio::time::sleep;

const COPY: &str = "copy";
const TARGET: &str = "target";
const TARGET_FILE: &str = "target-file";

/// The daemon, serving the volume as asked; whatever an earlier process of ours left undone in it is ended.
pub(super) async fn serve(volume: &VolumeDir, config: &FileVolumesConfig, export: &ExportRecord) -> Result<Qmp> {
    let mut qmp = Daemon::disk(volume, config).converse().await?;
    let file = json!({"driver": "file", "node-name": "file", "filename": text(&volume.image())?, "discard": "unmap"});
    let disk = json!({"driver": "qcow2", "node-name": DISK, "file": "file", "discard": "unmap"});
    let socket = json!({"type": "unix", "data": {"path": text(&volume.socket("nbd"))?}});
    let converge = async {
        settle(&mut qmp).await?;
        let nodes = Nodes::of(&mut qmp).await?;
        daemon::add_node(&mut qmp, &nodes, file).await?;
        daemon::add_node(&mut qmp, &nodes, disk).await?;
        daemon::start_server(&mut qmp, socket).await?;
        show(&mut qmp, volume, export).await
    };
    converge.await.map_err(|e| e.while_doing("exporting a volume"))?;
    Ok(qmp)
}

/// Exports the disk, below its limits if it has or had some.
async fn show(qmp: &mut Qmp, volume: &VolumeDir, export: &ExportRecord) -> Result<(), QmpError> {
    let nodes = Nodes::of(qmp).await?;
    let mut node = DISK;
    if !export.limits.is_none() || nodes.size(LIMITED).is_some() {
        limit(qmp, &export.limits).await?;
        let limited = json!({
            "driver": "throttle", "node-name": LIMITED, "throttle-group": LIMITS, "file": DISK, "discard": "unmap",
        });
        daemon::add_node(qmp, &nodes, limited).await?;
        node = LIMITED;
    }
    daemon::export(qmp, volume.id.as_str(), node, Access::of(export.read_only), Writes::Through).await
}

async fn limit(qmp: &mut Qmp, limits: &IoLimits) -> Result<(), QmpError> {
    if has_limits(qmp).await? {
        let set = json!({"path": path(), "property": "limits", "value": limits.to_qemu_anew()});
        return qmp.execute("qom-set", set).await.map(drop);
    }
    let group = json!({"qom-type": "throttle-group", "id": LIMITS, "limits": limits.to_qemu()});
    qmp.execute("object-add", group).await.map(drop)
}

async fn has_limits(qmp: &mut Qmp) -> Result<bool, QmpError> {
    let objects = match qmp.execute("qom-list", json!({"path": "/objects"})).await {
        // The first object makes the place.
        Err(e) if e.says("not found") => return Ok(false),
        objects => objects?,
    };
    Ok(objects.as_array().into_iter().flatten().any(|object| object["name"] == LIMITS))
}

fn path() -> String {
    format!("/objects/{LIMITS}")
}

/// What is in force on the disk's export.
pub(super) async fn limits(qmp: &mut Qmp) -> Result<IoLimits> {
    let ask = async {
        if !has_limits(qmp).await? {
            return Ok(IoLimits::default());
        }
        let told = qmp.execute("qom-get", json!({"path": path(), "property": "limits"})).await?;
        Ok(IoLimits::of_qemu(&told))
    };
    ask.await.map_err(|e: QmpError| e.while_doing("asking for the limits of a volume"))
}

/// Ends a copy that nobody waits for any more.
async fn settle(qmp: &mut Qmp) -> Result<(), QmpError> {
    while let Some(job) = job(qmp).await? {
        if job["status"] == "concluded" {
            qmp.execute("job-dismiss", json!({"id": COPY})).await?;
        } else {
            // Refused when it has just concluded, which is as well.
            let _ = qmp.execute("job-cancel", json!({"id": COPY})).await;
            sleep(Duration::from_millis(10)).await;
        }
    }
    let nodes = Nodes::of(qmp).await?;
    for node in [TARGET, TARGET_FILE] {
        if nodes.size(node).is_some() {
            qmp.execute("blockdev-del", json!({"node-name": node})).await?;
        }
    }
    Ok(())
}

async fn job(qmp: &mut Qmp) -> Result<Option<Value>, QmpError> {
    let jobs = qmp.execute("query-jobs", json!({})).await?;
    Ok(jobs.as_array().into_iter().flatten().find(|j| j["id"] == COPY).cloned())
}

/// The disk's size as its daemon knows it.
pub(super) async fn size(qmp: &mut Qmp) -> Result<u64> {
    let nodes = Nodes::of(qmp).await.map_err(|e| e.while_doing("asking for a disk's size"))?;
    nodes.size(DISK).ok_or_else(|| Error::internal("a storage daemon has lost its disk"))
}

/// Grows the disk. A node that is exported cannot be resized, so the export is away for a moment; clients come back by themselves
/// and then see the new size.
pub(super) async fn grow(qmp: &mut Qmp, volume: &VolumeDir, size: u64, export: &ExportRecord) -> Result<()> {
    let grow = async {
        if Nodes::of(qmp).await?.size(DISK).is_some_and(|now| now >= size) {
            return Ok(());
        }
        marks::clear(qmp).await?;
        daemon::withdraw(qmp).await?;
        // It would go on with the size that it knows.
        if Nodes::of(qmp).await?.size(LIMITED).is_some() {
            qmp.execute("blockdev-del", json!({"node-name": LIMITED})).await?;
        }
        let grown = qmp.execute("block_resize", json!({"node-name": DISK, "size": size})).await;
        show(qmp, volume, export).await?;
        grown.map(drop)
    };
    grow.await.map_err(|e| e.while_doing("growing an exported volume"))
}

/// Copies the disk, or what a mark shows of it, as it is now to the new file `to`.
pub(super) async fn copy(
    qmp: &mut Qmp,
    volume: &VolumeDir,
    config: &FileVolumesConfig,
    (to, format, compress): (&Path, Format, Compress),
    marking: &Marking,
) -> Result<()> {
    let doing = "copying a volume in use";
    let parent = to.parent().unwrap_or(Path::new("/"));
    // A copy that fills the disk would have the guest's own writes fail as well: better not begun.
    let needed = tokio::fs::metadata(volume.image()).await.doing(doing)?.blocks() * 512;
    if disk::space(parent)?.free < needed {
        return Err(no_space(doing));
    }
    let size = size(qmp).await?;
    config.img.create(to, format, size, compress).await?;
    let file = json!({"driver": "file", "node-name": TARGET_FILE, "filename": text(to)?});
    let target =
        |read_only| json!({"driver": format.name(), "node-name": TARGET, "file": TARGET_FILE, "read-only": read_only});
    let backup = json!({
        "job-id": COPY, "device": DISK, "target": TARGET, "sync": "full", "auto-dismiss": false, "on-target-error": "report",
        "compress": compress == Compress::Zstd,
    });
    let run = async {
        qmp.execute("blockdev-add", file).await?;
        qmp.execute("blockdev-add", target(false)).await?;
        qmp.execute("transaction", json!({"actions": marking.around(backup)})).await?;
        let failure = wait(qmp).await?;
        if failure.is_none() {
            // Becoming read-only is the one way to flush a node and hear of a failure; closing it keeps silent.
            qmp.execute("blockdev-reopen", json!({"options": [target(true)]})).await?;
        }
        Ok(failure)
    };
    let outcome: Result<Option<String>, QmpError> = run.await;
    // After a lost answer this conversation is over; the next one settles.
    if outcome.as_ref().map_or_else(QmpError::is_refusal, |_| true) {
        settle(qmp).await.map_err(|e| e.while_doing(doing))?;
    }
    match outcome.map_err(|e| e.while_doing(doing))? {
        None => Ok(()),
        Some(text) if is_full(&text) => Err(no_space(doing).with_internal(text)),
        Some(text) => Err(Error::internal(doing).with_internal(format!("{doing}: {text}"))),
    }
}

/// Until the job has ended; its error if it has one.
async fn wait(qmp: &mut Qmp) -> Result<Option<String>, QmpError> {
    let mut pause = Duration::from_millis(5);
    loop {
        match job(qmp).await? {
            None => return Ok(Some("the job is gone".into())),
            Some(job) if job["status"] == "concluded" => return Ok(job["error"].as_str().map(str::to_owned)),
            Some(_) => sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}
