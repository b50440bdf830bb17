//! A guest that goes to another host: its disks are mirrored to the NBD server there, then its memory is copied while it runs.
//!
//! ```text
//!   begin ▶ mirrors ▶ all ready ▶ migrate ─┬─▶ pre-switchover: end the mirrors ▶ continue ▶ completed
//!                                          └─▶ post-copy, by time or when asked, after memory has been gone through once: the same,
//!                                              but the guest runs there before what it changed meanwhile has come
//! ```
//!
//! A guest that goes over before its memory was gone through once fetches all that it touches page by page, and stands still for
//! seconds; after one pass it misses only what it wrote since. So a wish for post-copy is kept in QEMU ([`HASTE`]) until then.
//! From the wish on it ends by pre-copy only if what is left takes [`AT_ONCE_MS`].
//!
//! It runs beside the VM's task, which it does not change. All that has been done is in QEMU (objects, jobs, the state of its
//! migration), so whoever sends again after the driver was killed goes on from there. An object ([`STARTED`]) is named after what QEMU
//! said of its migration before this attempt, which may be of an earlier one, or of the guest's arrival: what differs from that is
//! of this attempt. A mirror in mode `write-blocking` is never behind once it is ready, and
//! `pause-before-switchover` stands the guest still while mirrors end: not a byte is written that does not arrive.

use super::{
    Live, adopt,
    landing::{bracketed, credentials, set_capabilities, tolerant},
    moving,
};
use crate::qemu::qmp::{Notice, Qmp, QmpError, QmpResult};
use compute::driver::{CallOff, Progress, Sent, Stage, Travel};
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{sync::broadcast, time::timeout};

type Notices = broadcast::Receiver<Notice>;

/// The TLS credentials that the guest is sent with: while they are there, an attempt has begun.
const CREDENTIALS: &str = "crossing";
const STARTED: &str = "crossing-after-";
/// While it is there, somebody has asked for post-copy.
const HASTE: &str = "crossing-hasten";
const PREFIX: &str = "cross-";
/// Any notice is a reason to look sooner.
const LOOK: Duration = Duration::from_millis(250);
/// What the guest may stand still for at the end; QEMU goes on copying until it believes that it can keep that.
const DOWNTIME_MS: u64 = 200;
/// The same, once post-copy is wished for. Not 0: then QEMU up to 8.2 would not look for what has been written since.
const AT_ONCE_MS: u64 = 1;

fn doing(e: QmpError) -> Error {
    e.while_doing("sending a guest to another host")
}

/// How it stands.
struct View {
    status: String,
    told: Value,
    /// An attempt has begun, its memory is on its way.
    begun: bool,
    started: bool,
    hastened: bool,
    jobs: Vec<Value>,
}

async fn view(qmp: &Qmp) -> QmpResult<View> {
    let told = qmp.execute("query-migrate", json!({})).await?;
    let (names, jobs) = (adopt::objects(qmp).await?, moving::jobs(qmp, PREFIX).await?);
    let status = told["status"].as_str().unwrap_or("none").to_owned();
    let (begun, before) = (names.contains(CREDENTIALS), marker(&told));
    let hastened = names.contains(HASTE);
    let started = names.iter().any(|n| n.starts_with(STARTED) && *n != before);
    Ok(View { status, begun, started, hastened, told, jobs })
}

/// The name of the object that is made before memory is sent. An arrival has no time, which tells it from a migration that has just
/// been completed and whose time QEMU has not added up yet.
fn marker(told: &Value) -> String {
    let status = told["status"].as_str().unwrap_or("none");
    let time = told["total-time"].as_u64().map_or("never".to_owned(), |ms| ms.to_string());
    format!("{STARTED}{status}-{time}")
}

/// A guest that has gone, or is about to, cannot be kept.
fn has_left(status: &str) -> bool {
    matches!(status, "completed" | "postcopy-active" | "postcopy-paused" | "postcopy-recover")
}

/// Sends the guest. `Conflict`: it cannot be, or was called off, and runs on here.
pub async fn send(live: Live, travel: Travel, tls: &Path) -> Result<Sent> {
    let qmp = live.qmp.clone().ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    let mut notices = qmp.notices();
    loop {
        let now = view(&qmp).await.map_err(doing)?;
        match (now.status.as_str(), now.begun, now.started) {
            ("completed", true, true) => return Ok(Sent::All),
            ("postcopy-active" | "postcopy-recover", _, true) => return Ok(Sent::Running),
            ("postcopy-paused", _, true) => {
                return Err(Error::unavailable("the way to the other host was lost after the guest had gone there"));
            }
            (_, false, _) => begin(&qmp, &live, &travel, tls).await?,
            ("failed" | "cancelled" | "none", true, true) => return failed(&qmp, &now).await,
            ("pre-switchover", _, true) => switch_over(&qmp, &mut notices, now.jobs).await?,
            ("active", _, true) => hasten_in_time(&qmp, &now, &travel, &live.files).await?,
            (_, true, false) => copy_memory(&qmp, &now, &travel).await?,
            _ => {}
        }
        news(&mut notices).await?;
    }
}

async fn begin(qmp: &Qmp, live: &Live, travel: &Travel, tls: &Path) -> Result<()> {
    if moving::is_any(qmp).await.map_err(doing)? {
        return Err(Error::conflict("a disk of the guest is being moved"));
    }
    tidy(qmp).await.map_err(doing)?;
    qmp.execute("object-add", credentials(CREDENTIALS, tls, "client")).await.map_err(doing)?;
    let to = &travel.to;
    for (n, (id, node)) in live.local.iter().enumerate() {
        let port = to.disks.ok_or_else(|| Error::conflict("the other host does not take the guest's disks"))?;
        let name = format!("{PREFIX}{n}");
        let server = json!({"type": "inet", "host": to.address, "port": port.to_string()});
        let there = json!({"driver": "nbd", "node-name": name, "server": server, "export": id, "discard": "unmap",
                           "detect-zeroes": "unmap", "tls-creds": CREDENTIALS, "tls-hostname": to.host});
        qmp.execute("blockdev-add", there).await.map_err(doing)?;
        let mut mirror = json!({"job-id": name, "device": node, "target": name, "sync": "full",
                            "copy-mode": "write-blocking", "auto-dismiss": false});
        if let Some(speed) = travel.bandwidth {
            mirror["speed"] = json!(speed);
        }
        qmp.execute("blockdev-mirror", mirror).await.map_err(doing)?;
    }
    Ok(())
}

/// Disks are on their way; when all are there, memory follows.
async fn copy_memory(qmp: &Qmp, now: &View, travel: &Travel) -> Result<()> {
    if let Some(broken) = now.jobs.iter().find(|j| j["status"] == "concluded") {
        let why = broken["error"].as_str().unwrap_or("it ended early").to_owned();
        tidy(qmp).await.map_err(doing)?;
        return Err(Error::conflict("the guest's disks cannot be copied to the other host").with_internal(why));
    }
    if now.jobs.iter().any(|j| j["status"] != "ready") {
        return Ok(());
    }
    set_capabilities(qmp, &["events", "pause-before-switchover", "postcopy-ram"]).await.map_err(doing)?;
    let to = &travel.to;
    let parameters = json!({"tls-creds": CREDENTIALS, "tls-hostname": to.host, "downtime-limit": DOWNTIME_MS,
                            "max-bandwidth": travel.bandwidth.unwrap_or(1 << 40)});
    qmp.execute("migrate-set-parameters", parameters).await.map_err(doing)?;
    // There already: its maker was killed before the next line.
    tolerant(qmp, "object-add", json!({"qom-type": "secret", "id": marker(&now.told), "data": "-"}))
        .await
        .map_err(doing)?;
    let uri = format!("tcp:{}:{}", bracketed(&to.address), to.memory);
    qmp.execute("migrate", json!({"uri": uri})).await.map(drop).map_err(doing)
}

/// Puts down what the guest has written to its disks here, while it runs: QEMU does that again when it has stopped it.
async fn settle(files: &[PathBuf]) {
    for file in files {
        // QEMU will say what is wrong with it.
        if let Ok(file) = tokio::fs::File::open(file).await {
            let _ = file.sync_data().await;
        }
    }
}

async fn hasten_in_time(qmp: &Qmp, now: &View, travel: &Travel, files: &[PathBuf]) -> Result<()> {
    let elapsed = Duration::from_millis(now.told["total-time"].as_u64().unwrap_or(0));
    if !now.hastened && travel.post_copy_after.is_some_and(|after| elapsed >= after) {
        wish(qmp).await.map_err(doing)?;
    } else if now.hastened && now.told["ram"]["dirty-sync-count"].as_u64() > Some(1) {
        settle(files).await;
        tolerant(qmp, "migrate-start-postcopy", json!({})).await.map_err(doing)?;
    }
    Ok(())
}

/// Has the guest go on over there as soon as its memory has been gone through once.
async fn wish(qmp: &Qmp) -> QmpResult<()> {
    tolerant(qmp, "migrate-set-parameters", json!({"downtime-limit": AT_ONCE_MS})).await?;
    tolerant(qmp, "object-add", json!({"qom-type": "secret", "id": HASTE, "data": "-"})).await
}

/// The guest stands still. Mirrors that are ready end whole, and then it may go: every question less is time that it does not wait.
async fn switch_over(qmp: &Qmp, notices: &mut Notices, mut jobs: Vec<Value>) -> Result<()> {
    while !jobs.is_empty() {
        if !end(qmp, &jobs).await? {
            news(notices).await?;
        }
        jobs = moving::jobs(qmp, PREFIX).await.map_err(doing)?;
    }
    tolerant(qmp, "migrate-continue", json!({"state": "pre-switchover"})).await.map_err(doing)
}

/// Brings mirrors nearer to their end. `true`: one is gone.
async fn end(qmp: &Qmp, jobs: &[Value]) -> Result<bool> {
    let mut gone = false;
    for job in jobs {
        let id = &job["id"];
        match job["status"].as_str() {
            Some("concluded") if job["error"].is_string() => {
                let why = job["error"].as_str().unwrap_or_default().to_owned();
                tolerant(qmp, "migrate_cancel", json!({})).await.map_err(doing)?;
                return Err(Error::conflict("the guest's disks were not copied to the end").with_internal(why));
            }
            Some("concluded") => {
                tolerant(qmp, "job-dismiss", json!({"id": id})).await.map_err(doing)?;
                gone = true;
            }
            Some("ready") => tolerant(qmp, "block-job-cancel", json!({"device": id})).await.map_err(doing)?,
            _ => {}
        }
    }
    Ok(gone)
}

/// Until there is a reason to look again.
async fn news(notices: &mut Notices) -> Result<()> {
    match timeout(LOOK, notices.recv()).await {
        Ok(Ok(Notice::Closed)) => Err(Error::conflict("the guest ended on its way to another host")),
        _ => Ok(()),
    }
}

async fn failed(qmp: &Qmp, now: &View) -> Result<Sent> {
    let why = now.told["error-desc"].as_str().unwrap_or("it was called off").to_owned();
    tidy(qmp).await.map_err(doing)?;
    match now.status.as_str() {
        "cancelled" => Err(Error::conflict("the guest's way to another host was called off").with_code("called_off")),
        _ => Err(Error::conflict("the guest could not be sent to the other host").with_internal(why)),
    }
}

/// The guest stays. `Conflict`: it has left.
pub async fn call_off(live: Live, known: CallOff) -> Result<()> {
    let qmp = live.qmp.ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    let mut notices = qmp.notices();
    loop {
        let now = view(&qmp).await.map_err(doing)?;
        match now.status.as_str() {
            "completed" if known == CallOff::NotLanded => return tidy(&qmp).await.map_err(doing),
            status if has_left(status) && now.started => return Err(Error::conflict("the guest has left already")),
            "cancelling" => {}
            "setup" | "active" | "pre-switchover" | "device" | "wait-unplug" => {
                tolerant(&qmp, "migrate_cancel", json!({})).await.map_err(doing)?
            }
            _ => return tidy(&qmp).await.map_err(doing),
        }
        let _ = timeout(LOOK, notices.recv()).await;
    }
}

/// The guest goes on over there from now on.
pub async fn hasten(live: Live) -> Result<()> {
    let qmp = live.qmp.ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    let now = view(&qmp).await.map_err(doing)?;
    match now.status.as_str() {
        "active" | "setup" if now.started => wish(&qmp).await.map_err(doing),
        status if has_left(status) && now.started => Ok(()),
        _ => Err(Error::conflict("the guest's memory is not on its way")),
    }
}

/// Whether the guest is on its way.
pub async fn is_begun(qmp: &Qmp) -> QmpResult<bool> {
    view(qmp).await.map(|now| now.begun)
}

/// Whether the guest was sent, and nobody has said that it did not arrive.
pub async fn is_elsewhere(qmp: &Qmp) -> QmpResult<bool> {
    let now = view(qmp).await?;
    Ok(now.started && has_left(&now.status))
}

/// Takes away what sending has left in QEMU, mirrors that still run included: the disks here are whole without them.
async fn tidy(qmp: &Qmp) -> QmpResult<()> {
    let mut notices = qmp.notices();
    loop {
        let jobs = view(qmp).await?.jobs;
        for job in &jobs {
            let id = &job["id"];
            match job["status"].as_str() {
                Some("concluded") => tolerant(qmp, "job-dismiss", json!({"id": id})).await?,
                Some("aborting" | "pending" | "null") => {}
                _ => tolerant(qmp, "block-job-cancel", json!({"device": id, "force": true})).await?,
            }
        }
        if jobs.is_empty() {
            break;
        }
        let _ = timeout(LOOK, notices.recv()).await;
    }
    for node in adopt::nodes(qmp).await?.into_iter().filter(|n| n.starts_with(PREFIX)) {
        tolerant(qmp, "blockdev-del", json!({"node-name": node})).await?;
    }
    let ours = |name: &String| name.starts_with(STARTED) || [CREDENTIALS, HASTE].contains(&name.as_str());
    for object in adopt::objects(qmp).await?.into_iter().filter(ours) {
        tolerant(qmp, "object-del", json!({"id": object})).await?;
    }
    Ok(())
}

pub async fn progress(live: &Live) -> Result<Progress> {
    let qmp = live.qmp.as_ref().ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    let now = view(qmp).await.map_err(doing)?;
    let stage = match now.status.as_str() {
        _ if !now.begun => Stage::None,
        _ if !now.started => Stage::Disks,
        "completed" => Stage::Sent,
        status if has_left(status) => Stage::PostCopy,
        "failed" | "cancelled" => Stage::Failed,
        _ => Stage::Memory,
    };
    let ram = |key: &str| now.told["ram"][key].as_u64().unwrap_or(0);
    let disks = |key: &str| now.jobs.iter().filter_map(|j| j[key].as_u64()).sum();
    Ok(Progress {
        stage,
        memory_total: ram("total"),
        memory_sent: ram("transferred"),
        memory_left: ram("remaining"),
        disk_total: disks("total-progress"),
        disk_sent: disks("current-progress"),
        downtime_ms: now.told["downtime"].as_u64(),
    })
}
