//! One guest on paper.

use super::host::FakeSettings;
use crate::key_file;
use crate::{conformance::BOOTED, console::last_lines};
use compute::driver::{DiskSource, Tail, VmLimits, VmSpec, VmState, VmStats, VmStatus};
use kernel::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    time::Duration,
};

/// Console logs show at most this many boots.
const SHOWN_BOOTS: u32 = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Guest {
    pub spec: VmSpec,
    pub generation: u64,
    pub state: VmState,
    /// How often it was started or reset.
    pub boots: u32,
    pub booted_at: Timestamp,
    /// It does not hear its power button and keeps its devices.
    pub deaf: bool,
    /// It has gone to another host.
    #[serde(default)]
    pub sent: bool,
    /// Until when its file systems are held.
    #[serde(default)]
    pub held: Option<Timestamp>,
    /// Where disks are mirrored to, by their ids.
    #[serde(default)]
    pub mirrors: BTreeMap<String, DiskSource>,
}

/// What no host could run is refused here as well.
pub(crate) fn check(spec: &VmSpec) -> Result<()> {
    let disks = &spec.disks;
    let ids: BTreeSet<_> = disks.iter().map(|d| &d.id).collect();
    let slots: BTreeSet<_> = disks.iter().map(|d| d.slot).collect();
    let ports: BTreeSet<_> = spec.nics.iter().map(|n| &n.port).collect();
    let places: BTreeSet<_> = spec.nics.iter().map(|n| n.slot).collect();
    let unique = ids.len() == disks.len()
        && slots.len() == disks.len()
        && ports.len() == spec.nics.len()
        && places.len() == spec.nics.len();
    // The reference driver's room: 26 disks, 27 nics.
    let room = slots.iter().all(|s| *s < 26) && places.iter().all(|s| *s < 27);
    let has_room = spec.room.is_none_or(|room| room.holds(spec.vcpus, spec.memory_mib));
    let fills = spec.hardware.package.fills(spec.most_vcpus());
    if unique && room && has_room && fills && spec.vcpus > 0 && spec.memory_mib > 0 {
        return Ok(());
    }
    Err(Error::bad_request(
        "no guest can be made of this: a doubled or impossible slot, no vCPU or no memory, half a socket",
    ))
}

impl Guest {
    /// Starts a guest, in place of the one that is there.
    pub fn boot(slot: &mut Option<Self>, spec: &VmSpec) -> Result<()> {
        check(spec)?;
        key_file::check(spec)?;
        let (boots, deaf, generation) = slot.as_ref().map_or((0, false, 0), |g| (g.boots, g.deaf, g.generation));
        *slot = Some(Self {
            spec: spec.clone(),
            generation,
            state: VmState::Running,
            boots: boots + 1,
            booted_at: Timestamp::default(),
            deaf,
            sent: false,
            held: None,
            mirrors: BTreeMap::new(),
        });
        Ok(())
    }

    /// One that runs elsewhere still.
    pub fn arriving(spec: &VmSpec) -> Self {
        Self {
            spec: spec.clone(),
            generation: 0,
            state: VmState::Arriving,
            boots: 0,
            booted_at: Timestamp::default(),
            deaf: false,
            sent: false,
            held: None,
            mirrors: BTreeMap::new(),
        }
    }

    /// Other vCPUs and memory for a guest that runs; a deaf one gives nothing back.
    pub fn reshape(&mut self, to: &VmSpec) -> Result<()> {
        if !self.is_alive() {
            return Err(Error::conflict("the guest does not run"));
        }
        let same = (self.spec.vcpus, self.spec.memory_mib) == (to.vcpus, to.memory_mib);
        check(to)?;
        let keeps = to.vcpus < self.spec.vcpus || (self.deaf && to.memory_mib < self.spec.memory_mib);
        if !same && (keeps || to.room.is_none() || self.spec.room != to.room) {
            return Err(Error::conflict("the guest has no room for this shape, or gives nothing back"));
        }
        self.spec = self.spec.shaped_as(to);
        Ok(())
    }

    /// All that was asked for is in force.
    pub fn limits(&self) -> Option<VmLimits> {
        let spec = &self.spec;
        self.is_alive().then(|| VmLimits {
            vcpus: spec.vcpus,
            memory_mib: spec.memory_mib,
            lent_mib: spec.room.map_or(0, |room| spec.memory_mib.saturating_sub(room.base_mib)),
            cpu_shares: spec.cpu_shares,
            cpu_quota_milli: spec.cpu_quota_milli,
            disks: spec.disks.iter().map(|d| (d.id.clone(), d.io)).collect(),
        })
    }

    /// It has a process.
    pub fn is_alive(&self) -> bool {
        self.state.is_on()
    }

    pub fn status(&self) -> VmStatus {
        VmStatus {
            server: self.spec.server.clone(),
            state: self.state,
            generation: self.generation,
            disks: self.spec.disks.iter().map(|d| d.id.clone()).collect(),
            ports: self.spec.nics.iter().map(|n| n.port.clone()).collect(),
        }
    }

    /// How long after the power button it is off; `None`: never.
    pub fn powers_off_in(&self, settings: &FakeSettings) -> Option<Duration> {
        (!self.deaf).then_some(settings.shutdown_time)
    }

    pub fn lets_go(&self, there: bool, device: impl Display) -> Result<()> {
        if there && self.deaf && self.is_alive() {
            return Err(Error::conflict(format!("the guest does not let device {device} go")));
        }
        Ok(())
    }

    /// What it has said: the same at every boot, so it need not be kept.
    pub fn console(&self, tail: Tail, now: Timestamp, settings: &FakeSettings) -> String {
        let mut text = String::new();
        for boot in self.boots.saturating_sub(SHOWN_BOOTS) + 1..=self.boots {
            let finished = boot < self.boots || now.since(self.booted_at) >= settings.boot_time;
            text += &boot_text(&self.spec, boot, finished && !self.deaf);
        }
        match tail {
            Tail::All => text,
            Tail::Lines(n) => last_lines(&text, n).to_owned(),
        }
    }

    /// Plausible counters of a guest that does little.
    pub fn stats(&self, now: Timestamp) -> Option<VmStats> {
        if !self.is_alive() {
            return None;
        }
        let uptime = now.since(self.booted_at);
        let busy = u64::try_from(uptime.as_nanos() / 100).unwrap_or(u64::MAX);
        let disk = |id: &String| (id.clone(), 1000, 32 << 20, 100, 4 << 20);
        Some(VmStats {
            uptime_seconds: uptime.as_secs(),
            cpu_time_ns: vec![busy; self.spec.vcpus as usize],
            memory_max_kib: self.spec.memory_mib * 1024,
            memory_used_kib: self.spec.memory_mib * 512,
            disks: self.spec.disks.iter().map(|d| disk(&d.id)).collect(),
        })
    }
}

fn boot_text(spec: &VmSpec, boot: u32, finished: bool) -> String {
    let memory = spec.memory_mib * 1024;
    let mut text = format!(
        "[    0.000000] fake guest {} starts, boot {boot}\n\
         [    0.000000] Memory: {memory}K/{memory}K available\n\
         [    0.004000] smp: Brought up 1 node, {} CPUs\n",
        spec.name, spec.vcpus
    );
    for disk in &spec.disks {
        text += &format!("[    0.008000] disk {} in slot {}\n", disk.id, disk.slot);
    }
    for nic in &spec.nics {
        text += &format!("[    0.012000] network interface {} in slot {}\n", nic.mac, nic.slot);
    }
    for step in
        ["mounting the root file system", "starting services", "looking for metadata", "starting the ssh server"]
    {
        text += &format!("[    0.016000] {step}\n");
    }
    if finished {
        text += &format!("{BOOTED}\n{} login:\n", spec.name);
    }
    text
}
