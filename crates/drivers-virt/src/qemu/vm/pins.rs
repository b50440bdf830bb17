//! Which processors the threads of a guest may run on.
//!
//! A vCPU with a processor of its own gets that one, the others of a cell the processors that guests share there, and QEMU's own
//! threads all that the guest has. QEMU itself may not change this (its seccomp filter), so it is done from here, once, as soon
//! as the threads are there; memory is bound by QEMU's command line before.

use crate::qemu::qmp::Qmp;
use compute::driver::VmSpec;
use kernel::{Error, Result, error::Doing};
use rustix::{
    process::Pid,
    thread::{CpuSet, sched_setaffinity},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// Does nothing for a guest without wishes.
pub fn pin(spec: &VmSpec, pid: i32, threads: &BTreeMap<i32, u64>) -> Result<()> {
    if spec.cells.is_empty() {
        return Ok(());
    }
    let all: BTreeSet<u32> = spec.cells.iter().flat_map(|c| c.pins.values().chain(&c.shared)).copied().collect();
    for task in tasks(pid)? {
        let allowed = match threads.get(&task) {
            Some(vcpu) => processors(spec, u32::try_from(*vcpu).unwrap_or(u32::MAX)),
            None => all.clone(),
        };
        bind(task, &allowed)?;
    }
    Ok(())
}

/// The thread of each vCPU; without `thread=multi` all of them have one.
pub async fn vcpu_threads(qmp: &Qmp) -> Result<BTreeMap<i32, u64>> {
    let cpus = qmp.execute("query-cpus-fast", json!({})).await;
    let cpus = cpus.map_err(|e| e.while_doing("asking QEMU for a guest's threads"))?;
    let thread_of =
        |cpu: &serde_json::Value| Some((i32::try_from(cpu["thread-id"].as_i64()?).ok()?, cpu["cpu-index"].as_u64()?));
    Ok(cpus.as_array().into_iter().flatten().filter_map(thread_of).collect())
}

fn tasks(pid: i32) -> Result<Vec<i32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).doing("listing a guest's threads")?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// Where a vCPU may run.
fn processors(spec: &VmSpec, vcpu: u32) -> BTreeSet<u32> {
    let cell = spec.cells.iter().find(|cell| cell.vcpus.contains(&vcpu));
    match cell {
        Some(cell) => cell.pins.get(&vcpu).map_or_else(|| cell.shared.clone(), |own| [*own].into()),
        None => BTreeSet::new(),
    }
}

fn bind(task: i32, to: &BTreeSet<u32>) -> Result<()> {
    let (Some(task), false) = (Pid::from_raw(task), to.is_empty()) else { return Ok(()) };
    let mut set = CpuSet::new();
    to.iter().for_each(|cpu| set.set(*cpu as usize));
    match sched_setaffinity(Some(task), &set) {
        // A thread that has ended needs no processor.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(e) => {
            Err(Error::conflict(format!("the host has not all of the processors {to:?} for the guest")).with_source(e))
        }
    }
}
