//! Where each device sits. A guest's operating system knows its hardware by bus and address, so these tables are
//! permanent: an entry may be added, never moved. They are also the limits on what a guest can hold.
//!
//! ```text
//!   pc    pci.0  01 PIIX3 (01.0-01.3), and on its further functions  01.4 USB  01.5 keyboard  01.6 tablet  01.7 config drive (virtio)
//!                02 VGA  03 serial  04 rng  05 scsi  06 sata  07 bridge "more"
//!                08-13 disks 0-11                          14-1f nics 0-11
//!         more   01-0e disks 12-25   0f watchdog, 10 lent memory   11-1f nics 12-26
//!   q35   pcie.0 01 VGA  02 serial  03 rng  04 scsi  06 watchdog, 07 lent memory           1f ICH9 (SATA)
//!                08.0-09.3 ports of disks 0-11   09.4 port of the config drive   0a USB  0b keyboard  0c tablet   10.0-10.7 ports of nics 0-7
//!   usb   ports  1 keyboard  2 tablet  3 CD-ROM  4-15 disks 0-11
//! ```
//!
//! Linux names disks in the order of their places, so the config drive's is behind the disks': the root disk is `vda`.
//!
//! On `pc` every slot takes a device while the guest runs (ACPI hot plug, bridge included); on `q35` each disk and nic sits
//! behind a root port of its own, because the root complex does not.

use compute::driver::{Disk, DiskBus, GuestAddress, Machine, ScsiModel, VmSpec};
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A bus and an address on it, as QEMU's device options name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub bus: String,
    pub addr: String,
}

impl Place {
    fn new(bus: impl Into<String>, addr: impl Into<String>) -> Self {
        Self { bus: bus.into(), addr: addr.into() }
    }
    fn pci(bus: &str, slot: u8) -> Self {
        Self::new(bus, format!("{slot:#x}"))
    }
    /// Adds this place to a device's options.
    pub fn put(&self, device: &mut Value) {
        device["bus"] = json!(self.bus);
        device["addr"] = json!(self.addr);
    }
}

const CONFIG_PORT: &str = "config-port";

/// Devices a machine has at most one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    Vga,
    Serial,
    Rng,
    Scsi,
    /// `pc` has no SATA controller of its own.
    Sata,
    LentMemory,
    Watchdog,
    Usb,
    Keyboard,
    Tablet,
}

pub fn fixed(machine: Machine, device: Fixed) -> Place {
    let (bus, first) = match machine {
        Machine::Pc => ("pci.0", 2),
        Machine::Q35 => ("pcie.0", 1),
    };
    let offset = match device {
        Fixed::Vga => 0,
        Fixed::Serial => 1,
        Fixed::Rng => 2,
        Fixed::Scsi => 3,
        Fixed::Sata => 4,
        Fixed::LentMemory if machine == Machine::Pc => return Place::pci("more", 0x10),
        Fixed::LentMemory => 6,
        Fixed::Watchdog if machine == Machine::Pc => return Place::pci("more", 0xf),
        Fixed::Watchdog => 5,
        Fixed::Usb if machine == Machine::Pc => return Place::new(bus, "0x1.0x4"),
        Fixed::Usb => return Place::pci(bus, 0xa),
        Fixed::Keyboard if machine == Machine::Pc => return Place::new(bus, "0x1.0x5"),
        Fixed::Keyboard => return Place::pci(bus, 0xb),
        Fixed::Tablet if machine == Machine::Pc => return Place::new(bus, "0x1.0x6"),
        Fixed::Tablet => return Place::pci(bus, 0xc),
    };
    Place::pci(bus, first + offset)
}

/// Where a config drive is that is a virtio disk.
pub fn config_drive(machine: Machine) -> Place {
    match machine {
        Machine::Pc => Place::new("pci.0", "0x1.0x7"),
        Machine::Q35 => Place::new(CONFIG_PORT, "0x0"),
    }
}

/// Ports of the one USB controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsbPort {
    Keyboard,
    Tablet,
    Cdrom,
    Disk(u8),
}

impl UsbPort {
    /// Refuses a disk that has none.
    pub fn check(self) -> Result<Self> {
        match self {
            Self::Disk(slot @ 12..) => Err(no_room("USB disk", slot)),
            port => Ok(port),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Keyboard => 1,
            Self::Tablet => 2,
            Self::Cdrom => 3,
            Self::Disk(slot) => 4 + slot,
        }
    }
}

/// Adds a place on the USB to a device's options.
pub fn usb(port: UsbPort, device: &mut Value) {
    device["bus"] = json!("usb.0");
    device["port"] = json!(port.number().to_string());
}

/// Targets that a SCSI controller has; the last is the CD-ROM's.
const fn scsi_targets(model: ScsiModel) -> u8 {
    match model {
        ScsiModel::Virtio => 255,
        // The eighth is the controller itself.
        ScsiModel::LsiLogic => 7,
        ScsiModel::LsiSas1068 => 8,
        ScsiModel::LsiSas1078 | ScsiModel::VmPvScsi => 64,
    }
}

pub fn scsi(model: ScsiModel, slot: u8) -> Result<u8> {
    if slot < scsi_cdrom(model) { Ok(slot) } else { Err(no_room("SCSI disk", slot)) }
}

pub const fn scsi_cdrom(model: ScsiModel) -> u8 {
    scsi_targets(model) - 1
}

fn no_room(what: &str, slot: u8) -> Error {
    Error::bad_request(format!("the guest's machine has no place for {what} number {slot}"))
}

/// A virtio disk's place.
pub fn disk(machine: Machine, slot: u8) -> Result<Place> {
    match (machine, slot) {
        (Machine::Pc, 0..=11) => Ok(Place::pci("pci.0", 0x08 + slot)),
        (Machine::Pc, 12..=25) => Ok(Place::pci("more", slot - 12 + 0x01)),
        (Machine::Q35, 0..=11) => Ok(Place::new(format!("disk-port-{slot}"), "0x0")),
        _ => Err(no_room("disk", slot)),
    }
}

pub fn nic(machine: Machine, slot: u8) -> Result<Place> {
    match (machine, slot) {
        (Machine::Pc, 0..=11) => Ok(Place::pci("pci.0", 0x14 + slot)),
        (Machine::Pc, 12..=26) => Ok(Place::pci("more", slot - 12 + 0x11)),
        (Machine::Q35, 0..=7) => Ok(Place::new(format!("nic-port-{slot}"), "0x0")),
        _ => Err(no_room("network interface", slot)),
    }
}

/// IDE bus and unit of a disk; the first unit of the second cable is the config drive's.
pub fn ide(machine: Machine, slot: u8) -> Result<(String, u8)> {
    match (machine, slot) {
        (Machine::Pc, 0) => Ok(("ide.0".into(), 0)),
        (Machine::Pc, 1) => Ok(("ide.0".into(), 1)),
        (Machine::Pc, 2) => Ok(("ide.1".into(), 1)),
        // ICH9 has no IDE mode: its SATA ports are QEMU's `ide.N`.
        (Machine::Q35, 0..=4) => Ok((format!("ide.{slot}"), 0)),
        _ => Err(no_room("IDE disk", slot)),
    }
}

pub fn sata(machine: Machine, slot: u8) -> Result<(String, u8)> {
    match (machine, slot) {
        (Machine::Pc, 0..=5) => Ok((format!("sata.{slot}"), 0)),
        (Machine::Q35, 0..=4) => ide(machine, slot),
        _ => Err(no_room("SATA disk", slot)),
    }
}

/// Bus and unit of the config drive's CD-ROM; of SATA the last port.
pub fn cdrom(machine: Machine, bus: DiskBus) -> (&'static str, u8) {
    match (machine, bus) {
        (Machine::Pc, DiskBus::Sata) => ("sata.5", 0),
        (Machine::Pc, _) => ("ide.1", 0),
        (Machine::Q35, _) => ("ide.5", 0),
    }
}

/// The bridges and root ports behind which others sit; there from the start, used or not.
pub fn bridges(machine: Machine) -> Vec<Value> {
    match machine {
        Machine::Pc => {
            vec![json!({"driver": "pci-bridge", "id": "more", "bus": "pci.0", "addr": "0x7", "chassis_nr": 1})]
        }
        Machine::Q35 => {
            let port = |kind: &str, slot: u8, first: u8, chassis: u8| {
                let (device, function) = (first + slot / 8, slot % 8);
                json!({"driver": "pcie-root-port", "id": format!("{kind}-port-{slot}"), "bus": "pcie.0",
                       "addr": format!("{device:#x}.{function:#x}"), "multifunction": true,
                       "chassis": chassis, "port": chassis})
            };
            let disks = (0..12).map(|slot| port("disk", slot, 0x08, 1 + slot));
            let nics = (0..8).map(|slot| port("nic", slot, 0x10, 32 + slot));
            let config = json!({"driver": "pcie-root-port", "id": CONFIG_PORT, "bus": "pcie.0", "addr": "0x9.0x4",
                                "multifunction": true, "chassis": 13, "port": 13});
            disks.chain([config]).chain(nics).collect()
        }
    }
}

/// What the guest's operating system calls these places. Firmware numbers the buses behind bridges in the order of their addresses.
pub fn seen_by_guest(spec: &VmSpec) -> BTreeMap<String, GuestAddress> {
    let disks = spec.disks.iter().filter_map(|d| Some((d.id.clone(), disk_seen(spec.machine, d)?)));
    let nics = spec.nics.iter().filter_map(|n| Some((n.port.to_string(), pci_seen(&nic(spec.machine, n.slot).ok()?)?)));
    disks.chain(nics).collect()
}

fn disk_seen(machine: Machine, disk: &Disk) -> Option<GuestAddress> {
    match disk.bus {
        DiskBus::Virtio => pci_seen(&self::disk(machine, disk.slot).ok()?),
        DiskBus::Scsi => Some(GuestAddress { bus: "scsi", address: format!("0:0:{}:0", disk.slot) }),
        DiskBus::Ide if machine == Machine::Pc => {
            let (bus, unit) = ide(machine, disk.slot).ok()?;
            Some(GuestAddress { bus: "ide", address: format!("{}:{unit}", bus.strip_prefix("ide.")?) })
        }
        // Nova has no word for SATA.
        DiskBus::Ide | DiskBus::Sata | DiskBus::Usb => None,
    }
}

fn pci_seen(place: &Place) -> Option<GuestAddress> {
    let number = |prefix: &str| place.bus.strip_prefix(prefix)?.parse::<u8>().ok();
    let bus = match place.bus.as_str() {
        "pci.0" | "pcie.0" => 0,
        "more" => 1,
        _ => number("disk-port-").map(|slot| 1 + slot).or_else(|| number("nic-port-").map(|slot| 14 + slot))?,
    };
    let slot = u8::from_str_radix(place.addr.strip_prefix("0x")?, 16).ok()?;
    Some(GuestAddress { bus: "pci", address: format!("0000:{bus:02x}:{slot:02x}.0") })
}

/// Whether a disk can be added to a running guest.
pub fn hot_pluggable(bus: DiskBus) -> bool {
    match bus {
        DiskBus::Virtio | DiskBus::Scsi => true,
        DiskBus::Ide | DiskBus::Sata | DiskBus::Usb => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_devices_share_a_place() {
        for machine in [Machine::Pc, Machine::Q35] {
            let mut seen = BTreeSet::new();
            let mut take = |p: Place| {
                let again = format!("{machine:?}: {p:?} twice");
                assert!(seen.insert((p.bus, p.addr)), "{again}");
            };
            let once =
                [Fixed::Vga, Fixed::Serial, Fixed::Rng, Fixed::Scsi, Fixed::LentMemory, Fixed::Watchdog, Fixed::Usb];
            for device in once.into_iter().chain([Fixed::Keyboard, Fixed::Tablet]) {
                take(fixed(machine, device));
            }
            if machine == Machine::Pc {
                take(fixed(machine, Fixed::Sata));
            }
            take(config_drive(machine));
            for bridge in bridges(machine) {
                take(Place::new(bridge["bus"].as_str().unwrap(), bridge["addr"].as_str().unwrap()));
            }
            (0..=255).filter_map(|slot| disk(machine, slot).ok()).for_each(&mut take);
            (0..=255).filter_map(|slot| nic(machine, slot).ok()).for_each(&mut take);
            let cables: Vec<_> = (0..=255).filter_map(|slot| ide(machine, slot).ok()).collect();
            let cd = cdrom(machine, DiskBus::Ide);
            assert!(cables.iter().all(|(bus, unit)| (bus.as_str(), *unit) != cd));
        }
    }

    #[test]
    fn a_guest_sees_them_by_bus_and_slot() {
        let seen = |place: Result<Place>| pci_seen(&place.unwrap()).unwrap().address;
        assert_eq!(seen(disk(Machine::Pc, 0)), "0000:00:08.0");
        assert_eq!(seen(nic(Machine::Pc, 11)), "0000:00:1f.0");
        assert_eq!(seen(nic(Machine::Pc, 12)), "0000:01:11.0");
        assert_eq!(seen(disk(Machine::Q35, 0)), "0000:01:00.0");
        assert_eq!(seen(nic(Machine::Q35, 1)), "0000:0f:00.0");
    }

    /// Moving a device would make a guest lose its disk's or nic's name at the next start.
    #[test]
    fn places_are_permanent() {
        let check = |got: Result<Place>, expect: (&str, &str)| {
            let got = got.unwrap();
            assert_eq!((got.bus.as_str(), got.addr.as_str()), expect);
        };
        check(disk(Machine::Pc, 0), ("pci.0", "0x8"));
        check(disk(Machine::Pc, 11), ("pci.0", "0x13"));
        check(disk(Machine::Pc, 12), ("more", "0x1"));
        check(disk(Machine::Pc, 25), ("more", "0xe"));
        check(nic(Machine::Pc, 0), ("pci.0", "0x14"));
        check(nic(Machine::Pc, 12), ("more", "0x11"));
        check(disk(Machine::Q35, 3), ("disk-port-3", "0x0"));
        check(nic(Machine::Q35, 7), ("nic-port-7", "0x0"));
        assert!(disk(Machine::Pc, 26).is_err() && nic(Machine::Q35, 8).is_err());
    }
}
