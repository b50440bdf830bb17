//! Disks and network interfaces put into a running guest and taken out of it.
//!
//! ```text
//!   attach   record ▶ make the back end ▶ plug the device                     refused: back end away, out of the record
//!   detach   ask the guest ▶ DEVICE_DELETED ▶ back end away ▶ out of the record
//! ```
//!
//! Killed anywhere in between, the next driver sees from the guest's devices how far it came (`adopt::mend`). A guest that lets
//! a device go after patience was over is believed then: `let_go` finishes the work.

use super::{Vm, adopt, moving};
use crate::{
    key_file::{self, KeyFile},
    qemu::{
        machine::{self, Board, Setting, disk, nic},
        qmp::{Notice, Qmp, QmpError, QmpResult},
    },
};
use compute::driver::{Disk, DiskSource, Fence, Nic};
use kernel::{Error, PortId, Result};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    sync::broadcast,
    time::{Instant, sleep_until},
};

/// A guest that was busy is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl Vm {
    pub async fn attach_disk(&mut self, disk: &Disk, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let board = self.board()?;
        let parts = disk::parts(disk, &board, &self.setting())?;
        let qmp = self.monitor()?.cloned();
        let key = if qmp.is_some() { key_file::of_disk(disk)? } else { None };
        let Some(record) = &mut self.record else { return Err(self.not_running()) };
        if !record.spec.disks.iter().any(|d| d.id == disk.id) {
            if qmp.is_some() && !machine::address::hot_pluggable(disk.bus) {
                return Err(Error::bad_request(
                    "a disk on an IDE, SATA or USB bus cannot be attached to a running guest",
                ));
            }
            let mut disks = record.spec.disks.clone();
            disks.push(disk.clone());
            machine::check_disks(&disks)?;
            record.spec.disks = disks;
            self.save().await?;
        }
        if let Some(qmp) = qmp {
            let controllers = disk::controllers(std::iter::once(disk.bus), &board);
            if let Err(e) = plug_disk(&qmp, disk, &parts, &controllers, key.as_ref()).await {
                if matches!(e, QmpError::Refused { .. }) {
                    self.forget_disk(&disk.id, Some(&qmp)).await?;
                }
                return Err(plug_failed(e, "attaching a disk"));
            }
        }
        self.tell();
        Ok(())
    }

    /// The limits are QEMU's before they are the record's: done again, a change that a kill cut short is made whole.
    pub async fn limit_disk(&mut self, disk: &Disk, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let qmp = self.monitor()?.cloned();
        let known = self.record.as_mut().and_then(|r| r.spec.disks.iter_mut().find(|d| d.id == disk.id));
        let absent = || Error::not_found(format!("server {} has no disk {} here", self.server, disk.id));
        let known = known.ok_or_else(absent)?;
        if known.io == disk.io {
            return Ok(());
        }
        if let Some(qmp) = &qmp {
            let set = disk::set_limits(known.slot, &disk.io);
            match qmp.execute("qom-set", set).await {
                // A guest that was started before disks could be limited at any time: it is from its next start on.
                Err(e) if e.not_found() => {
                    tracing::warn!(disk = %disk.id, "a disk's limits wait for the guest's next start")
                }
                other => drop(other.map_err(|e| e.while_doing("limiting a disk"))?),
            }
        }
        known.io = disk.io;
        self.save().await
    }

    pub async fn detach_disk(&mut self, id: &str, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let known = self.record.as_ref().is_some_and(|r| r.spec.disks.iter().any(|d| d.id == id));
        if !known {
            return Ok(());
        }
        let qmp = self.monitor()?.cloned();
        if let Some(qmp) = &qmp {
            if moving::is_any(qmp).await.map_err(|e| e.while_doing("looking for disks that move"))? {
                return Err(Error::unavailable("a disk of the guest is being moved"));
            }
            self.unplug(qmp, id).await?;
        }
        self.forget_disk(id, qmp.as_ref()).await
    }

    pub async fn attach_nic(&mut self, nic: &Nic, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let parts = nic::parts(nic, &self.board()?, &self.setting())?;
        let qmp = self.monitor()?.cloned();
        if qmp.is_some() {
            nic::check_tap(nic)?;
        }
        let Some(record) = &mut self.record else { return Err(self.not_running()) };
        if !record.spec.nics.iter().any(|n| n.port == nic.port) {
            let mut nics = record.spec.nics.clone();
            nics.push(nic.clone());
            machine::check_nics(&nics)?;
            record.spec.nics = nics;
            self.save().await?;
        }
        if let Some(qmp) = qmp
            && let Err(e) = plug_nic(&qmp, &parts).await
        {
            if matches!(e, QmpError::Refused { .. }) {
                self.forget_nic(&nic.port, Some(&qmp)).await?;
            }
            return Err(plug_failed(e, "attaching a network interface"));
        }
        self.tell();
        Ok(())
    }

    pub async fn detach_nic(&mut self, port: &PortId, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let known = self.record.as_ref().is_some_and(|r| r.spec.nics.iter().any(|n| &n.port == port));
        if !known {
            return Ok(());
        }
        let qmp = self.monitor()?.cloned();
        if let Some(qmp) = &qmp {
            self.unplug(qmp, &nic::device_id(port)).await?;
        }
        self.forget_nic(port, qmp.as_ref()).await
    }

    /// A disk behind the guest has become larger.
    pub async fn resize_disk(&mut self, id: &str, size: u64) -> Result<()> {
        if let Some(broken) = &self.broken {
            return Err(broken.why.clone());
        }
        let disk = self.record.as_ref().and_then(|r| r.spec.disks.iter().find(|d| d.id == id)).cloned();
        let disk = disk.ok_or_else(|| Error::not_found(format!("server {} has no disk {id} here", self.server)))?;
        // A guest that does not run sees the new size when it starts.
        let Some(qmp) = self.monitor()?.cloned() else { return Ok(()) };
        grow(&qmp, &disk, size, &self.setting()).await.map_err(|e| e.while_doing("growing a disk in a guest"))
    }

    /// The guest let a device go by itself, or later than we waited for it.
    pub(super) async fn let_go(&mut self, device: &str) {
        let Some(record) = &self.record else { return };
        let disk = record.spec.disks.iter().find(|d| d.id == device).map(|d| d.id.clone());
        let port = record.spec.nics.iter().find(|n| nic::device_id(&n.port) == device).map(|n| n.port.clone());
        let Ok(qmp) = self.monitor().map(|m| m.cloned()) else { return };
        // The notice may be an old one, of a device that has come back since.
        if let Some(qmp) = &qmp
            && adopt::devices(qmp).await.is_ok_and(|there| there.contains(device))
        {
            return;
        }
        let done = match (disk, port) {
            (Some(id), _) => self.forget_disk(&id, qmp.as_ref()).await,
            (_, Some(port)) => self.forget_nic(&port, qmp.as_ref()).await,
            _ => Ok(()),
        };
        if let Err(e) = done {
            tracing::warn!(server = %self.server, device, error = %e.internal_text(), "cannot clean up after a device");
        }
    }

    /// What its disks and interfaces are put on.
    fn board(&self) -> Result<Board> {
        let spec = self.record.as_ref().map(|r| &r.spec).ok_or_else(|| self.not_running())?;
        Ok(Board::of(spec))
    }

    /// Removes the back end of a disk that is not in the guest, then the disk from the record.
    async fn forget_disk(&mut self, id: &str, qmp: Option<&Qmp>) -> Result<()> {
        let Some(record) = &mut self.record else { return Ok(()) };
        if let (Some(qmp), Some(disk)) = (qmp, record.spec.disks.iter().find(|d| d.id == id)) {
            let removed = adopt::remove_disk_backend(qmp, disk.slot).await;
            removed.map_err(|e| e.while_doing("closing a detached disk"))?;
        }
        record.spec.disks.retain(|d| d.id != id);
        self.save().await?;
        self.tell();
        Ok(())
    }

    async fn forget_nic(&mut self, port: &PortId, qmp: Option<&Qmp>) -> Result<()> {
        let Some(record) = &mut self.record else { return Ok(()) };
        if let (Some(qmp), Some(nic)) = (qmp, record.spec.nics.iter().find(|n| &n.port == port)) {
            match qmp.execute("netdev_del", json!({"id": nic::backend_id(nic.slot)})).await {
                // Refused: it is not there.
                Ok(_) | Err(QmpError::Refused { .. }) => {}
                Err(e) => return Err(e.while_doing("closing a detached network interface")),
            }
        }
        record.spec.nics.retain(|n| &n.port != port);
        self.save().await?;
        self.tell();
        Ok(())
    }

    /// Asks the guest to let a device go and waits until it has.
    async fn unplug(&self, qmp: &Qmp, device: &str) -> Result<()> {
        let doing = |e: QmpError| e.while_doing("taking a device out of a guest");
        let mut notices = qmp.notices();
        let deadline = Instant::now() + self.shared.config.detach_patience;
        loop {
            match qmp.execute("device_del", json!({"id": device})).await {
                Err(e) if e.not_found() => return Ok(()),
                // "already in the process of unplug": asked before, not yet answered.
                Ok(_) | Err(QmpError::Refused { .. }) => {}
                Err(e) => return Err(doing(e)),
            }
            let again = deadline.min(Instant::now() + ASK_AGAIN);
            if deleted(&mut notices, device, again, self.hurried()).await
                || !adopt::devices(qmp).await.map_err(doing)?.contains(device)
            {
                return Ok(());
            }
            if Instant::now() >= deadline || *self.urgent.borrow() > 0 {
                return Err(Error::conflict(format!("the guest does not let device {device} go")));
            }
        }
    }
}

/// True when the device was seen to go; false after `until`, or when the caller must hurry.
async fn deleted(
    notices: &mut broadcast::Receiver<Notice>,
    device: &str,
    until: Instant,
    hurried: impl Future<Output = ()>,
) -> bool {
    tokio::pin!(hurried);
    loop {
        tokio::select! {
            notice = notices.recv() => match notice {
                Ok(notice) if notice.deleted(device) => return true,
                Ok(Notice::Closed) | Err(broadcast::error::RecvError::Closed) => return false,
                _ => {}
            },
            () = sleep_until(until) => return false,
            () = &mut hurried => return false,
        }
    }
}

async fn plug_disk(
    qmp: &Qmp,
    disk: &Disk,
    parts: &disk::DiskParts,
    controllers: &[Value],
    key: Option<&KeyFile>,
) -> QmpResult<()> {
    let present = adopt::devices(qmp).await?;
    if present.contains(&disk.id) {
        return Ok(());
    }
    // What an attempt before this one left.
    adopt::remove_disk_backend(qmp, disk.slot).await?;
    for controller in controllers.iter().filter(|c| !c["id"].as_str().is_some_and(|id| present.contains(id))) {
        qmp.execute("device_add", controller.clone()).await?;
    }
    if let Some(key) = key {
        qmp.execute("object-add", disk::key(disk.slot, &key.path())).await?;
    }
    for object in &parts.objects {
        qmp.execute("object-add", object.clone()).await?;
    }
    for node in &parts.nodes {
        qmp.execute("blockdev-add", node.clone()).await?;
    }
    qmp.execute("device_add", parts.device.clone()).await.map(drop)
}

async fn plug_nic(qmp: &Qmp, parts: &nic::NicParts) -> QmpResult<()> {
    if adopt::devices(qmp).await?.contains(parts.device["id"].as_str().unwrap_or_default()) {
        return Ok(());
    }
    // What an attempt before this one left; refused when there is nothing.
    let _ = qmp.execute("netdev_del", json!({"id": parts.backend["id"]})).await;
    qmp.execute("netdev_add", parts.backend.clone()).await?;
    qmp.execute("device_add", parts.device.clone()).await.map(drop)
}

fn plug_failed(e: QmpError, doing: &str) -> Error {
    let QmpError::Refused { desc, .. } = &e else { return e.while_doing(doing) };
    let lower = desc.to_ascii_lowercase();
    if lower.contains("failed to get \"write\" lock") || lower.contains("is another process using the image") {
        return Error::conflict("the disk is in use by another process").with_internal(doing).with_source(e);
    }
    e.while_doing(doing)
}

/// Shows the guest the new size of a disk. A file's and a Ceph image's is set through QEMU, an NBD export's is learned by
/// connecting anew.
async fn grow(qmp: &Qmp, disk: &Disk, size: u64, setting: &Setting<'_>) -> QmpResult<()> {
    let top = disk::top_node(disk.slot);
    let list = qmp.execute("query-named-block-nodes", json!({"flat": true})).await?;
    let node = |name: &str| list.as_array().into_iter().flatten().find(|n| n["node-name"] == name);
    // Of an encrypted disk the guest sees what is left beside the header.
    let format = disk::format_nodes(disk.slot).iter().find_map(|name| node(name));
    let header = format.and_then(|n| n["image"]["format-specific"]["data"]["payload-offset"].as_u64());
    let size = size.saturating_sub(header.unwrap_or(0));
    if node(&top).and_then(|n| n["image"]["virtual-size"].as_u64()).is_some_and(|now| now >= size) {
        return Ok(());
    }
    if matches!(disk.source, DiskSource::NbdUnix { .. } | DiskSource::NbdTcp { .. }) {
        replace_storage(qmp, disk, setting).await?;
    }
    qmp.execute("block_resize", json!({"node-name": top, "size": size})).await.map(drop)
}

/// Puts a new connection under a disk's format node and closes the old one.
async fn replace_storage(qmp: &Qmp, disk: &Disk, setting: &Setting<'_>) -> QmpResult<()> {
    let there = adopt::nodes(qmp).await?;
    let mut used = None;
    for name in disk::storage_nodes(disk.slot).into_iter().filter(|n| there.contains(n)) {
        // One may be left from an attempt before; QEMU deletes only what is not in use.
        if qmp.execute("blockdev-del", json!({"node-name": name})).await.is_err() {
            used = Some(name);
        }
    }
    let [first, second] = disk::storage_nodes(disk.slot);
    let fresh = if used.as_ref() == Some(&first) { second } else { first };
    let refused = |e: Error| QmpError::Refused {
        command: "blockdev-add".into(),
        class: "GenericError".into(),
        desc: e.message().to_owned(),
    };
    qmp.execute("blockdev-add", disk::storage(disk, &fresh, setting).map_err(refused)?).await?;
    let [_, moved] = disk::format_nodes(disk.slot);
    let format = if there.contains(&moved) { moved } else { disk::format_node(disk) };
    qmp.execute("blockdev-reopen", json!({"options": [disk::format(disk, &format, &fresh)]})).await?;
    if let Some(used) = used {
        qmp.execute("blockdev-del", json!({"node-name": used})).await?;
    }
    Ok(())
}
