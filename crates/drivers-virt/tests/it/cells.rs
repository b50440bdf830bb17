//! A guest on NUMA cells of its host: real QEMU, its threads as the kernel shows them.

use crate::bench::{QemuBench, without_qemu};
use compute::driver::*;
use drivers_virt::conformance::{BOOTED, Bench, Manners, eventually};
use kernel::Kind;
use ports::CellFit;
use std::{collections::BTreeMap, fs};

const FENCE: Fence = Fence { generation: 1 };

/// The processors that threads of a guest may run on, by their names.
fn allowed(pid: u32) -> BTreeMap<String, String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let one = |task: fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let list = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"))?;
        Some((name.trim().to_owned(), list.trim().to_owned()))
    };
    tasks.filter_map(one).collect()
}

/// Huge pages of 2 MiB that the kernel has set aside for this test; given back at its end.
struct HugePages(u64);

impl HugePages {
    const FILE: &str = "/proc/sys/vm/nr_hugepages";

    /// `None`: the kernel has not so many together, or this is not the machine's administrator.
    fn more(count: u64) -> Option<Self> {
        let read = || fs::read_to_string(Self::FILE).ok()?.trim().parse::<u64>().ok();
        let before = Self(read()?);
        fs::write(Self::FILE, (before.0 + count).to_string()).ok()?;
        (read()? >= before.0 + count).then_some(before)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        let _ = fs::write(Self::FILE, self.0.to_string());
    }
}

/// A guest with wishes: its vCPUs are where they were put, its memory is of huge pages, and it sees its NUMA nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_of_the_host() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let driver = bench.driver();
    let host = driver.capabilities().await.unwrap().cells;
    let shared: Vec<u32> = host.iter().flat_map(|cell| cell.shared.iter().copied()).collect();
    let [first, .., last] = shared.as_slice() else { return }; // one processor cannot be told from another
    let pages = HugePages::more(40);
    let cell = |vcpu: u32, pins: BTreeMap<u32, u32>, huge_page_kib: Option<u64>| CellFit {
        host_cell: host[0].id,
        vcpus: [vcpu].into(),
        shared: if pins.is_empty() { [*last].into() } else { [].into() },
        pins,
        memory_mib: 32,
        huge_page_kib,
        ..CellFit::default()
    };
    let huge = pages.as_ref().map(|_| 2048);
    let cells = vec![cell(0, [(0, *first)].into(), huge), cell(1, [].into(), None)];
    let spec = VmSpec { vcpus: 2, memory_mib: 64, cells, ..bench.spec(Manners::Obeys).await };
    driver.start(&spec, FENCE).await.unwrap();
    let threads = allowed(bench.pid(&spec.server));
    assert_eq!((&threads["CPU 0/TCG"], &threads["CPU 1/TCG"]), (&first.to_string(), &last.to_string()), "{threads:?}");
    let said = async || driver.console_log(&spec.server, Tail::All).await.unwrap().contains(BOOTED);
    eventually(BOOTED, said).await;
    driver.destroy(&spec.server, FENCE).await.unwrap();
    let half = VmSpec { cells: spec.cells[..1].to_vec(), ..spec };
    assert!(driver.start(&half, FENCE).await.unwrap_err().is(Kind::BadRequest));
}
