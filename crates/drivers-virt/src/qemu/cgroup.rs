//! A control group per VM: its share of CPU among the guests and its hard quota.
//!
//! Version 2 where its `cpu` controller can be had, else version 1's `cpu` hierarchy, else none: then guests run unlimited and
//! the log says so once. The group is made before QEMU starts and QEMU moved into it after; it is removed when QEMU is gone.
//!
//! Sources: Documentation/admin-guide/cgroup-v2.rst (cpu.weight, cpu.max), cgroup-v1 and sched-bwc.rst (cpu.shares,
//! cpu.cfs_quota_us); the conversion of shares to weight is runc's and crun's.

use compute::driver::VmSpec;
use kernel::ServerId;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::sleep;

/// Microseconds; the kernel's default.
const PERIOD: u64 = 100_000;

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

    /// Makes the VM's group with its limits and moves the process with all its threads into it.
    pub fn enter(&self, spec: &VmSpec, pid: i32) -> io::Result<()> {
        let Some(group) = self.of(&spec.server) else { return Ok(()) };
        fs::create_dir_all(&group)?;
        for (file, value) in self.settings(spec) {
            fs::write(group.join(file), value)?;
        }
        fs::write(group.join("cgroup.procs"), pid.to_string())
    }

    fn settings(&self, spec: &VmSpec) -> Vec<(&'static str, String)> {
        let shares = spec.cpu_shares.map(|s| s.clamp(2, 262_144));
        // The kernel takes no quota below a millisecond.
        let quota = spec.cpu_quota_milli.map(|milli| (milli * PERIOD / 1000).max(1000));
        match self {
            Self::V1(_) => {
                let shares = shares.map(|s| ("cpu.shares", s.to_string()));
                let quota = quota.map(|q| ("cpu.cfs_quota_us", q.to_string()));
                shares.into_iter().chain(quota).collect()
            }
            Self::V2(_) => {
                let weight = shares.map(|s| ("cpu.weight", (1 + (s - 2) * 9999 / 262_142).to_string()));
                let quota = quota.map(|q| ("cpu.max", format!("{q} {PERIOD}")));
                weight.into_iter().chain(quota).collect()
            }
            Self::None(_) => Vec::new(),
        }
    }

    /// Removes the group of a VM whose process is gone.
    pub async fn leave(&self, server: &ServerId) {
        let Some(group) = self.of(server) else { return };
        for _ in 0..50 {
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
            let got = cgroups.settings(&spec);
            let got: Vec<_> = got.iter().map(|(k, v)| (*k, v.as_str())).collect();
            assert_eq!(got, expect);
        };
        let (v1, v2) = (Cgroups::V1("/x".into()), Cgroups::V2("/x".into()));
        check(v1.clone(), Some(1024), None, &[("cpu.shares", "1024")]);
        check(v1, None, Some(1500), &[("cpu.cfs_quota_us", "150000")]);
        check(v2.clone(), Some(1024), Some(200), &[("cpu.weight", "39"), ("cpu.max", "20000 100000")]);
        check(v2, Some(1_000_000), Some(1), &[("cpu.weight", "10000"), ("cpu.max", "1000 100000")]);
        check(Cgroups::None("so".into()), Some(1), Some(1), &[]);
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
