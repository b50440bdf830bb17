//! What a resize changes of a server, before and after.

use super::{
    device::{Backing, BlockDevice, DeviceState, free_name},
    flavor::Flavor,
    hardware::{disk_bus, first_edition, next_edition},
    reshape::Manner,
    server::{DiskConfig, Server, free_slot},
    state::ServerState,
    vtpm,
};
use crate::driver::Tpm;
use kernel::{HostName, ids::uuid_dashed};
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
    /// The device, for a server that has not got it, or not any more. Shapes that were written when none came or went have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Box<BlockDevice>>,
    /// It is made empty, whatever was on it.
    #[serde(default)]
    pub fresh: bool,
}

impl ShapedDisk {
    fn of(device: &BlockDevice) -> Option<Self> {
        let Backing::Local { name, .. } = &device.what else { return None };
        let whole = Some(Box::new(device.clone()));
        Some(Self { device: device.id.clone(), name: name.clone(), size_mib: device.size_mib, whole, fresh: false })
    }

    /// A blank one that the server has not had.
    fn new(server: &Server, name: &str, size_mib: u64, others: &[Self]) -> Option<Self> {
        let bus = disk_bus(server.properties.get("hw_disk_bus").map(String::as_str)).unwrap_or_default();
        let there = || server.places().chain(others.iter().filter_map(|d| d.whole.as_deref()));
        Self::of(&BlockDevice {
            id: uuid_dashed().to_string(),
            what: Backing::Local { name: name.to_owned(), image: None },
            state: DeviceState::Attached,
            device: free_name(bus, there().map(|d| d.device.as_str())),
            boot_index: None,
            bus,
            slot: free_slot(there().map(|d| d.slot)),
            size_mib,
            tag: None,
            delete_on_termination: true,
        })
    }

    /// The state of a TPM, which is no device that anybody sees.
    fn of_tpm(name: &str, fresh: bool) -> Self {
        Self { device: Tpm::STATE.into(), name: name.to_owned(), size_mib: 0, whole: None, fresh }
    }

    fn is_tpm(&self) -> bool {
        self.device == Tpm::STATE
    }

    fn is_swap(&self) -> bool {
        first_edition(&self.name) == SWAP
    }

    /// The device in this shape.
    fn shape(&self, device: &mut BlockDevice) {
        if let Backing::Local { name, .. } = &mut device.what {
            name.clone_from(&self.name);
        }
        device.size_mib = self.size_mib;
    }
}

const SWAP: &str = "swap";

/// Blank disks that a flavor gives, besides swap.
pub fn is_ephemeral(name: &str) -> bool {
    name.starts_with("eph")
}

impl Shape {
    /// As the server is.
    pub fn of(server: &Server) -> Self {
        let state = server.tpm.as_ref().and_then(|tpm| tpm.state.as_deref());
        let tpm = state.map(|name| ShapedDisk::of_tpm(name, false));
        let disks = server.devices.iter().filter_map(ShapedDisk::of).chain(tpm).collect();
        Self { flavor: server.flavor.clone(), disk_config: server.disk_config, disks, cells: server.cells.clone() }
    }

    /// The same with another flavor. A root disk of its own grows with it, and so does an ephemeral disk, if there is but one: of several,
    /// nobody has said which. As in Nova, swap is made anew in the size that the flavor has for it.
    pub fn with(&self, server: &Server, flavor: Flavor, disk_config: Option<DiskConfig>) -> Self {
        let root = server.root().filter(|d| d.is_local()).map(|d| d.id.as_str());
        let mut disks = self.disks.clone();
        for disk in disks.iter_mut().filter(|d| root == Some(d.device.as_str())) {
            disk.size_mib = flavor.disk_gib * 1024;
        }
        if flavor.ephemeral_gib != server.flavor.ephemeral_gib {
            let size = flavor.ephemeral_gib * 1024;
            let mut ephemeral: Vec<_> = disks.iter_mut().filter(|d| is_ephemeral(&d.name)).collect();
            match ephemeral.as_mut_slice() {
                [] => disks.extend(ShapedDisk::new(server, "eph0", size, &disks).filter(|_| size > 0)),
                [only] => only.size_mib = size,
                _ => {}
            }
        }
        if flavor.swap_mib != server.flavor.swap_mib {
            let size = flavor.swap_mib;
            disks.retain(|d| !d.is_swap() || size > 0);
            match disks.iter_mut().find(|d| d.is_swap()) {
                Some(swap) => (swap.size_mib, swap.fresh) = (size, true),
                None => disks.extend(ShapedDisk::new(server, SWAP, size, &disks).filter(|_| size > 0)),
            }
        }
        let tpm = vtpm::wanted(&flavor, &server.properties);
        if tpm != vtpm::wanted(&server.flavor, &server.properties) {
            // Of another kind, it begins anew.
            let name = disks.iter().find(|d| d.is_tpm()).map_or(Tpm::STATE, |d| d.name.as_str()).to_owned();
            disks.retain(|d| !d.is_tpm());
            disks.extend(tpm.map(|_| ShapedDisk::of_tpm(&name, true)));
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

    /// The server in this shape: its local disks are those of the shape, in their places; its volumes are what it has.
    pub fn on(&self, server: &Server) -> Server {
        let mut shaped = server.clone();
        (shaped.flavor, shaped.disk_config) = (self.flavor.clone(), self.disk_config);
        shaped.cells.clone_from(&self.cells);
        let shape_of = |id: &str| self.disks.iter().find(|d| d.device == id);
        shaped.devices.retain(|d| !d.is_local() || shape_of(&d.id).is_some());
        for device in &mut shaped.devices {
            shape_of(&device.id).into_iter().for_each(|disk| disk.shape(device));
        }
        for disk in &self.disks {
            let Some(whole) = disk.whole.as_deref().filter(|_| shaped.devices.iter().all(|d| d.id != disk.device))
            else {
                continue;
            };
            let mut device = whole.clone();
            disk.shape(&mut device);
            let at = shaped.devices.iter().position(|d| d.slot > device.slot).unwrap_or(shaped.devices.len());
            shaped.devices.insert(at, device);
        }
        if let Some(tpm) = &mut shaped.tpm {
            tpm.state = self.disks.iter().find(|d| d.is_tpm()).map(|d| d.name.clone());
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
    use crate::{
        model::{VolumeBacking, device::free_name},
        testkit::{flavor, server},
    };

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

    fn attach(server: &mut Server) {
        let volume = VolumeBacking { volume: "v".into(), attachment: "a".into(), made_of: None, volume_type: None };
        let device = free_name(Default::default(), server.places().map(|d| d.device.as_str()));
        let (id, what, slot) = ("vol".into(), Backing::Volume(volume), server.free_disk_slot());
        server.devices.push(BlockDevice { id, what, slot, device, boot_index: None, ..server.devices[0].clone() });
    }

    /// A server with the disks that a flavor of so much swap (MiB) and so many GiB gives it, and a volume after them.
    fn with_blank(swap_mib: u64, ephemeral: &[u64]) -> Server {
        let mut server = server("s");
        server.flavor = Flavor { swap_mib, ephemeral_gib: ephemeral.iter().sum(), ..flavor() };
        let sizes = ephemeral.iter().map(|gib| gib * 1024).enumerate().map(|(n, size)| (format!("eph{n}"), size));
        for (name, size) in sizes.chain([("swap".to_owned(), swap_mib)]).filter(|(_, size)| *size > 0) {
            let whole = ShapedDisk::new(&server, &name, size, &[]).unwrap().whole.unwrap();
            server.devices.push(*whole);
        }
        attach(&mut server);
        server
    }

    /// Disks as `name slot size`, a star at those that are made empty.
    fn told(shape: &Shape, on: &Server) -> String {
        let disk = |d: &BlockDevice| {
            let fresh = shape.disks.iter().any(|s| s.device == d.id && s.fresh);
            format!("{} {} {}{}", d.disk_id(), d.slot, d.size_mib, if fresh { "*" } else { "" })
        };
        on.devices.iter().map(disk).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn blank_disks_follow_the_flavor_and_come_back() {
        for (before, (swap_mib, ephemeral_gib), expect) in [
            (with_blank(0, &[]), (64, 2), "root 0 1024, vol-v 1 1024, eph0 2 2048, swap 3 64"),
            (with_blank(64, &[2]), (0, 2), "root 0 1024, eph0 1 2048, vol-v 3 1024"),
            (with_blank(64, &[2]), (32, 3), "root 0 1024, eph0 1 3072, swap 2 32*, vol-v 3 1024"),
            (with_blank(64, &[2]), (64, 2), "root 0 1024, eph0 1 2048, swap 2 64, vol-v 3 1024"),
            (with_blank(64, &[1, 2]), (64, 9), "root 0 1024, eph0 1 1024, eph1 2 2048, swap 3 64, vol-v 4 1024"),
        ] {
            let old = Shape::of(&before);
            let new = old.with(&before, Flavor { swap_mib, ephemeral_gib, ..before.flavor.clone() }, None);
            let after = new.on(&before);
            assert_eq!(told(&new, &after), expect);
            assert_eq!(new.on(&after), after, "once is enough");
            assert_eq!(old.on(&after), before, "{expect}");
            assert_eq!(old.on(&new.clone().renamed().on(&before)), before, "{expect}");
        }
    }

    /// What is attached until it is decided takes the place of no disk that may come back.
    #[test]
    fn places_of_disks_that_may_come_back_are_kept() {
        let mut before = with_blank(64, &[]);
        before.devices.pop();
        let old = Shape::of(&before);
        let new = old.with(&before, Flavor { swap_mib: 0, ..before.flavor.clone() }, None);
        let mut after = new.on(&before);
        after.resize = Some(Resize {
            migration: "m".into(),
            source: "h".into(),
            dest: None,
            source_zone: None,
            dest_zone: None,
            was: ServerState::Active,
            old: old.clone(),
            new,
            way: Way::There,
            manner: Manner::Restart,
        });
        attach(&mut after);
        let back = old.on(&after);
        let places: Vec<_> = back.devices.iter().map(|d| (d.disk_id(), d.slot, d.device.as_str())).collect();
        let expect = [("root", 0, "/dev/vda"), ("swap", 1, "/dev/vdb"), ("vol-v", 2, "/dev/vdc")];
        assert_eq!(places, expect.map(|(id, slot, device)| (id.to_owned(), slot, device)));
    }

    /// As shapes were written before disks came and went with flavors.
    #[test]
    fn shapes_of_former_days() {
        let server = with_blank(64, &[2]);
        let mut old = Shape::of(&server);
        old.disks.iter_mut().for_each(|d| d.whole = None);
        assert_eq!(old.on(&server), server);
        let text = serde_json::to_value(&old.disks[0]).unwrap();
        let former = serde_json::json!({"device": text["device"], "name": "root", "size_mib": 1024});
        assert_eq!(serde_json::from_value::<ShapedDisk>(former).unwrap(), old.disks[0]);
    }
}
