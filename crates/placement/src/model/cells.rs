use super::ProviderId;
use ports::{CellFit, HostCell};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Key, Object};

/// The NUMA cells of a compute host, and who was given what of them. Beside the provider, not in it: only guests with wishes
/// are written here, and everybody else's claims stay small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostCells {
    pub provider: ProviderId,
    pub cells: Vec<HostCell>,
    /// Consumer → its cells.
    pub taken: BTreeMap<String, Vec<CellFit>>,
}

impl HostCells {
    fn fits(&self, cell: u32) -> impl Iterator<Item = &CellFit> {
        self.taken.values().flatten().filter(move |fit| fit.host_cell == cell)
    }

    /// Processors that guests have to themselves, their hypervisors' included, or that are kept idle for one.
    pub fn pinned(&self, cell: u32) -> BTreeSet<u32> {
        self.fits(cell).flat_map(CellFit::own_processors).collect()
    }

    /// Huge pages of a size that are given away.
    pub fn pages_used(&self, cell: u32, kib: u64) -> u64 {
        let of_size = self.fits(cell).filter(|fit| fit.huge_page_kib == Some(kib));
        of_size.map(|fit| (fit.memory_mib * 1024).div_ceil(kib)).sum()
    }

    /// Memory of small pages that bound guests have.
    pub fn memory_used(&self, cell: u32) -> u64 {
        self.fits(cell).filter(|fit| fit.huge_page_kib.is_none()).map(|fit| fit.memory_mib).sum()
    }
}

impl Object for HostCells {
    const KIND: &'static str = "placement.cells";
    fn key(&self) -> Key {
        self.provider.as_str().into()
    }
}
