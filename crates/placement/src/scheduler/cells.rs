//! Whether a guest's cells fit a host's, and how: each to a cell of its own, the emptiest first.
//!
//! ```text
//!   guest cell ──▶ host cell: memory (small pages, or huge ones of a size)
//!                             processors of its own, by the rule about threads of one core
//!                             shared processors, if it has vCPUs that share
//! ```
//!
//! Cells are few (a host has one to eight), so trying every assignment is cheap.

use crate::model::HostCells;
use ports::{CellFit, GuestCell, GuestTopology, HostCell, Pages, Threads};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

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
        match one(host, cell, wanted, guest) {
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

fn one(host: &HostCells, cell: &HostCell, wanted: &GuestCell, guest: &GuestTopology) -> Result<CellFit, String> {
    let huge_page_kib = memory(host, cell, wanted.memory_mib, guest.pages)?;
    let (pins, idle) = processors(host, cell, &wanted.dedicated, guest.threads)?;
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

type Processors = (BTreeMap<u32, u32>, BTreeSet<u32>);

/// A processor for each vCPU, and those that must stay idle beside them.
fn processors(
    host: &HostCells,
    cell: &HostCell,
    vcpus: &BTreeSet<u32>,
    threads: Threads,
) -> Result<Processors, String> {
    if vcpus.is_empty() {
        return Ok(Processors::default());
    }
    let pinned = host.pinned(cell.id);
    let free: BTreeSet<u32> = cell.dedicated.difference(&pinned).copied().collect();
    let (chosen, idle) = match threads {
        Threads::Prefer => (by_cores(cell, &free, 1), BTreeSet::new()),
        Threads::Require => (by_cores(cell, &free, 2), BTreeSet::new()),
        Threads::Isolate => isolated(cell, &free, vcpus.len()),
    };
    if chosen.len() < vcpus.len() {
        let (asked, there) = (vcpus.len(), chosen.len());
        return Err(format!(
            "{asked} processors of its own are asked of one NUMA node, node {} has {there} free",
            cell.id
        ));
    }
    Ok((vcpus.iter().copied().zip(chosen).collect(), idle))
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
