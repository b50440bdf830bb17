//! Finding a VM again: what the record announced, what is alive, and what follows from both (the table in `record`).

use super::{Broken, Guest, Run, Vm};
use crate::qemu::{
    machine::{disk, nic},
    process::{self, Lock, Part, Process},
    qmp::{Qmp, QmpResult},
    record::{Before, Phase},
};
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep};

impl Vm {
    pub(super) async fn adopt(&mut self) {
        self.broken = None;
        if let Err(e) = self.try_adopt().await {
            tracing::error!(server = %self.server, error = %e.internal_text(), "cannot take over a VM");
            let alive = matches!(process::try_lock(&self.dir, Part::Qemu), Ok(Lock::Held));
            self.broken = Some(Broken { why: e, alive });
        }
        self.hold_agent_channel().await;
        self.tell();
    }

    async fn try_adopt(&mut self) -> Result<()> {
        self.record = self.dir.read()?;
        let Some(record) = &self.record else {
            // Nothing was announced, so nothing was begun, or all but the directory was removed.
            process::sweep(&self.dir, self.shared.config.quit_patience).await?;
            return self.dir.remove().await;
        };
        self.seen = record.generation;
        let phase = record.phase;
        let process = self.living().await?;
        tracing::debug!(server = %self.server, ?phase, pid = process.as_ref().map(Process::pid), "taking over a VM");
        match (phase, process) {
            (Phase::Destroying, process) => {
                self.guest = process.map(unanswering);
                self.erase().await
            }
            (Phase::Starting { before }, process) => self.finish_start(before, process).await,
            (Phase::On | Phase::Rebooting | Phase::Arriving, Some(process)) => {
                self.guest = Some(unanswering(process));
                self.take_over().await;
                Ok(())
            }
            (Phase::Arriving, None) => self.erase().await,
            (Phase::On | Phase::Rebooting, None) => self.ended(Phase::Crashed).await,
            (Phase::Stopping | Phase::Shutdown, process) => {
                self.guest = process.map(unanswering);
                self.ended(Phase::Shutdown).await
            }
            (Phase::Suspended, process) => {
                self.guest = process.map(unanswering);
                self.ended(Phase::Suspended).await
            }
            (Phase::Crashed, process) => {
                self.guest = process.map(unanswering);
                self.ended(Phase::Crashed).await
            }
        }
    }

    /// The VM's live process. A lock that is held by what cannot be found (yet) is waited for.
    async fn living(&self) -> Result<Option<Process>> {
        let deadline = Instant::now() + self.shared.config.quit_patience;
        loop {
            if let Lock::Free(_) = process::try_lock(&self.dir, Part::Qemu)? {
                return Ok(None);
            }
            if let Some(process) = process::find(&self.dir)? {
                return Ok(Some(process));
            }
            if Instant::now() > deadline {
                return Err(Error::unavailable("a process of the server cannot be found")
                    .with_internal(format!("{} is held by nobody known", self.dir.lock().display())));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ended(&mut self, phase: Phase) -> Result<()> {
        self.end_process().await?;
        if self.record.as_ref().is_some_and(|r| r.phase != phase) {
            self.note(phase).await;
        }
        Ok(())
    }

    /// The driver was killed in the middle of a start: it either came about, or never was.
    async fn finish_start(&mut self, before: Before, process: Option<Process>) -> Result<()> {
        if before == Before::Suspended {
            // Half of its memory may have been read; all of it is still on disk.
            self.guest = process.map(unanswering);
            return self.ended(Phase::Suspended).await;
        }
        if let Some(process) = process {
            let deadline = Instant::now() + self.shared.config.start_patience;
            if let Ok(monitor) = self.comes_up(&process, deadline).await {
                let spec = self.record.as_ref().map(|r| r.spec.clone());
                let (pid, qmp) = (process.pid(), monitor.qmp.clone());
                self.guest =
                    Some(Guest { process, monitor: Some(monitor), agent: None, held_until: None, run: Run::Running });
                if let Some(spec) = spec {
                    self.hold_to(&spec, pid, &qmp).await?;
                }
                self.note(Phase::On).await;
                return self.look().await;
            }
        }
        match before {
            Before::Absent => self.erase().await,
            Before::Shutdown => self.ended(Phase::Shutdown).await,
            Before::Crashed | Before::Suspended => self.ended(Phase::Crashed).await,
        }
    }

    /// Connects to a guest that ran before and will go on; mends what a killed driver left half done in it. One that does not
    /// answer is kept as it is: upkeep tries again.
    async fn take_over(&mut self) {
        let deadline = Instant::now() + self.shared.config.monitor_patience;
        let taken = match self.first_answer(deadline).await {
            Ok(monitor) => {
                let qmp = monitor.qmp.clone();
                if let Some(guest) = &mut self.guest {
                    guest.monitor = Some(monitor);
                }
                let mended = self.mend(&qmp).await.map_err(|e| e.while_doing("mending a guest's devices"));
                mended.and(self.look().await)
            }
            Err(e) => Err(e),
        };
        if let Err(e) = taken {
            tracing::warn!(server = %self.server, error = %e.internal_text(), "QEMU lives but does not answer as it should");
        }
    }

    /// Devices are recorded before they are plugged and until they are gone. So what is recorded but not in the guest is an
    /// attach not done or a detach done: forget it, and remove its back end. Copies have nobody waiting for them any more.
    async fn mend(&mut self, qmp: &Qmp) -> QmpResult<()> {
        super::copy::abandon_all(qmp).await?;
        let present = devices(qmp).await?;
        let Some(record) = &mut self.record else { return Ok(()) };
        let spec = &mut record.spec;
        let (disks, nics) = (spec.disks.len(), spec.nics.len());
        let lost: Vec<u8> = spec.disks.iter().filter(|d| !present.contains(&d.id)).map(|d| d.slot).collect();
        let cut: Vec<u8> =
            spec.nics.iter().filter(|n| !present.contains(&nic::device_id(&n.port))).map(|n| n.slot).collect();
        spec.disks.retain(|d| present.contains(&d.id));
        spec.nics.retain(|n| present.contains(&nic::device_id(&n.port)));
        let changed = (disks, nics) != (spec.disks.len(), spec.nics.len());
        for slot in lost {
            remove_disk_backend(qmp, slot).await?;
        }
        for slot in cut {
            // Refused: it was never made.
            let _ = qmp.execute("netdev_del", json!({"id": nic::backend_id(slot)})).await;
        }
        if changed {
            let phase = self.record.as_ref().map_or(Phase::On, |r| r.phase);
            self.note(phase).await;
        }
        Ok(())
    }
}

fn unanswering(process: Process) -> Guest {
    Guest { process, monitor: None, agent: None, held_until: None, run: Run::Running }
}

/// Ids of the devices in the guest.
pub(super) async fn devices(qmp: &Qmp) -> QmpResult<BTreeSet<String>> {
    let list = qmp.execute("qom-list", json!({"path": "/machine/peripheral"})).await?;
    let names = list.as_array().into_iter().flatten().filter_map(|d| d["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Names of the objects that were put into QEMU: keys, credentials, marks of ours.
pub(super) async fn objects(qmp: &Qmp) -> QmpResult<BTreeSet<String>> {
    let list = qmp.execute("qom-list", json!({"path": "/objects"})).await?;
    let names = list.as_array().into_iter().flatten().filter_map(|o| o["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Names of the block nodes in QEMU.
pub(super) async fn nodes(qmp: &Qmp) -> QmpResult<BTreeSet<String>> {
    let list = qmp.execute("query-named-block-nodes", json!({"flat": true})).await?;
    Ok(list.as_array().into_iter().flatten().filter_map(|n| n["node-name"].as_str()).map(str::to_owned).collect())
}

/// Deletes what is there of the block nodes and the limits of a disk whose device is not in the guest.
pub(super) async fn remove_disk_backend(qmp: &Qmp, slot: u8) -> QmpResult<()> {
    let there = nodes(qmp).await?;
    for name in disk::all_nodes(slot).iter().filter(|n| there.contains(*n)) {
        qmp.execute("blockdev-del", json!({"node-name": name})).await?;
    }
    let objects: Value = qmp.execute("qom-list", json!({"path": "/objects"})).await?;
    for object in [disk::throttle_group(slot), disk::key_object(slot)] {
        if objects.as_array().into_iter().flatten().any(|o| o["name"] == object.as_str()) {
            qmp.execute("object-del", json!({"id": object})).await?;
        }
    }
    Ok(())
}
