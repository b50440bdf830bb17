//! A disk as QEMU takes it: a chain of block nodes and the device on top. The same values go on the command line
//! (`-object`, `-blockdev`, `-device`, all in JSON) and into the monitor (`object-add`, `blockdev-add`, `device_add`).
//!
//! ```text
//!   device <disk.id>  ──▶  d<slot>  top: throttle, with the limits of limit<slot>  ──▶  d<slot>-f  format  ──▶  d<slot>-s  storage
//!                                   (format: qcow2, raw, or luks, which is opened with the object key<slot>)
//! ```
//!
//! Every disk has a node for limits, limited or not: limits come and go while the guest runs.
//!
//! Node names come from the slot, since QEMU cuts them at 31 bytes. The top is always `d<slot>`, so whoever wants the disk's
//! content or size asks for that. Over NBD the storage can be replaced under the top (`-s` by `-t`): that is how a grown
//! volume gets through, an NBD client learns a size only when it connects. A disk that moves gets format and storage anew (`-f` or
//! `-g` on whichever storage's name is free); only while it moves are there both.

use super::{
    Board, Setting,
    address::{self, Fixed, UsbPort},
    room::LENT,
};
use compute::driver::{
    ClientCache, Disk, DiskBus, DiskEncryption, DiskFormat, DiskSource, IoLimits, Machine, ScsiModel,
};
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::path::Path;

/// What has to be made, in this order, for a disk to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskParts {
    pub objects: Vec<Value>,
    pub nodes: Vec<Value>,
    pub device: Value,
}

pub fn top_node(slot: u8) -> String {
    format!("d{slot}")
}

pub fn throttle_group(slot: u8) -> String {
    format!("limit{slot}")
}

/// The object that holds an encrypted disk's key.
pub fn key_object(slot: u8) -> String {
    format!("key{slot}")
}

/// What QEMU reads the key from. The words say where it is, never what it is.
pub fn key(slot: u8, file: &Path) -> Value {
    json!({"qom-type": "secret", "id": key_object(slot), "file": file, "format": "raw"})
}

/// The names of the storage node: the first, and the one it is replaced by.
pub fn storage_nodes(slot: u8) -> [String; 2] {
    [format!("d{slot}-s"), format!("d{slot}-t")]
}

/// The names of the format node: the first, and the one it is replaced by when the disk moves.
pub fn format_nodes(slot: u8) -> [String; 2] {
    [format!("d{slot}-f"), format!("d{slot}-g")]
}

/// Every node a disk may have, the top first: the order in which they can be deleted.
pub fn all_nodes(slot: u8) -> [String; 5] {
    let ([f, g], [s, t]) = (format_nodes(slot), storage_nodes(slot));
    [top_node(slot), f, g, s, t]
}

pub fn parts(disk: &Disk, board: &Board, setting: &Setting<'_>) -> Result<DiskParts> {
    check_id(&disk.id)?;
    let (group, stored) = (throttle_group(disk.slot), &storage_nodes(disk.slot)[0]);
    let objects = vec![json!({"qom-type": "throttle-group", "id": group, "limits": disk.io.to_qemu()})];
    let top = json!({"driver": "throttle", "node-name": top_node(disk.slot), "throttle-group": group,
                     "file": format_node(disk), "read-only": disk.read_only, "discard": "unmap"});
    let nodes = vec![storage(disk, stored, setting)?, format(disk, &format_node(disk), stored), top];
    Ok(DiskParts { objects, nodes, device: device(disk, board)? })
}

/// The node that makes a disk of what is stored, by the name given.
pub fn format(disk: &Disk, name: &str, storage: &str) -> Value {
    let driver = match (&disk.encryption, &disk.source) {
        (DiskEncryption::Luks { .. }, _) => "luks",
        (DiskEncryption::None, DiskSource::File { format: DiskFormat::Qcow2, .. }) => "qcow2",
        (DiskEncryption::None, _) => "raw",
    };
    let mut node =
        json!({"driver": driver, "node-name": name, "file": storage, "read-only": disk.read_only, "discard": "unmap"});
    if disk.encryption != DiskEncryption::None {
        node["key-secret"] = json!(key_object(disk.slot));
    }
    node
}

/// The node of what the guest sees, below its limits, as it is when the guest starts.
pub fn format_node(disk: &Disk) -> String {
    let [first, _] = format_nodes(disk.slot);
    first
}

/// The arguments of `qom-get` for the limits of a disk.
pub fn get_limits(slot: u8) -> Value {
    json!({"path": format!("/objects/{}", throttle_group(slot)), "property": "limits"})
}

/// The arguments of `qom-set` that give a disk other limits.
pub fn set_limits(slot: u8, io: &IoLimits) -> Value {
    json!({"path": format!("/objects/{}", throttle_group(slot)), "property": "limits", "value": io.to_qemu_anew()})
}

/// The storage node under a disk, by the name given.
pub fn storage(disk: &Disk, name: &str, setting: &Setting<'_>) -> Result<Value> {
    let mut node = match &disk.source {
        DiskSource::File { path, .. } => {
            let path = path.to_str().filter(|p| p.starts_with('/'));
            let path = path.ok_or_else(|| Error::bad_request("a disk's file needs an absolute path in UTF-8"))?;
            json!({"driver": "file", "filename": path, "locking": "on"})
        }
        DiskSource::NbdUnix { socket, export } => {
            let server = json!({"type": "unix", "path": socket});
            json!({"driver": "nbd", "server": server, "export": export, "reconnect-delay": 60})
        }
        DiskSource::NbdTcp { host, port, export } => {
            let server = json!({"type": "inet", "host": host, "port": port.to_string()});
            json!({"driver": "nbd", "server": server, "export": export, "reconnect-delay": 60})
        }
        DiskSource::Rbd { pool, namespace, image, user, conf, .. } => {
            let mut node = json!({"driver": "rbd", "pool": pool, "image": image, "user": user, "conf": conf});
            if let Some(namespace) = namespace {
                node["namespace"] = json!(namespace);
            }
            node
        }
    };
    node["node-name"] = json!(name);
    node["discard"] = json!("unmap");
    node["read-only"] = json!(disk.read_only);
    // A guest's flush reaches the disk in either mode; direct I/O only leaves the host's page cache out.
    let direct = match &disk.source {
        DiskSource::File { .. } => setting.config.direct_io.is_on(),
        // Here it leaves out librbd's.
        DiskSource::Rbd { cache, .. } => *cache == ClientCache::None,
        DiskSource::NbdUnix { .. } | DiskSource::NbdTcp { .. } => false,
    };
    node["cache"] = json!({"direct": direct, "no-flush": false});
    Ok(node)
}

fn device(disk: &Disk, board: &Board) -> Result<Value> {
    let machine = board.machine;
    // virtio and ATA have room for 20 characters; a longer one is cut as Nova's and virtio's are.
    let serial: String = disk.serial.chars().take(20).collect();
    let mut device = json!({"id": disk.id, "drive": top_node(disk.slot), "serial": serial, "write-cache": "on"});
    let unit = |device: &mut Value, driver: &str, (bus, unit): (String, u8)| {
        device["driver"] = json!(driver);
        device["bus"] = json!(bus);
        device["unit"] = json!(unit);
    };
    match disk.bus {
        DiskBus::Virtio => {
            device["driver"] = json!("virtio-blk-pci");
            device["num-queues"] = json!(board.queues);
            board.rings(&mut device);
            address::disk(machine, disk.slot)?.put(&mut device);
        }
        DiskBus::Scsi => {
            device["driver"] = json!("scsi-hd");
            device["bus"] = json!("scsi.0");
            device["scsi-id"] = json!(address::scsi(board.scsi, disk.slot)?);
        }
        DiskBus::Ide => unit(&mut device, "ide-hd", address::ide(machine, disk.slot)?),
        DiskBus::Sata => unit(&mut device, "ide-hd", address::sata(machine, disk.slot)?),
        DiskBus::Usb => {
            device["driver"] = json!("usb-storage");
            address::usb(UsbPort::Disk(disk.slot).check()?, &mut device);
        }
    }
    if disk.read_only && matches!(disk.bus, DiskBus::Ide | DiskBus::Sata) {
        return Err(Error::bad_request("an IDE or SATA disk cannot be read-only"));
    }
    if let Some(index) = disk.boot_index {
        device["bootindex"] = json!(index);
    }
    Ok(device)
}

/// Controllers that the disks need and the machine does not have of itself.
pub fn controllers(buses: impl Iterator<Item = DiskBus> + Clone, board: &Board) -> Vec<Value> {
    let (machine, mut out) = (board.machine, Vec::new());
    let on = |bus: DiskBus| buses.clone().any(|b| b == bus);
    let mut add = |driver: &str, id: &str, at: Fixed| {
        let mut controller = json!({"driver": driver, "id": id});
        address::fixed(machine, at).put(&mut controller);
        if driver == "virtio-scsi-pci" {
            controller["num_queues"] = json!(board.queues);
            board.rings(&mut controller);
        }
        out.push(controller);
    };
    if on(DiskBus::Scsi) {
        add(scsi_driver(board.scsi), "scsi", Fixed::Scsi);
    }
    if machine == Machine::Pc && on(DiskBus::Sata) {
        add("ich9-ahci", "sata", Fixed::Sata);
    }
    out
}

const fn scsi_driver(model: ScsiModel) -> &'static str {
    match model {
        ScsiModel::Virtio => "virtio-scsi-pci",
        ScsiModel::LsiLogic => "lsi53c895a",
        ScsiModel::LsiSas1068 => "mptsas1068",
        ScsiModel::LsiSas1078 => "megasas",
        ScsiModel::VmPvScsi => "pvscsi",
    }
}

/// Devices of the driver's own.
const OURS: [&str; 13] = [
    "more",
    "scsi",
    "sata",
    "video",
    "rng",
    "serial",
    "config",
    "config-port",
    "watchdog",
    "usb",
    "keyboard",
    "tablet",
    LENT,
];

/// QEMU's rule for ids (`id_wellformed`), and none of the driver's own.
pub fn check_id(id: &str) -> Result<()> {
    let plain = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let ours = OURS.contains(&id) || ["nic-", "disk-port-", "cpu-"].iter().any(|p| id.starts_with(p));
    if plain && !ours && id.len() <= 64 {
        return Ok(());
    }
    Err(Error::bad_request(format!("{id:?} cannot be a device's id")))
}
