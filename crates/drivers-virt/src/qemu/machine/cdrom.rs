//! The config drive: a CD-ROM where guests have a driver for one, which is IDE on `pc`. On q35 it would be SATA, which cloud kernels leave
//! out (Debian's does): there it is a disk as the root disk is, unless that is SATA itself. An image may name another bus.

use super::{
    Line,
    address::{self, UsbPort},
};
use crate::qemu::record::VmDir;
use compute::driver::{DiskBus, Machine, VmSpec};
use kernel::{Error, Result};
use serde_json::{Value, json};

pub fn config_drive(line: &mut Line, spec: &VmSpec, dir: &VmDir) -> Result<()> {
    let path = dir.file("config.iso");
    line.json("-blockdev", &json!({"driver": "file", "node-name": "config-s", "filename": path, "read-only": true}));
    line.json("-blockdev", &json!({"driver": "raw", "node-name": "config-f", "file": "config-s", "read-only": true}));
    let device = device(spec);
    check(spec, &device)?;
    line.json("-device", &device);
    Ok(())
}

/// The bus it is on.
pub fn bus(spec: &VmSpec) -> DiskBus {
    let root = spec.disks.iter().min_by_key(|d| (d.boot_index.unwrap_or(u32::MAX), d.slot)).map(|d| d.bus);
    match (spec.hardware.cdrom, spec.machine, root) {
        (Some(bus), ..) => bus,
        (None, Machine::Q35, None | Some(DiskBus::Virtio | DiskBus::Scsi | DiskBus::Usb)) => DiskBus::Virtio,
        (None, Machine::Q35, _) => DiskBus::Sata,
        (None, Machine::Pc, _) => DiskBus::Ide,
    }
}

fn device(spec: &VmSpec) -> Value {
    let mut device = json!({"id": "config", "drive": "config-f"});
    match bus(spec) {
        DiskBus::Virtio => {
            device["driver"] = json!("virtio-blk-pci");
            device["num-queues"] = json!(1);
            address::config_drive(spec.machine).put(&mut device);
        }
        DiskBus::Scsi => {
            device["driver"] = json!("scsi-cd");
            device["bus"] = json!("scsi.0");
            device["scsi-id"] = json!(address::scsi_cdrom(spec.hardware.scsi));
        }
        DiskBus::Usb => {
            device["driver"] = json!("usb-storage");
            address::usb(UsbPort::Cdrom, &mut device);
        }
        DiskBus::Ide | DiskBus::Sata => {
            let (bus, unit) = address::cdrom(spec.machine, bus(spec));
            device["driver"] = json!("ide-cd");
            device["bus"] = json!(bus);
            device["unit"] = json!(unit);
        }
    }
    device
}

/// Two on one cable.
fn check(spec: &VmSpec, cdrom: &Value) -> Result<()> {
    let place = |disk: &compute::driver::Disk| match disk.bus {
        DiskBus::Sata => address::sata(spec.machine, disk.slot).ok(),
        DiskBus::Ide => address::ide(spec.machine, disk.slot).ok(),
        _ => None,
    };
    let taken =
        spec.disks.iter().filter_map(place).any(|(bus, unit)| cdrom["bus"] == bus.as_str() && cdrom["unit"] == unit);
    if taken { Err(Error::bad_request("a disk is where the config drive would be")) } else { Ok(()) }
}
