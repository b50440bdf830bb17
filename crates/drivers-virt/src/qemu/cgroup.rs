//! A control group per VM: its share of CPU among the guests, and in it a group of its vCPUs' threads with their hard quota.
//!
//! vCPUs in real time are in no group of version 1 where the kernel gives real time to groups (`CONFIG_RT_GROUP_SCHED`): a new group has
//! none of it, and what one were given would be taken from its siblings, while each of these vCPUs has a processor to itself.
//!
//! The quota is the vCPUs' alone, as libvirt has it: what QEMU does for the guest beside (its disks, its timers) is not taken out of
//! what the guest was promised. Where the kernel has no room for that second group (version 2 below a group that is not a thread's
//! root), the quota is the whole VM's.
//!
//! Version 2 where its `cpu` controller can be had, else version 1's `cpu` hierarchy, else none: then guests run unlimited and
//! the log says so once. The group is made before QEMU starts and QEMU moved into it after; it is removed when QEMU is gone.
//!
//! Sources: Documentation/admin-guide/cgroup-v2.rst (cpu.weight, cpu.max), cgroup-v1 and sched-bwc.rst (cpu.shares,
//! cpu.cfs_quota_us); the conversion of shares to weight is runc's and crun's.

use super::vm::pins;
use compute::driver::VmSpec;
use kernel::ServerId;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::sleep;

/// Microseconds; the kernel's default.
const PERIOD: u64 = 100_000;
/// The kernel's, of a group that nobody has given others.
const USUAL_SHARES: u64 = 1024;

/// The group of a VM's vCPUs, in the VM's.
const VCPUS: &str = "vcpus";

/// A line for a file of a group.
#[derive(Debug)]
struct Setting {
    file: &'static str,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cgroups {
    V1(PathBuf),
    V2(PathBuf),
    /// With the reason.
    None(String),
}

impl Cgroups {
    /// Where the groups would be: looks at what is mounted, changes nothing.
    pub fn find(parent: &str) -> Self {
        Self::in_mounts(&fs::read_to_string("/proc/self/mounts").unwrap_or_default(), parent)
    }

    fn in_mounts(mounts: &str, parent: &str) -> Self {
        let lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let all: Vec<_> = lines.filter(|f| f.len() > 3 && f[2].starts_with("cgroup")).collect();
        let v2 = all.iter().filter(|f| f[2] == "cgroup2").map(|f| Path::new(f[1])).find(|mount| offers_cpu(mount));
        let v1 = all.iter().find(|f| f[2] == "cgroup" && f[3].split(',').any(|o| o == "cpu"));
        match (v2, v1) {
            (Some(mount), _) => Self::V2(mount.join(format!("{parent}.slice"))),
            (None, Some(v1)) => Self::V1(Path::new(v1[1]).join(parent)),
            (None, None) => Self::None("no cgroup file system with a cpu controller is mounted".into()),
        }
    }

    /// Makes the group that holds those of the VMs.
    pub fn prepare(self) -> Self {
        let made = match &self {
            Self::V1(path) => fs::create_dir_all(path),
            Self::V2(path) => fs::create_dir_all(path).and_then(|()| hand_down_cpu(path)),
            Self::None(_) => Ok(()),
        };
        match (made, &self) {
            (Err(e), Self::V1(path) | Self::V2(path)) => Self::None(format!("{}: {e}", path.display())),
            _ => self,
        }
    }

    /// Removes the group that held those of the VMs, unless somebody still has one in it.
    pub fn remove(&self) {
        if let Self::V1(path) | Self::V2(path) = self {
            let _ = fs::remove_dir(path);
        }
    }

    fn of(&self, server: &ServerId) -> Option<PathBuf> {
        match self {
            Self::V1(parent) | Self::V2(parent) => Some(parent.join(server.as_str())),
            Self::None(_) => None,
        }
    }

    /// Makes the VM's groups with their limits and moves the process into them: `vcpus` are its threads that are vCPUs, but for those in
    /// real time.
    pub fn enter(&self, spec: &VmSpec, pid: i32, vcpus: &[i32], realtime: &[i32]) -> io::Result<()> {
        let Some(group) = self.of(&spec.server) else { return Ok(()) };
        fs::create_dir_all(&group)?;
        if let Err(e) = self.make_inner(&group) {
            tracing::warn!(group = %group.display(), error = %e, "the quota of vCPUs is the whole guest's");
            let _ = fs::remove_dir(group.join(VCPUS));
        }
        self.limit(spec)?;
        match self.realtime_group().filter(|_| !realtime.is_empty()) {
            None => fs::write(group.join("cgroup.procs"), pid.to_string())?,
            Some(_) => enter_but(&group.join("tasks"), pid, realtime)?,
        }
        self.take_vcpus(&spec.server, vcpus)
    }

    fn make_inner(&self, group: &Path) -> io::Result<()> {
        let inner = group.join(VCPUS);
        fs::create_dir_all(&inner)?;
        if matches!(self, Self::V2(_)) {
            fs::write(inner.join("cgroup.type"), "threaded")?;
            fs::write(group.join("cgroup.subtree_control"), "+cpu")?;
        }
        Ok(())
    }

    /// Puts threads under the quota; those that have ended need none.
    pub fn take_vcpus(&self, server: &ServerId, vcpus: &[i32]) -> io::Result<()> {
        let Some(inner) = self.of(server).map(|group| group.join(VCPUS)).filter(|inner| inner.exists()) else {
            return Ok(());
        };
        let file = inner.join(if matches!(self, Self::V1(_)) { "tasks" } else { "cgroup.threads" });
        vcpus.iter().try_for_each(|thread| enter_one(&file, *thread))
    }

    /// The group that has the host's real time, where the kernel gives it to groups of version 1. Version 2 knows no such thing: there, such a
    /// kernel gives none but to its root, where no single thread can go.
    fn realtime_group(&self) -> Option<PathBuf> {
        let Self::V1(parent) = self else { return None };
        let all = parent.ancestors().skip(1).take_while(|group| group.join("cpu.rt_runtime_us").exists());
        all.last().map(Path::to_owned)
    }

    /// Takes threads that are to run in real time out of the group that they were started in, if that may have none.
    pub fn leave_for_real_time(&self, threads: &[i32]) -> io::Result<()> {
        let Some(group) = self.realtime_group() else { return Ok(()) };
        threads.iter().try_for_each(|thread| enter_one(&group.join("tasks"), *thread))
    }

    /// Gives the VM's groups, which are there, the limits of `spec`. What that names none of is lifted.
    pub fn limit(&self, spec: &VmSpec) -> io::Result<()> {
        let Some(group) = self.of(&spec.server) else { return Ok(()) };
        let inner = group.join(VCPUS);
        if let Some(setting) = self.shares(spec) {
            fs::write(group.join(setting.file), setting.value)?;
        }
        // One of both has it: the inner, where there is one.
        let milli = spec.cpu_quota_milli;
        let (outer, inner_milli) = if inner.exists() { (None, milli) } else { (milli, None) };
        for (at, milli) in [(inner, inner_milli), (group, outer)] {
            let Some(setting) = self.quota(milli) else { continue };
            let file = at.join(setting.file);
            // A kernel without bandwidth control has no quota to lift.
            if milli.is_some() || file.exists() {
                fs::write(file, setting.value)?;
            }
        }
        Ok(())
    }

    fn shares(&self, spec: &VmSpec) -> Option<Setting> {
        let shares = spec.cpu_shares.unwrap_or(USUAL_SHARES).clamp(2, 262_144);
        match self {
            Self::V1(_) => Some(Setting { file: "cpu.shares", value: shares.to_string() }),
            Self::V2(_) => Some(Setting { file: "cpu.weight", value: (1 + (shares - 2) * 9999 / 262_142).to_string() }),
            Self::None(_) => None,
        }
    }

    fn quota(&self, milli: Option<u64>) -> Option<Setting> {
        // The kernel takes no quota below a millisecond.
        let quota = milli.map(|milli| (milli * PERIOD / 1000).max(1000));
        match self {
            Self::V1(_) => {
                Some(Setting { file: "cpu.cfs_quota_us", value: quota.map_or("-1".into(), |q| q.to_string()) })
            }
            Self::V2(_) => {
                let value = format!("{} {PERIOD}", quota.map_or("max".into(), |q| q.to_string()));
                Some(Setting { file: "cpu.max", value })
            }
            Self::None(_) => None,
        }
    }

    /// The shares and the quota (in thousandths of a core) that the kernel holds a VM to.
    pub fn in_force(&self, server: &ServerId) -> (Option<u64>, Option<u64>) {
        let Some(group) = self.of(server) else { return (None, None) };
        let inner = Some(group.join(VCPUS)).filter(|inner| inner.exists()).unwrap_or_else(|| group.clone());
        let read = |file: &str| {
            let at = if file == "cpu.shares" || file == "cpu.weight" { &group } else { &inner };
            fs::read_to_string(at.join(file)).unwrap_or_default()
        };
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let milli = |quota: u64, period: u64| (period > 0).then(|| quota * 1000 / period);
        match self {
            Self::V1(_) => {
                let (quota, period) = (number(&read("cpu.cfs_quota_us")), number(&read("cpu.cfs_period_us")));
                (number(&read("cpu.shares")), quota.zip(period).and_then(|(q, p)| milli(q, p)))
            }
            Self::V2(_) => {
                let (weight, max) = (number(&read("cpu.weight")), read("cpu.max"));
                let quota = max.split_once(' ').and_then(|(q, p)| milli(number(q)?, number(p)?));
                (weight.map(|w| 2 + w.saturating_sub(1) * 262_142 / 9999), quota)
            }
            Self::None(_) => (None, None),
        }
    }

    /// Removes the groups of a VM whose process is gone.
    pub async fn leave(&self, server: &ServerId) {
        let Some(group) = self.of(server) else { return };
        for _ in 0..50 {
            let _ = fs::remove_dir(group.join(VCPUS));
            match fs::remove_dir(&group) {
                Err(e) if e.kind() == io::ErrorKind::ResourceBusy => sleep(Duration::from_millis(20)).await,
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return tracing::warn!(group = %group.display(), error = %e, "cannot remove a control group");
                }
                _ => return,
            }
        }
        tracing::warn!(group = %group.display(), "a control group stays busy");
    }
}

/// Moves a thread into a group of which this is the list; one that has ended needs none.
fn enter_one(list: &Path, thread: i32) -> io::Result<()> {
    match fs::write(list, thread.to_string()) {
        Err(e) if e.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error()) => Err(e),
        _ => Ok(()),
    }
}

/// Moves all threads of a process but some. One that begins meanwhile is where the thread is that began it: again, until there is none.
fn enter_but(list: &Path, pid: i32, some: &[i32]) -> io::Result<()> {
    let mut seen: BTreeSet<i32> = some.iter().copied().collect();
    loop {
        let before = seen.len();
        for thread in pins::tasks(pid)? {
            if seen.insert(thread) {
                enter_one(list, thread)?;
            }
        }
        if seen.len() == before {
            return Ok(());
        }
    }
}

fn offers_cpu(mount: &Path) -> bool {
    let controllers = fs::read_to_string(mount.join("cgroup.controllers")).unwrap_or_default();
    controllers.split_whitespace().any(|c| c == "cpu")
}

/// Switches the cpu controller on for the groups below `path`.
fn hand_down_cpu(path: &Path) -> io::Result<()> {
    for group in path.parent().into_iter().chain([path]) {
        fs::write(group.join("cgroup.subtree_control"), "+cpu")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::plain_spec;

    #[test]
    fn limits_in_either_language() {
        let check = |cgroups: Cgroups, shares, quota, expect: &[(&str, &str)]| {
            let spec = VmSpec { cpu_shares: shares, cpu_quota_milli: quota, ..plain_spec() };
            let got: Vec<_> = cgroups.shares(&spec).into_iter().chain(cgroups.quota(quota)).collect();
            let got: Vec<_> = got.iter().map(|s| (s.file, s.value.as_str())).collect();
            assert_eq!(got, expect);
        };
        let (v1, v2) = (Cgroups::V1("/x".into()), Cgroups::V2("/x".into()));
        check(v1.clone(), Some(2048), None, &[("cpu.shares", "2048"), ("cpu.cfs_quota_us", "-1")]);
        check(v1, None, Some(1500), &[("cpu.shares", "1024"), ("cpu.cfs_quota_us", "150000")]);
        check(v2.clone(), None, None, &[("cpu.weight", "39"), ("cpu.max", "max 100000")]);
        check(v2.clone(), Some(1024), Some(200), &[("cpu.weight", "39"), ("cpu.max", "20000 100000")]);
        check(v2, Some(1_000_000), Some(1), &[("cpu.weight", "10000"), ("cpu.max", "1000 100000")]);
        check(Cgroups::None("so".into()), Some(1), Some(1), &[]);
    }

    /// What is written is what is read back, but for the coarser weights of version 2.
    #[test]
    fn limits_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        for (cgroups, shares) in [(Cgroups::V1(dir.path().join("1")), 512), (Cgroups::V2(dir.path().join("2")), 500)] {
            let spec = VmSpec { cpu_shares: Some(512), cpu_quota_milli: Some(250), ..plain_spec() };
            let group = cgroups.of(&spec.server).unwrap();
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join("cpu.cfs_period_us"), "100000\n").unwrap();
            cgroups.limit(&spec).unwrap();
            assert_eq!(cgroups.in_force(&spec.server), (Some(shares), Some(250)));
            // With a group of its vCPUs: theirs is the quota, and the whole guest has none.
            fs::create_dir(group.join(VCPUS)).unwrap();
            fs::write(group.join(VCPUS).join("cpu.cfs_period_us"), "100000\n").unwrap();
            cgroups.limit(&spec).unwrap();
            let whole = ["cpu.cfs_quota_us", "cpu.max"].map(|f| fs::read_to_string(group.join(f)).unwrap_or_default());
            assert!(whole.concat().starts_with(['-', 'm']), "{whole:?}");
            assert_eq!(cgroups.in_force(&spec.server), (Some(shares), Some(250)));
            cgroups.limit(&VmSpec { cpu_quota_milli: None, ..spec.clone() }).unwrap();
            assert_eq!(cgroups.in_force(&spec.server), (Some(shares), None));
        }
    }

    #[test]
    fn where_real_time_is_given_to_groups() {
        let dir = tempfile::tempdir().unwrap();
        let (mount, parent) = (dir.path().join("cpu"), dir.path().join("cpu/cloud/guests"));
        fs::create_dir_all(&parent).unwrap();
        assert_eq!(Cgroups::V1(parent.clone()).realtime_group(), None, "a kernel that does not");
        for group in [&mount, &mount.join("cloud"), &parent] {
            fs::write(group.join("cpu.rt_runtime_us"), "0\n").unwrap();
        }
        assert_eq!(Cgroups::V1(parent.clone()).realtime_group(), Some(mount.clone()));
        assert_eq!(Cgroups::V2(parent).realtime_group(), None);
        Cgroups::V1(mount.join("cloud")).leave_for_real_time(&[7]).unwrap();
        assert_eq!(fs::read_to_string(mount.join("tasks")).unwrap(), "7");
    }

    #[test]
    fn finds_the_version_that_has_the_controller() {
        let dir = tempfile::tempdir().unwrap();
        let (v2, cpu) = (dir.path().join("unified"), dir.path().join("cpu"));
        let mounts = format!(
            "tmpfs /x tmpfs rw 0 0\ncgroup {} cgroup rw,cpu,cpuacct 0 0\ncgroup2 {} cgroup2 rw 0 0\n",
            cpu.display(),
            v2.display()
        );
        fs::create_dir_all(&v2).unwrap();
        fs::write(v2.join("cgroup.controllers"), "memory pids\n").unwrap();
        assert_eq!(Cgroups::in_mounts(&mounts, "t"), Cgroups::V1(cpu.join("t")));
        fs::write(v2.join("cgroup.controllers"), "cpu memory\n").unwrap();
        assert_eq!(Cgroups::in_mounts(&mounts, "t"), Cgroups::V2(v2.join("t.slice")));
        assert!(matches!(Cgroups::in_mounts("", "t"), Cgroups::None(_)));
        assert!(!v2.join("t.slice").exists(), "looking makes nothing");
        assert_eq!(Cgroups::V2(v2.join("t.slice")).prepare(), Cgroups::V2(v2.join("t.slice")));
        assert_eq!(fs::read_to_string(v2.join("t.slice/cgroup.subtree_control")).unwrap(), "+cpu");
        assert!(matches!(Cgroups::V1("/proc/self/no".into()).prepare(), Cgroups::None(_)));
    }
}
