//! A guest on NUMA cells of its host: real QEMU, its threads as the kernel shows them.

use crate::bench::{QemuBench, without_qemu};
use compute::driver::*;
use drivers_virt::{
    conformance::{BOOTED, Bench, Manners, eventually},
    qemu::CpuSets,
};
use kernel::Kind;
use ports::{CellFit, EmulatorFit};
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

/// A guest without wishes is not on processors that others have to themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_to_what_is_shared() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::with(|config| config.cpus = CpuSets::parse("0", "").unwrap()).await;
    let driver = bench.driver();
    let host = driver.capabilities().await.unwrap().cells;
    let shared: Vec<String> = host.iter().flat_map(|cell| &cell.shared).map(u32::to_string).collect();
    let [one] = shared.as_slice() else { return }; // more than two processors: the kernel writes them as a range
    let spec = bench.spec(Manners::Obeys).await;
    driver.start(&spec, FENCE).await.unwrap();
    let threads = allowed(bench.pid(&spec.server));
    assert!(threads.len() > 1 && threads.values().all(|on| on == one), "{threads:?}");
    driver.destroy(&spec.server, FENCE).await.unwrap();
}

/// A thread's scheduling class and priority: fields 41 and 40 of its `stat` (proc(5)), after the name in brackets.
fn class(pid: u32) -> BTreeMap<String, (u64, u64)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let one = |task: fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some((name.trim().to_owned(), (fields[38].parse().ok()?, fields[37].parse().ok()?)))
    };
    tasks.filter_map(one).collect()
}

/// What the kernel says of a guest with a vCPU in real time on the one processor, and QEMU's own threads on the other.
fn runs_in_real_time(pid: u32, [first, last]: [u32; 2]) {
    const FIFO: u64 = 1;
    let (classes, processors) = (class(pid), allowed(pid));
    assert_eq!((classes["CPU 0/TCG"], classes["CPU 1/TCG"]), ((0, 0), (FIFO, 1)), "{classes:?}");
    assert_eq!(processors["CPU 1/TCG"], first.to_string());
    let own: Vec<_> = processors.iter().filter(|(name, _)| !name.starts_with("CPU ")).collect();
    assert!(!own.is_empty() && own.iter().all(|(_, on)| **on == last.to_string()), "{own:?}");
    assert!(classes.iter().all(|(name, class)| name.starts_with("CPU ") || *class == (0, 0)), "{classes:?}");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let locked = status.lines().find_map(|l| l.strip_prefix("VmLck:")).unwrap().trim_end_matches("kB").trim();
    assert!(locked.parse::<u64>().unwrap() >= 32 << 10, "{status}");
}

/// The control groups (of version 1, of processors) that a guest's threads are in, by their names.
fn groups(pid: u32) -> BTreeMap<String, String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let one = |task: fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        let all = fs::read_to_string(task.path().join("cgroup")).ok()?;
        let mut lines = all.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
        let cpu = lines.find(|fields| fields[1].split(',').any(|controller| controller == "cpu"))?;
        Some((name.trim().to_owned(), cpu[2].to_owned()))
    };
    tasks.filter_map(one).collect()
}

/// A vCPU that nothing may keep waiting, and a processor for QEMU's own threads; its memory is locked. So it is after a restart of the
/// driver, a reboot, a save and a restore, and on the host to which it goes while it runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_real_time() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let host = bench.driver().capabilities().await.unwrap().cells;
    let shared: Vec<u32> = host.iter().flat_map(|cell| cell.shared.iter().copied()).collect();
    let [first, .., last] = *shared.as_slice() else { return }; // one processor cannot be told from another
    let cell = CellFit {
        host_cell: host[0].id,
        vcpus: [0, 1].into(),
        // Both on the one: the machine has few, and the guest's second does nothing.
        pins: [(0, first), (1, first)].into(),
        emulator: EmulatorFit::Own(last),
        memory_mib: 32,
        ..CellFit::default()
    };
    let mut spec = VmSpec { vcpus: 2, memory_mib: 32, cells: vec![cell], ..bench.spec(Manners::Obeys).await };
    (spec.hardware.realtime, spec.hardware.locked_memory) = ([1].into(), true);
    let server = &spec.server;
    let chrt = std::process::Command::new("chrt").args(["--fifo", "1", "true"]).status().unwrap();
    if !chrt.success() {
        let why = bench.driver().start(&spec, FENCE).await.unwrap_err();
        assert!(why.is(Kind::Conflict) && why.message().contains("CAP_SYS_NICE"), "{why:?}");
        assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
        return;
    }
    bench.driver().start(&spec, FENCE).await.unwrap();
    let says = async || bench.driver().console_log(server, Tail::All).await.unwrap().contains(BOOTED);
    eventually(BOOTED, says).await;
    let so = || runs_in_real_time(bench.pid(server), [first, last]);
    so();
    let inside = |group: &String| group.contains(server.as_str());
    let groups = groups(bench.pid(server));
    if groups.get("CPU 0/TCG").is_some_and(inside) {
        // All the others are in the guest's group, limited as any.
        let outside: Vec<_> =
            groups.iter().filter(|(_, group)| !inside(group)).map(|(name, _)| name.as_str()).collect();
        assert!(outside.is_empty() || outside == ["CPU 1/TCG"], "{groups:?}");
    }
    bench.reopen(&[]).await;
    so();
    bench.driver().reboot(&spec, RebootMode::Hard, FENCE).await.unwrap();
    so();
    bench.driver().suspend(server, FENCE).await.unwrap();
    bench.driver().start(&spec, FENCE).await.unwrap();
    so();
    // There, the processors are the other way round.
    let (other, mut twin) = (bench.other().await, bench.twin(&spec).await);
    (twin.cells[0].pins, twin.cells[0].emulator) = ([(0, last), (1, last)].into(), EmulatorFit::Own(first));
    let to = other.receive(&twin, &bench.name(), FENCE).await.unwrap();
    let travel = Travel { to, post_copy_after: None, bandwidth: None };
    assert_eq!(bench.driver().send(server, &travel, FENCE).await.unwrap(), Sent::All);
    other.land(server, Then::Run, FENCE).await.unwrap();
    bench.driver().destroy(server, FENCE).await.unwrap();
    let pid = fs::read_to_string(
        bench.config.state_dir.with_file_name("other").join("vms").join(server.as_str()).join("pid"),
    );
    runs_in_real_time(pid.unwrap().trim().parse().unwrap(), [last, first]);
    other.destroy(server, FENCE).await.unwrap();
    assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
}
