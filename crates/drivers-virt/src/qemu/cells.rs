//! This host's NUMA cells, as its kernel shows them below `/sys/devices/system`.

use kernel::{Error, Result, cpu_list};
use ports::HostCell;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Which processors guests may have; empty lists: none to themselves, and all others to share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuSets {
    pub dedicated: BTreeSet<u32>,
    pub shared: BTreeSet<u32>,
}

impl CpuSets {
    /// From lists like `2-7,^4`.
    pub fn parse(dedicated: &str, shared: &str) -> Result<Self> {
        let set = |key: &str, text: &str| {
            let list = cpu_list::parse(text).map(cpu_list::CpuList::named);
            list.ok_or_else(|| {
                Error::bad_request(format!("hypervisor.{key}: {text:?} is no list of processors, such as 2-7,^4"))
            })
        };
        let sets = Self { dedicated: set("cpu_dedicated_set", dedicated)?, shared: set("cpu_shared_set", shared)? };
        match sets.dedicated.intersection(&sets.shared).next() {
            None => Ok(sets),
            Some(cpu) => Err(Error::bad_request(format!(
                "processor {cpu} is in hypervisor.cpu_dedicated_set and in hypervisor.cpu_shared_set"
            ))),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.dedicated.is_empty() && self.shared.is_empty()
    }

    /// Says of processors which are shared and which are given away.
    pub fn divide(&self, cell: &mut HostCell, cpus: &BTreeSet<u32>) {
        cell.dedicated = cpus.intersection(&self.dedicated).copied().collect();
        cell.shared = match self.shared.is_empty() {
            true => cpus.difference(&self.dedicated).copied().collect(),
            false => cpus.intersection(&self.shared).copied().collect(),
        };
    }
}

/// The cells below `root` (`/sys/devices/system`); one of everything if the kernel shows none.
pub fn read(root: &Path, sets: &CpuSets, all: u32, memory_mib: u64) -> Vec<HostCell> {
    let numbers = fs::read_dir(root.join("node")).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        numbers.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("node")?.parse().ok()).collect();
    numbers.sort_unstable();
    if numbers.is_empty() {
        return vec![cell(root, sets, 0, (0..all).collect(), memory_mib, BTreeMap::new())];
    }
    let one = |id: u32| {
        let dir = root.join(format!("node/node{id}"));
        let cpus = list(&dir.join("cpulist"));
        cell(root, sets, id, cpus, memory(&dir), huge_pages(&dir.join("hugepages")))
    };
    numbers.into_iter().map(one).collect()
}

fn cell(
    root: &Path,
    sets: &CpuSets,
    id: u32,
    cpus: BTreeSet<u32>,
    memory_mib: u64,
    huge_pages: BTreeMap<u64, u64>,
) -> HostCell {
    let siblings: BTreeSet<BTreeSet<u32>> =
        cpus.iter().map(|cpu| list(&root.join(format!("cpu/cpu{cpu}/topology/thread_siblings_list")))).collect();
    let siblings = siblings.into_iter().filter(|threads| threads.len() > 1).collect();
    let mut cell = HostCell { id, siblings, memory_mib, huge_pages, ..HostCell::default() };
    sets.divide(&mut cell, &cpus);
    cell
}

fn list(file: &Path) -> BTreeSet<u32> {
    let text = fs::read_to_string(file).unwrap_or_default();
    cpu_list::parse(&text).map(cpu_list::CpuList::named).unwrap_or_default()
}

/// `Node 0 MemTotal:       24619360 kB`
fn memory(dir: &Path) -> u64 {
    let text = fs::read_to_string(dir.join("meminfo")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.split_once("MemTotal:"));
    line.and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// `hugepages-2048kB/nr_hugepages`
fn huge_pages(dir: &Path) -> BTreeMap<u64, u64> {
    let sizes = fs::read_dir(dir).into_iter().flatten().flatten();
    let one = |entry: fs::DirEntry| {
        let kib = entry.file_name().to_str()?.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let count: u64 = fs::read_to_string(entry.path().join("nr_hugepages")).ok()?.trim().parse().ok()?;
        (count > 0).then_some((kib, count))
    };
    sizes.filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_as_the_kernel_shows_them() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (node, cpus) in [(0, "0-3\n"), (1, "4-7\n")] {
            write(&format!("node/node{node}/cpulist"), cpus);
            write(
                &format!("node/node{node}/meminfo"),
                &format!("Node {node} MemTotal:   2097152 kB\nNode {node} MemFree: 1 kB\n"),
            );
        }
        write("node/node1/hugepages/hugepages-2048kB/nr_hugepages", "64\n");
        write("node/node1/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
        for cpu in 0..8_u32 {
            let pair = cpu & !1;
            write(&format!("cpu/cpu{cpu}/topology/thread_siblings_list"), &format!("{pair}-{}\n", pair + 1));
        }
        let cells = read(root.path(), &CpuSets::parse("2-3,6-7", "").unwrap(), 8, 1);
        assert_eq!(cells.iter().map(|c| c.id).collect::<Vec<_>>(), [0, 1]);
        let second = &cells[1];
        assert_eq!((&second.shared, &second.dedicated), (&[4, 5].into(), &[6, 7].into()));
        assert_eq!(second.siblings, [[4, 5].into(), [6, 7].into()]);
        assert_eq!((second.memory_mib, &second.huge_pages), (2048, &[(2048, 64)].into()));
        assert!(cells[0].huge_pages.is_empty());
        let named = read(root.path(), &CpuSets::parse("", "0").unwrap(), 8, 1);
        assert_eq!((named[0].shared.len(), named[1].shared.len(), named[0].dedicated.len()), (1, 0, 0));
    }

    #[test]
    fn a_kernel_that_shows_none_has_one() {
        let cells = read(Path::new("/nonexistent"), &CpuSets::default(), 4, 512);
        assert_eq!(cells.len(), 1);
        assert_eq!((cells[0].shared.len(), cells[0].memory_mib), (4, 512));
    }

    #[test]
    fn sets_are_checked() {
        assert!(CpuSets::parse("1-2", "2-3").unwrap_err().message().contains("processor 2"));
        assert!(CpuSets::parse("x", "").unwrap_err().message().contains("hypervisor.cpu_dedicated_set"));
        assert!(CpuSets::parse("", "").unwrap().is_empty());
    }
}
