//! Whether a guest's cells fit a host's, and how: each to a cell of its own, the emptiest first.
//!
//! ```text
//!   guest cell ──▶ host cell: memory (small pages, or huge ones of a size)
//!                             processors of its own, by the rule about threads of one core
//!                             shared processors, if it has vCPUs that share
//!                             the first: a processor for the hypervisor's own threads, if they are to have one
//! ```
//!
//! Cells are few (a host has one to eight), so trying every assignment is cheap.

use crate::model::HostCells;
use ports::{CellFit, Emulator, EmulatorFit, GuestCell, GuestTopology, HostCell, Pages, Threads};
use std::{cmp::Reverse, collections::BTreeSet};

/// The cells for a guest, or what stands against it.
pub fn fit(host: &HostCells, guest: &GuestTopology) -> Result<Vec<CellFit>, String> {
    if guest.cells.len() > host.cells.len() {
        return Err(format!("{} NUMA nodes are asked for, it has {}", guest.cells.len(), host.cells.len()));
    }
    let mut cells: Vec<&HostCell> = host.cells.iter().collect();
    cells.sort_by_key(|cell| Reverse(cell.memory_mib.saturating_sub(host.memory_used(cell.id))));
    let mut first = None;
    let mut fits = Vec::new();
    match assign(host, guest, &cells, &mut fits, &mut first) {
        true => Ok(fits),
        false => Err(first.unwrap_or_else(|| "it has no NUMA node for the guest".to_owned())),
    }
}

/// Gives the cells from `fits.len()` on; takes back what leads nowhere.
fn assign(
    host: &HostCells,
    guest: &GuestTopology,
    cells: &[&HostCell],
    fits: &mut Vec<CellFit>,
    first: &mut Option<String>,
) -> bool {
    let Some(wanted) = guest.cells.get(fits.len()) else { return true };
    for cell in cells {
        if fits.iter().any(|fit| fit.host_cell == cell.id) {
            continue;
        }
        // As in Nova, what the hypervisor is given lies with the guest's first.
        let emulator = if fits.is_empty() { guest.emulator } else { Emulator::Beside };
        match one(host, cell, wanted, guest, emulator) {
            Ok(fit) => {
                fits.push(fit);
                if assign(host, guest, cells, fits, first) {
                    return true;
                }
                fits.pop();
            }
            Err(why) => drop(first.get_or_insert(why)),
        }
    }
    false
}

fn one(
    host: &HostCells,
    cell: &HostCell,
    wanted: &GuestCell,
    guest: &GuestTopology,
    emulator: Emulator,
) -> Result<CellFit, String> {
    let huge_page_kib = memory(host, cell, wanted.memory_mib, guest.pages)?;
    let isolated = emulator == Emulator::Isolate;
    let Processors { own, apart, idle } = processors(host, cell, wanted.dedicated.len(), isolated, guest.threads)?;
    let pins = wanted.dedicated.iter().copied().zip(own).collect();
    let emulator = match emulator {
        Emulator::Share => shared(host, guest.realtime)?,
        Emulator::Isolate | Emulator::Beside => apart.map_or(EmulatorFit::Beside, EmulatorFit::Own),
    };
    let sharing = wanted.vcpus.len() - wanted.dedicated.len();
    if sharing > 0 && cell.shared.is_empty() {
        return Err(format!("its NUMA node {} has no processors that guests share", cell.id));
    }
    // More vCPUs of one guest than processors would run in turns on each other's.
    if sharing > cell.shared.len() {
        let there = cell.shared.len();
        return Err(format!("{sharing} vCPUs are asked of one NUMA node, its node {} has {there}", cell.id));
    }
    Ok(CellFit {
        host_cell: cell.id,
        vcpus: wanted.vcpus.clone(),
        pins,
        shared: if sharing > 0 { cell.shared.clone() } else { BTreeSet::new() },
        idle,
        memory_mib: wanted.memory_mib,
        huge_page_kib,
        emulator,
    })
}

/// The size of the huge pages to take, if any.
fn memory(host: &HostCells, cell: &HostCell, mib: u64, pages: Pages) -> Result<Option<u64>, String> {
    let free = |kib: u64| cell.huge_pages.get(&kib).copied().unwrap_or(0).saturating_sub(host.pages_used(cell.id, kib));
    let fits = |kib: &u64| (mib * 1024).is_multiple_of(*kib) && (mib * 1024) / kib <= free(*kib);
    let largest = || cell.huge_pages.keys().rev().copied().find(fits);
    let lacking = |size: String| format!("its NUMA node {} has not {mib} MiB free in {size}", cell.id);
    match pages {
        Pages::Kib(kib) if cell.huge_pages.contains_key(&kib) => {
            fits(&kib).then_some(Some(kib)).ok_or_else(|| lacking(format!("pages of {kib} KiB")))
        }
        Pages::Kib(SMALL_KIB) | Pages::Small => small(host, cell, mib).map(|()| None),
        Pages::Kib(kib) => Err(lacking(format!("pages of {kib} KiB"))),
        Pages::Large => largest().map(Some).ok_or_else(|| lacking("huge pages".into())),
        Pages::Any => match largest() {
            Some(kib) => Ok(Some(kib)),
            None => small(host, cell, mib).map(|()| None),
        },
    }
}

/// The pages that memory has by itself.
const SMALL_KIB: u64 = 4;

fn small(host: &HostCells, cell: &HostCell, mib: u64) -> Result<(), String> {
    let huge: u64 = cell.huge_pages.iter().map(|(kib, count)| kib * count / 1024).sum();
    let free = cell.memory_mib.saturating_sub(huge).saturating_sub(host.memory_used(cell.id));
    if mib <= free {
        return Ok(());
    }
    Err(format!("{mib} MiB are asked of one NUMA node, its node {} has {free} free", cell.id))
}

/// The processors that the host's guests share, on whichever node; beside the vCPUs if there are none, unless these run in real time.
fn shared(host: &HostCells, realtime: bool) -> Result<EmulatorFit, String> {
    let all: BTreeSet<u32> = host.cells.iter().flat_map(|cell| &cell.shared).copied().collect();
    match all.is_empty() {
        false => Ok(EmulatorFit::Shared(all)),
        true if realtime => Err("it has no shared processors for what it does beside vCPUs in real time".into()),
        true => Ok(EmulatorFit::Beside),
    }
}

#[derive(Default)]
struct Processors {
    /// One for each vCPU.
    own: Vec<u32>,
    /// One more, for the hypervisor.
    apart: Option<u32>,
    /// Those that nobody may be on beside them.
    idle: BTreeSet<u32>,
}

/// So many processors for vCPUs, and one `apart` from them. That it is a thread of a core with others matters to vCPUs only, as in Nova.
fn processors(
    host: &HostCells,
    cell: &HostCell,
    vcpus: usize,
    apart: bool,
    threads: Threads,
) -> Result<Processors, String> {
    let count = vcpus + usize::from(apart);
    if count == 0 {
        return Ok(Processors::default());
    }
    let pinned = host.pinned(cell.id);
    let free: BTreeSet<u32> = cell.dedicated.difference(&pinned).copied().collect();
    let (mut own, idle) = match threads {
        Threads::Prefer => (by_cores(cell, &free, 1), BTreeSet::new()),
        Threads::Require => (by_cores(cell, &free, 2), BTreeSet::new()),
        Threads::Isolate => isolated(cell, &free, count),
    };
    let rest = match threads {
        Threads::Isolate => own.split_off(own.len().min(vcpus)),
        Threads::Prefer | Threads::Require => {
            own.truncate(vcpus);
            by_cores(cell, &free, 1).into_iter().filter(|cpu| !own.contains(cpu)).collect()
        }
    };
    let apart = rest.first().copied().filter(|_| apart);
    let there = own.len() + usize::from(apart.is_some());
    if there < count {
        return Err(format!(
            "{count} processors of its own are asked of one NUMA node, node {} has {there} free",
            cell.id
        ));
    }
    Ok(Processors { own, apart, idle })
}

/// The cores of a cell: each the processors that are its threads.
fn cores(cell: &HostCell) -> Vec<BTreeSet<u32>> {
    let alone = cell.dedicated.iter().filter(|cpu| !cell.siblings.iter().any(|s| s.contains(cpu)));
    cell.siblings.iter().cloned().chain(alone.map(|cpu| [*cpu].into())).collect()
}

/// Free processors, those of cores with most free threads first; only of cores with at least so many free.
fn by_cores(cell: &HostCell, free: &BTreeSet<u32>, at_least: usize) -> Vec<u32> {
    let mut cores: Vec<Vec<u32>> =
        cores(cell).iter().map(|core| core.intersection(free).copied().collect::<Vec<_>>()).collect();
    cores.retain(|core| core.len() >= at_least.max(1));
    cores.sort_by_key(|core| (Reverse(core.len()), core.first().copied()));
    cores.into_iter().flatten().collect()
}

/// One processor of each core that nobody is on; the others of these cores stay idle.
fn isolated(cell: &HostCell, free: &BTreeSet<u32>, count: usize) -> (Vec<u32>, BTreeSet<u32>) {
    let whole = cores(cell).into_iter().filter(|core| core.is_subset(free) && !core.is_empty());
    let (mut chosen, mut idle) = (Vec::new(), BTreeSet::new());
    for core in whole.take(count) {
        let mut threads = core.into_iter();
        chosen.extend(threads.next());
        idle.extend(threads);
    }
    (chosen, idle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Two cells: processors 0-7 and 8-15 in pairs of threads, the first two of each shared; 4096 MiB each, of it 512 pages of
    /// 2 MiB in the second.
    fn host() -> HostCells {
        let cell = |id: u32, pages: u64| {
            let from = id * 8;
            HostCell {
                id,
                shared: (from..from + 2).collect(),
                dedicated: (from + 2..from + 8).collect(),
                siblings: (0..4).map(|n| [from + 2 * n, from + 2 * n + 1].into()).collect(),
                memory_mib: 4096,
                huge_pages: if pages > 0 { [(2048, pages)].into() } else { BTreeMap::new() },
            }
        };
        HostCells { provider: "p".into(), cells: vec![cell(0, 0), cell(1, 512)], taken: BTreeMap::new() }
    }

    fn guest(cells: &[(u32, u32, u64)]) -> GuestTopology {
        let mut next = 0;
        let cells = cells.iter().map(|(vcpus, dedicated, memory_mib)| {
            let all: BTreeSet<u32> = (next..next + vcpus).collect();
            next += vcpus;
            GuestCell {
                dedicated: all.iter().take(*dedicated as usize).copied().collect(),
                vcpus: all,
                memory_mib: *memory_mib,
            }
        });
        GuestTopology { cells: cells.collect(), ..GuestTopology::default() }
    }

    /// The host's cells and processors that a guest gets, or why it gets none.
    fn told(host: &HostCells, guest: &GuestTopology) -> String {
        match fit(host, guest) {
            Err(why) => why,
            Ok(fits) => {
                let one = |f: &CellFit| {
                    let pins: Vec<_> = f.pins.values().map(u32::to_string).collect();
                    format!(
                        "{}[{}]{}",
                        f.host_cell,
                        pins.join(","),
                        f.huge_page_kib.map_or(String::new(), |k| format!("h{k}"))
                    )
                };
                fits.iter().map(one).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn cells_find_cells() {
        let with = |cells: &[(u32, u32, u64)], threads, pages| GuestTopology { threads, pages, ..guest(cells) };
        let plain = |cells| with(cells, Threads::Prefer, Pages::Small);
        for (guest, expect) in [
            (plain(&[(2, 0, 1024)]), "0[]"),
            (plain(&[(2, 2, 1024)]), "0[2,3]"),
            (plain(&[(3, 3, 1024)]), "0[2,3,4]"),
            (plain(&[(4, 2, 1024)]), "0[2,3]"),
            (plain(&[(2, 0, 1024), (2, 0, 1024)]), "0[] 1[]"),
            (plain(&[(1, 1, 100), (1, 1, 4000)]), "1[10] 0[2]"),
            (with(&[(2, 2, 512)], Threads::Isolate, Pages::Small), "0[2,4]"),
            (with(&[(2, 2, 512)], Threads::Require, Pages::Small), "0[2,3]"),
            (with(&[(1, 0, 1024)], Threads::Prefer, Pages::Large), "1[]h2048"),
            (with(&[(1, 0, 1024)], Threads::Prefer, Pages::Kib(2048)), "1[]h2048"),
            (with(&[(1, 0, 1024)], Threads::Prefer, Pages::Kib(4)), "0[]"),
            (with(&[(1, 0, 2048)], Threads::Prefer, Pages::Any), "0[]"),
            (with(&[(1, 0, 1024)], Threads::Prefer, Pages::Any), "0[]"),
            (plain(&[(1, 0, 1), (1, 0, 1), (1, 0, 1)]), "3 NUMA nodes are asked for, it has 2"),
            (plain(&[(3, 0, 1024)]), "3 vCPUs are asked of one NUMA node, its node 0 has 2"),
            (plain(&[(1, 0, 5000)]), "5000 MiB are asked of one NUMA node, its node 0 has 4096 free"),
            (plain(&[(7, 7, 10)]), "7 processors of its own are asked of one NUMA node, node 0 has 6 free"),
            (
                with(&[(4, 4, 10)], Threads::Isolate, Pages::Small),
                "4 processors of its own are asked of one NUMA node, node 0 has 3 free",
            ),
            (
                with(&[(1, 0, 2000)], Threads::Prefer, Pages::Large),
                "its NUMA node 0 has not 2000 MiB free in huge pages",
            ),
            (
                with(&[(1, 0, 64)], Threads::Prefer, Pages::Kib(1 << 20)),
                "its NUMA node 0 has not 64 MiB free in pages of 1048576 KiB",
            ),
        ] {
            assert_eq!(told(&host(), &guest), expect, "{guest:?}");
        }
    }

    /// One more of the first node's, or those that the host's guests share; and what is the hypervisor's is nobody else's.
    #[test]
    fn the_emulators_threads_have_their_place() {
        use EmulatorFit::{Beside, Own, Shared};
        use Threads::{Isolate, Prefer, Require};
        let with = |cells: &[(u32, u32, u64)], threads, emulator| GuestTopology { threads, emulator, ..guest(cells) };
        let told = |host: &HostCells, guest: &GuestTopology| {
            let one = |f: CellFit| (f.pins.into_values().collect::<Vec<_>>(), f.emulator);
            fit(host, guest).map(|fits| fits.into_iter().map(one).collect::<Vec<_>>())
        };
        let everywhere = || Shared([0, 1, 8, 9].into());
        let pair = [(1, 1, 10), (1, 1, 10)];
        for (guest, expect) in [
            (with(&[(2, 2, 10)], Prefer, Emulator::Beside), vec![(vec![2, 3], Beside)]),
            (with(&[(2, 2, 10)], Prefer, Emulator::Share), vec![(vec![2, 3], everywhere())]),
            (with(&[(2, 0, 10)], Prefer, Emulator::Share), vec![(vec![], everywhere())]),
            (with(&[(2, 2, 10)], Prefer, Emulator::Isolate), vec![(vec![2, 3], Own(4))]),
            (with(&[(2, 1, 10)], Prefer, Emulator::Isolate), vec![(vec![2], Own(3))]),
            (with(&[(2, 2, 10)], Isolate, Emulator::Isolate), vec![(vec![2, 4], Own(6))]),
            (with(&[(3, 3, 10)], Require, Emulator::Isolate), vec![(vec![2, 3, 4], Own(5))]),
            (with(&pair, Prefer, Emulator::Isolate), vec![(vec![2], Own(3)), (vec![10], Beside)]),
            (with(&pair, Prefer, Emulator::Share), vec![(vec![2], everywhere()), (vec![10], Beside)]),
        ] {
            assert_eq!(told(&host(), &guest), Ok(expect), "{guest:?}");
        }
        let mut full = host();
        full.taken.insert("a".into(), fit(&full, &with(&[(5, 5, 10)], Prefer, Emulator::Isolate)).unwrap());
        assert_eq!(full.pinned(0).len(), 6);
        for (threads, vcpus, there) in [(Prefer, 6, 6), (Require, 7, 6), (Isolate, 3, 3)] {
            let why = told(&host(), &with(&[(vcpus, vcpus, 10)], threads, Emulator::Isolate)).unwrap_err();
            let asked =
                format!("{} processors of its own are asked of one NUMA node, node 0 has {there} free", vcpus + 1);
            assert_eq!(why, asked);
        }
        // What is beside threads of one core need not be one: only 5 is left of the first node, and nothing whole.
        let mut odd = host();
        odd.cells.truncate(1);
        odd.taken.insert("a".into(), fit(&odd, &guest(&[(1, 1, 10)])).unwrap());
        let three = with(&[(4, 4, 10)], Require, Emulator::Isolate);
        assert_eq!(told(&odd, &three), Ok(vec![(vec![4, 5, 6, 7], Own(3))]));
        // Nowhere to share: where its vCPUs are, but never where they run in real time.
        odd.cells[0].shared.clear();
        let mut sharing = with(&[(1, 1, 10)], Prefer, Emulator::Share);
        assert_eq!(told(&odd, &sharing), Ok(vec![(vec![4], Beside)]));
        sharing.realtime = true;
        assert!(told(&odd, &sharing).unwrap_err().contains("no shared processors"));
    }

    #[test]
    fn what_is_taken_is_not_given_again() {
        let mut host = host();
        let isolated = GuestTopology { threads: Threads::Isolate, ..guest(&[(2, 2, 3000)]) };
        host.taken.insert("a".into(), fit(&host, &isolated).unwrap());
        assert_eq!(host.pinned(0), BTreeSet::from([2, 3, 4, 5]));
        // The emptier cell is taken first; the idle threads of the isolated guest are nobody's.
        assert_eq!(told(&host, &guest(&[(2, 2, 1000)])), "1[10,11]");
        assert_eq!(told(&host, &guest(&[(2, 2, 1000), (2, 2, 1000)])), "1[10,11] 0[6,7]");
        // What leads nowhere is taken back: only the other way round there is room.
        assert_eq!(told(&host, &guest(&[(2, 2, 1000), (3, 3, 1000)])), "0[6,7] 1[10,11,12]");
        assert!(told(&host, &guest(&[(3, 3, 1000), (3, 3, 1000)])).contains("node 0 has 2 free"));
        let pages = GuestTopology { pages: Pages::Large, ..guest(&[(1, 0, 1000)]) };
        host.taken.insert("b".into(), fit(&host, &pages).unwrap());
        assert_eq!((host.pages_used(1, 2048), host.memory_used(1)), (500, 0));
        assert!(told(&host, &pages).contains("free in huge pages"));
    }

    /// A core with one thread taken is left to those who do not mind; two threads of one are taken together.
    #[test]
    fn whole_cores_first() {
        let mut host = host();
        host.taken.insert("a".into(), fit(&host, &guest(&[(1, 1, 10)])).unwrap());
        let pair =
            fit(&HostCells { cells: vec![host.cells[0].clone()], ..host.clone() }, &guest(&[(2, 2, 10)])).unwrap();
        assert_eq!(pair[0].pins, [(0, 4), (1, 5)].into());
    }
}
