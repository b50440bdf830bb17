//! What a resize changes of a server, before and after.

use super::{
    device::Backing,
    flavor::Flavor,
    hardware::next_edition,
    reshape::Manner,
    server::{DiskConfig, Server},
    state::ServerState,
};
use kernel::HostName;
use ports::CellFit;
use serde::{Deserialize, Serialize};

/// A server between its request to be resized (or moved) and the word that it may stay so, or shall go back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resize {
    /// The id of the [`super::Migration`], in whose name the host that is left is claimed.
    pub migration: String,
    pub source: HostName,
    /// Chosen on the way; may be the same.
    pub dest: Option<HostName>,
    pub source_zone: Option<String>,
    pub dest_zone: Option<String>,
    /// ACTIVE or STOPPED, which it will be again.
    pub was: ServerState,
    pub old: Shape,
    pub new: Shape,
    pub way: Way,
    #[serde(default)]
    pub manner: Manner,
}

/// Where it goes. Once a revert has begun there is no other way than back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    #[default]
    There,
    Back,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    pub flavor: Flavor,
    pub disk_config: DiskConfig,
    pub disks: Vec<ShapedDisk>,
    /// What it has of its host's NUMA cells; of the host that it goes to once that is chosen.
    #[serde(default)]
    pub cells: Vec<CellFit>,
}

/// A local disk: which device it is, its name on the host, its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapedDisk {
    pub device: String,
    pub name: String,
    pub size_mib: u64,
}

impl Shape {
    /// As the server is.
    pub fn of(server: &Server) -> Self {
        let disk = |d: &super::BlockDevice| match &d.what {
            Backing::Local { name, .. } => {
                Some(ShapedDisk { device: d.id.clone(), name: name.clone(), size_mib: d.size_mib })
            }
            Backing::Volume(_) => None,
        };
        let disks = server.devices.iter().filter_map(disk).collect();
        Self { flavor: server.flavor.clone(), disk_config: server.disk_config, disks, cells: server.cells.clone() }
    }

    /// The same with another flavor: a root disk of its own grows with it, other disks stay.
    pub fn with(&self, server: &Server, flavor: Flavor, disk_config: Option<DiskConfig>) -> Self {
        let root = server.root().filter(|d| d.is_local()).map(|d| d.id.as_str());
        let mut disks = self.disks.clone();
        for disk in disks.iter_mut().filter(|d| root == Some(d.device.as_str())) {
            disk.size_mib = flavor.disk_gib * 1024;
        }
        Self { flavor, disk_config: disk_config.unwrap_or(self.disk_config), disks, cells: Vec::new() }
    }

    /// Disks under new names, for a host that keeps the old ones beside them.
    pub fn renamed(mut self) -> Self {
        for disk in &mut self.disks {
            disk.name = next_edition(&disk.name);
        }
        self
    }

    /// The server in this shape.
    pub fn on(&self, server: &Server) -> Server {
        let mut shaped = server.clone();
        (shaped.flavor, shaped.disk_config) = (self.flavor.clone(), self.disk_config);
        shaped.cells.clone_from(&self.cells);
        for device in &mut shaped.devices {
            let Some(disk) = self.disks.iter().find(|d| d.device == device.id) else { continue };
            if let Backing::Local { name, .. } = &mut device.what {
                name.clone_from(&disk.name);
            }
            device.size_mib = disk.size_mib;
        }
        shaped
    }

    pub fn names(&self) -> Vec<String> {
        self.disks.iter().map(|d| d.name.clone()).collect()
    }
}

impl Resize {
    pub fn is_in_place(&self) -> bool {
        self.dest.as_ref() == Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{flavor, server};

    #[test]
    fn a_server_takes_a_shape_and_its_old_one_again() {
        let server = server("s");
        let old = Shape::of(&server);
        let new = old.with(&server, Flavor { disk_gib: 5, vcpus: 2, ..flavor() }, Some(DiskConfig::Auto)).renamed();
        assert_eq!(new.names(), ["rootv2"]);
        let resized = new.on(&server);
        assert_eq!((resized.devices[0].size_mib, resized.flavor.vcpus), (5 * 1024, 2));
        assert_eq!(resized.disk_config, DiskConfig::Auto);
        assert_eq!(old.on(&resized), server);
    }
}
