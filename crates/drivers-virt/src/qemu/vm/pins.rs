//! Which processors the threads of a guest may run on.
//!
//! A guest without wishes is kept to the processors that guests share, if the host gives others away.
//!
//! A vCPU with a processor of its own gets that one, the others of a cell the processors that guests share there, and QEMU's own
//! threads those that were set apart for them; if none were, all that the guest has, but for those of vCPUs that nothing may keep
//! waiting. QEMU itself may not change this (its seccomp filter), so it is done from here, once, as soon as the threads are there;
//! memory is bound by QEMU's command line before.

use crate::qemu::qmp::Qmp;
use compute::driver::VmSpec;
use kernel::{Error, Result, error::Doing};
use ports::EmulatorFit;
use rustix::{
    process::Pid,
    thread::{CpuSet, sched_setaffinity},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    process::Stdio,
};
use tokio::process::Command;

/// `shared`: where a guest without wishes is to be; empty: anywhere.
pub fn pin(spec: &VmSpec, shared: &BTreeSet<u32>, pid: i32, threads: &BTreeMap<i32, u64>) -> Result<()> {
    if spec.cells.is_empty() {
        let all = tasks(pid).doing("listing a guest's threads")?;
        return all.into_iter().try_for_each(|task| bind(task, shared));
    }
    let own = emulator(spec);
    for task in tasks(pid).doing("listing a guest's threads")? {
        let allowed = match threads.get(&task) {
            Some(vcpu) => processors(spec, u32::try_from(*vcpu).unwrap_or(u32::MAX)),
            None => own.clone(),
        };
        bind(task, &allowed)?;
    }
    Ok(())
}

/// Where QEMU's own threads run.
fn emulator(spec: &VmSpec) -> BTreeSet<u32> {
    match spec.cells.iter().map(|cell| &cell.emulator).find(|place| **place != EmulatorFit::Beside) {
        Some(EmulatorFit::Own(cpu)) => [*cpu].into(),
        Some(EmulatorFit::Shared(cpus)) => cpus.clone(),
        _ => beside(spec),
    }
}

/// The processors of those vCPUs that can be kept waiting. If there are none (which no scheduler since 0.1 lets be), of all.
fn beside(spec: &VmSpec) -> BTreeSet<u32> {
    let waits = |vcpu: &u32| !spec.hardware.realtime.contains(vcpu);
    let all: BTreeSet<u32> = spec.cells.iter().flat_map(|cell| cell.vcpus.iter().copied()).collect();
    let some: BTreeSet<u32> = all.iter().copied().filter(waits).collect();
    let chosen = if some.is_empty() { all } else { some };
    chosen.into_iter().flat_map(|vcpu| processors(spec, vcpu)).collect()
}

/// The threads of vCPUs, apart: those that may be kept waiting, and those that run in real time.
pub fn by_class(spec: &VmSpec, threads: &BTreeMap<i32, u64>) -> (Vec<i32>, Vec<i32>) {
    let waits = |vcpu: u64| !u32::try_from(vcpu).is_ok_and(|vcpu| spec.hardware.realtime.contains(&vcpu));
    let (waiting, realtime): (Vec<_>, Vec<_>) = threads.iter().partition(|(_, vcpu)| waits(**vcpu));
    let ids = |list: Vec<(&i32, &u64)>| list.into_iter().map(|(thread, _)| *thread).collect();
    (ids(waiting), ids(realtime))
}

/// Nova's `realtime_scheduler_priority`: before everything but what the kernel must do.
const PRIORITY: &str = "1";

const NO_REAL_TIME: &str = "the host does not let vCPUs run in real time: tstack there needs CAP_SYS_NICE, and under a kernel that gives real \
     time to control groups, a cpu group (version 1) with cpu.rt_runtime_us, or rt_group_sched=0 on the kernel's command line";

/// Puts threads into the class SCHED_FIFO. What they begin is in the usual one.
pub async fn hurry(threads: &[i32]) -> Result<()> {
    for thread in threads {
        let words = ["--reset-on-fork", "--fifo", "--pid", PRIORITY, &thread.to_string()];
        let done = Command::new("chrt").args(words).env("LC_ALL", "C").stdin(Stdio::null()).output().await;
        let done = done.doing("running chrt")?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(Error::conflict(NO_REAL_TIME).with_internal(why));
        }
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

pub fn tasks(pid: i32) -> io::Result<Vec<i32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conformance::plain_spec, qemu::cgroup::Cgroups};
    use ports::CellFit;

    /// With the kernel's own refusal: a new group of version 1 has no real time where groups are given some.
    #[tokio::test]
    async fn real_time_is_refused_in_words_and_had_outside_the_group() {
        let mut sleeper = Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
        let pid = i32::try_from(sleeper.id().unwrap()).unwrap();
        let Cgroups::V1(group) = Cgroups::find(&format!("tstack-test-{pid}")) else { return };
        if !group.parent().unwrap().join("cpu.rt_runtime_us").exists() {
            return;
        }
        fs::create_dir(&group).unwrap();
        fs::write(group.join("cgroup.procs"), pid.to_string()).unwrap();
        let refused = hurry(&[pid]).await.unwrap_err();
        let out = Cgroups::V1(group.clone()).leave_for_real_time(&[pid]);
        let done = hurry(&[pid]).await;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        sleeper.kill().await.unwrap();
        fs::remove_dir(&group).unwrap();
        assert!(refused.message().contains("cpu.rt_runtime_us"), "{refused:?}");
        assert!(refused.internal_text().contains("Operation not permitted"), "{}", refused.internal_text());
        out.unwrap();
        done.unwrap();
        let class: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(37).take(2).collect();
        assert_eq!(class, [PRIORITY, "1"], "{stat}");
    }

    #[test]
    fn qemus_own_threads() {
        use EmulatorFit::{Beside, Own, Shared};
        let cell = |pins: &[(u32, u32)], emulator| CellFit {
            vcpus: pins.iter().map(|(vcpu, _)| *vcpu).collect(),
            pins: pins.iter().copied().collect(),
            emulator,
            ..CellFit::default()
        };
        let sharing = || CellFit { vcpus: [4].into(), shared: [8, 9].into(), ..CellFit::default() };
        for (cells, realtime, expect) in [
            (vec![cell(&[(0, 2), (1, 3)], Beside)], &[][..], &[2, 3][..]),
            (vec![cell(&[(0, 2), (1, 3)], Beside)], &[1], &[2]),
            (vec![cell(&[(0, 2), (1, 3)], Beside)], &[0, 1], &[2, 3]),
            (vec![cell(&[(0, 2), (1, 3)], Own(7))], &[0, 1], &[7]),
            (vec![cell(&[(0, 2)], Shared([0, 1, 4].into())), cell(&[(1, 6)], Beside)], &[], &[0, 1, 4]),
            (vec![cell(&[(0, 2)], Beside), sharing()], &[0], &[8, 9]),
            (vec![cell(&[(0, 2)], Beside), sharing()], &[], &[2, 8, 9]),
        ] {
            let mut spec = VmSpec { cells, ..plain_spec() };
            spec.hardware.realtime = realtime.iter().copied().collect();
            assert_eq!(emulator(&spec), expect.iter().copied().collect(), "{spec:?}");
            let threads = [(100, 0), (101, 1), (104, 4)].into();
            let (waiting, hurried) = by_class(&spec, &threads);
            assert_eq!(hurried, realtime.iter().map(|vcpu| 100 + i32::try_from(*vcpu).unwrap()).collect::<Vec<_>>());
            assert_eq!(waiting.len() + hurried.len(), 3);
        }
    }
}
