//! More or less of vCPUs, memory and CPU time for a guest that runs, and what it is held to.
//!
//! ```text
//!   memory up    ask the guest to take more of what is lent     (a guest that still boots takes it when it can)
//!   memory down  ask it to give back ▶ wait until it has        it does not: it is asked to keep what it had, and the call refused
//!   vCPUs up     fill empty sockets, lowest first               one cannot be filled: the call refused, those filled stay filled
//!   vCPUs down   refused: QEMU 7.2 under TCG damages its heap when a vCPU is taken out
//! ```
//!
//! What QEMU has decides, not the record: done again, a change that a kill cut short is made whole.

use super::{Live, Vm, adopt, pins};
use crate::qemu::{
    cgroup::Cgroups,
    machine::{disk, room},
    qmp::{Qmp, QmpError, QmpResult},
};
use compute::driver::{Fence, IoLimits, Room, VmLimits, VmSpec};
use kernel::{Error, Result, ServerId, error::Doing};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Between looks at how much a guest has given back; QEMU tells too, but not always.
const LOOK: Duration = Duration::from_millis(200);

impl Vm {
    pub async fn reshape(&mut self, spec: &VmSpec, fence: Fence) -> Result<()> {
        self.admit(fence).await?;
        let Some(qmp) = self.monitor()?.cloned() else { return Err(self.not_running()) };
        let Some(had) = self.record.as_ref().map(|r| r.spec.clone()) else { return Err(self.not_running()) };
        match spec.room.filter(|_| had.room == spec.room) {
            Some(room) => {
                room::check(spec)?;
                self.grow(&qmp, spec, &room).await?;
            }
            None if (had.vcpus, had.memory_mib) != (spec.vcpus, spec.memory_mib) => {
                return Err(Error::conflict("the guest was started without room for this shape"));
            }
            // Other room is for its next start.
            None => {}
        }
        let limiting = "limiting a guest's CPU time";
        self.shared.cgroups.limit(spec).doing(limiting)?;
        if had.vcpus != spec.vcpus {
            let threads = pins::vcpu_threads(&qmp).await?;
            let (waiting, _) = pins::by_class(spec, &threads);
            self.shared.cgroups.take_vcpus(&self.server, &waiting).doing(limiting)?;
        }
        let Some(record) = &mut self.record else { return Err(self.not_running()) };
        let shaped = record.spec.shaped_as(spec);
        if record.spec == shaped {
            return Ok(());
        }
        record.spec = shaped;
        self.save().await?;
        self.tell();
        Ok(())
    }

    async fn grow(&self, qmp: &Qmp, spec: &VmSpec, room: &Room) -> Result<()> {
        let sockets = Sockets::ask(qmp).await.map_err(|e| e.while_doing("asking QEMU for a guest's vCPUs"))?;
        if spec.vcpus < sockets.filled() {
            let why = "a vCPU cannot be taken out of a running guest here: QEMU would be damaged";
            return Err(Error::conflict(why));
        }
        if room::memory(spec).is_some() {
            self.lend(qmp, room::lent_bytes(spec, room)).await?;
        }
        sockets.fill(qmp, spec.vcpus).await.map_err(|e| e.while_doing("adding a vCPU to a guest"))
    }

    /// Has the guest take, or give back, memory.
    async fn lend(&self, qmp: &Qmp, bytes: u64) -> Result<()> {
        let doing = |e: QmpError| e.while_doing("lending memory to a guest");
        let before = lent(qmp, "requested-size").await.map_err(doing)?;
        if before != bytes {
            request(qmp, bytes).await.map_err(doing)?;
        }
        let deadline = Instant::now() + self.shared.config.memory_patience;
        let mut notices = qmp.notices();
        loop {
            let taken = lent(qmp, "size").await.map_err(doing)?;
            if taken <= bytes {
                return Ok(());
            }
            if Instant::now() >= deadline || *self.urgent.borrow() > 0 {
                request(qmp, before.max(taken)).await.map_err(doing)?;
                let kept = (taken - bytes) >> 20;
                return Err(Error::conflict(format!("the guest does not give back {kept} MiB of its memory")));
            }
            let _ = timeout(LOOK, notices.recv()).await;
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn request(qmp: &Qmp, bytes: u64) -> QmpResult<()> {
    let set = json!({"path": device(), "property": "requested-size", "value": bytes});
    qmp.execute("qom-set", set).await.map(drop)
}

/// A property of the device that lends memory.
async fn lent(qmp: &Qmp, property: &str) -> QmpResult<u64> {
    let told = qmp.execute("qom-get", json!({"path": device(), "property": property})).await?;
    Ok(told.as_u64().unwrap_or_default())
}

fn device() -> String {
    format!("/machine/peripheral/{}", room::LENT)
}

/// What tells the places of vCPUs apart, in the order in which they are filled.
const PLACE: [&str; 3] = ["socket-id", "core-id", "thread-id"];

/// The places of a guest's vCPUs.
struct Sockets(Vec<Value>);

impl Sockets {
    async fn ask(qmp: &Qmp) -> QmpResult<Self> {
        let told = qmp.execute("query-hotpluggable-cpus", json!({})).await?;
        let mut all = told.as_array().cloned().unwrap_or_default();
        all.sort_by_key(|place| PLACE.map(|part| place["props"][part].as_u64()));
        Ok(Self(all))
    }

    fn filled(&self) -> u32 {
        let filled = self.0.iter().filter(|socket| socket["qom-path"].is_string()).count();
        u32::try_from(filled).unwrap_or(u32::MAX)
    }

    /// Fills empty ones until so many are filled.
    async fn fill(&self, qmp: &Qmp, vcpus: u32) -> QmpResult<()> {
        let missing = vcpus.saturating_sub(self.filled()) as usize;
        for socket in self.0.iter().filter(|socket| !socket["qom-path"].is_string()).take(missing) {
            let mut cpu = socket["props"].clone();
            cpu["driver"] = socket["type"].clone();
            cpu["id"] = json!(format!("cpu-{}", PLACE.map(|part| socket["props"][part].to_string()).join("-")));
            qmp.execute("device_add", cpu).await?;
        }
        Ok(())
    }
}

/// What is in force on a guest.
pub async fn limits(live: &Live, cgroups: &Cgroups, server: &ServerId) -> Result<VmLimits> {
    let qmp = live.qmp.as_ref().ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    let doing = |e: QmpError| e.while_doing("asking QEMU for a guest's limits");
    let vcpus = Sockets::ask(qmp).await.map_err(doing)?.filled();
    let base = qmp.execute("query-memory-size-summary", json!({})).await.map_err(doing)?;
    let base_mib = base["base-memory"].as_u64().unwrap_or_default() >> 20;
    let lends = adopt::devices(qmp).await.map_err(doing)?.contains(room::LENT);
    let (asked, taken) = match lends {
        true => (lent(qmp, "requested-size").await.map_err(doing)?, lent(qmp, "size").await.map_err(doing)?),
        false => (0, 0),
    };
    let (cpu_shares, cpu_quota_milli) = cgroups.in_force(server);
    let mut limits = VmLimits {
        vcpus,
        memory_mib: base_mib + (asked >> 20),
        lent_mib: taken >> 20,
        cpu_shares,
        cpu_quota_milli,
        ..VmLimits::default()
    };
    for (id, slot) in &live.disks {
        let told = match qmp.execute("qom-get", disk::get_limits(*slot)).await {
            // A guest of a former version has no limits there.
            Err(e) if e.not_found() => continue,
            told => told.map_err(doing)?,
        };
        limits.disks.insert(id.clone(), IoLimits::of_qemu(&told));
    }
    Ok(limits)
}
