//! From a [`VmSpec`] to QEMU's command line: pure, so that the same spec is the same hardware on every start and host.
//!
//! Nothing is left to QEMU's defaults: `-nodefaults`, a versioned machine type, an id and an address for every device
//! (`address`). A guest with room begins with sockets for the vCPUs that it may get and a device for the memory ([`room`]).

pub mod address;
mod cdrom;
mod cpu;
pub mod disk;
mod extras;
pub mod nic;
pub mod room;
pub mod tpm;

use super::{accel::Accel, config::QemuConfig, probe::board, record::VmDir};
use crate::key_file::KeyFile;
use address::Fixed;
use compute::driver::{Choice, Disk, Firmware, GuestSystem, Hardware, Machine, Nic, ScsiModel, VmSpec};
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What decides about a command line besides the spec.
pub struct Setting<'a> {
    pub config: &'a QemuConfig,
    pub accel: Accel,
    /// The processor of a guest that has no wish.
    pub cpu: &'a str,
    /// All words for machines here, and what they stand for.
    pub machines: &'a BTreeMap<String, String>,
    /// What this host can do that others cannot, in placement's words.
    pub traits: &'a BTreeSet<String>,
}

impl Setting<'_> {
    /// The machine that a guest is.
    fn machine<'s>(&'s self, spec: &'s VmSpec) -> &'s str {
        let former = match spec.machine {
            Machine::Pc => &self.config.machine_pc,
            Machine::Q35 => &self.config.machine_q35,
        };
        let word = spec.machine_type.as_ref().unwrap_or(former);
        self.machines.get(word).unwrap_or(word)
    }
}

/// What of a guest decides about each of its disks and interfaces.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    pub machine: Machine,
    /// Of each disk.
    pub queues: u32,
    pub scsi: ScsiModel,
    pub packed_rings: Choice,
    /// Of each virtio interface.
    pub nic_queues: Option<u32>,
}

impl Board {
    pub fn of(spec: &VmSpec) -> Self {
        let (machine, queues) = (spec.machine, room::queues(spec));
        let Hardware { scsi, packed_rings, nic_queues, .. } = spec.hardware;
        Self { machine, queues, scsi, packed_rings, nic_queues }
    }

    /// For a virtio device.
    fn rings(&self, device: &mut Value) {
        if let Some(packed) = self.packed_rings.chosen() {
            device["packed"] = json!(packed);
        }
    }
}

/// Words that give QEMU the keys of encrypted disks. QEMU makes such objects before it opens a disk, wherever they stand.
pub fn key_words(keys: &[(u8, KeyFile)]) -> Vec<String> {
    let mut line = Line::default();
    keys.iter().for_each(|(slot, file)| line.json("-object", &disk::key(*slot, &file.path())));
    line.0
}

/// Refuses what no guest can be made of, before anything is done.
pub fn check(spec: &VmSpec, setting: &Setting<'_>) -> Result<()> {
    if !(1..=255).contains(&spec.vcpus) || !(16..=16 << 20).contains(&spec.memory_mib) {
        let what = format!("a guest with {} vCPUs and {} MiB cannot be made", spec.vcpus, spec.memory_mib);
        return Err(Error::bad_request(what));
    }
    check_machine(spec, setting.machines)?;
    tpm::check(spec, setting.traits)?;
    check_cells(spec)?;
    cpu::check(spec)?;
    check_disks(&spec.disks)?;
    check_nics(&spec.nics)?;
    let board = Board::of(spec);
    spec.disks.iter().try_for_each(|d| disk::parts(d, &board, setting).map(drop))?;
    spec.nics.iter().try_for_each(|n| nic::parts(n, &board, setting).map(drop))
}

/// A machine that is named is one that there is here, and of the kind that places of devices are worked out for.
pub fn check_machine(spec: &VmSpec, machines: &BTreeMap<String, String>) -> Result<()> {
    let Some(word) = &spec.machine_type else { return Ok(()) };
    let kind = match spec.machine {
        Machine::Pc => "pc",
        Machine::Q35 => "q35",
    };
    let exact = machines.get(word).ok_or_else(|| Error::bad_request(format!("this host has no machine {word}")))?;
    if board(exact) == Some(kind) {
        return Ok(());
    }
    Err(Error::bad_request(format!("the machine {word} is no {kind}")))
}

/// Cells that are said are all of the guest.
fn check_cells(spec: &VmSpec) -> Result<()> {
    let vcpus: BTreeSet<u32> = spec.cells.iter().flat_map(|cell| cell.vcpus.iter().copied()).collect();
    let memory: u64 = spec.cells.iter().map(|cell| cell.memory_mib).sum();
    let whole = vcpus == (0..spec.vcpus).collect() && memory == spec.memory_mib;
    if spec.cells.is_empty() || whole {
        return Ok(());
    }
    Err(Error::bad_request("the NUMA nodes of a guest must hold each of its vCPUs, and add up to its memory"))
}

pub fn check_disks(disks: &[Disk]) -> Result<()> {
    let ids: BTreeSet<_> = disks.iter().map(|d| &d.id).collect();
    // One space of slots for all buses: a node's name comes from it.
    let slots: BTreeSet<_> = disks.iter().map(|d| d.slot).collect();
    if ids.len() < disks.len() || slots.len() < disks.len() {
        return Err(Error::bad_request("two disks have the same id or slot"));
    }
    Ok(())
}

pub fn check_nics(nics: &[Nic]) -> Result<()> {
    let ports: BTreeSet<_> = nics.iter().map(|n| &n.port).collect();
    let slots: BTreeSet<_> = nics.iter().map(|n| n.slot).collect();
    if ports.len() < nics.len() || slots.len() < nics.len() {
        return Err(Error::bad_request("two network interfaces have the same port or slot"));
    }
    Ok(())
}

/// The words after the binary.
pub fn command_line(spec: &VmSpec, setting: &Setting<'_>, dir: &VmDir) -> Result<Vec<String>> {
    check(spec, setting)?;
    let mut line = Line::default();
    base(&mut line, spec, setting, dir);
    firmware(&mut line, spec, setting, dir);
    cells(&mut line, spec, setting.accel);
    monitors(&mut line, spec, dir);
    for bridge in address::bridges(spec.machine) {
        line.json("-device", &bridge);
    }
    extras::devices(&mut line, spec, dir);
    tpm::device(&mut line, spec, dir);
    if let Some(lent) = room::memory(spec) {
        line.json("-object", &lent.backend);
        line.json("-device", &lent.device);
    }
    let board = Board::of(spec);
    let cdrom = spec.config_drive.as_ref().map(|_| cdrom::bus(spec));
    for controller in disk::controllers(spec.disks.iter().map(|d| d.bus).chain(cdrom), &board) {
        line.json("-device", &controller);
    }
    for disk in &spec.disks {
        let parts = disk::parts(disk, &board, setting)?;
        parts.objects.iter().for_each(|o| line.json("-object", o));
        parts.nodes.iter().for_each(|n| line.json("-blockdev", n));
        line.json("-device", &parts.device);
    }
    for nic in &spec.nics {
        let parts = nic::parts(nic, &board, setting)?;
        line.json("-netdev", &parts.backend);
        line.json("-device", &parts.device);
    }
    if spec.config_drive.is_some() {
        cdrom::config_drive(&mut line, spec, dir)?;
    }
    Ok(line.0)
}

#[derive(Default)]
pub struct Line(Vec<String>);

impl Line {
    fn flag(&mut self, name: &str) {
        self.0.push(name.into());
    }
    fn opt(&mut self, name: &str, value: impl Into<String>) {
        self.0.extend([name.into(), value.into()]);
    }
    fn json(&mut self, name: &str, value: &Value) {
        self.opt(name, value.to_string());
    }
}

/// A value inside a comma-separated option.
fn escaped(text: &str) -> String {
    text.replace(',', ",,")
}

fn escaped_path(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

fn base(line: &mut Line, spec: &VmSpec, setting: &Setting<'_>, dir: &VmDir) {
    let config = setting.config;
    let name: String = spec.name.chars().filter(|c| !c.is_control()).take(64).collect();
    line.opt("-name", format!("guest={},debug-threads=on", escaped(&name)));
    line.opt("-uuid", spec.server.as_str());
    line.opt("-pidfile", dir.pidfile().to_string_lossy());
    line.opt("-msg", "timestamp=on");
    line.flag("-no-user-config");
    line.flag("-nodefaults");
    // A guest that has powered off waits to be seen: `record` tells why.
    line.flag("-no-shutdown");
    if config.sandbox.is_on() {
        line.opt("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    }
    let machine = setting.machine(spec);
    let hpet = match spec.hardware.hpet.chosen() {
        None => "",
        Some(true) => ",hpet=on",
        Some(false) => ",hpet=off",
    };
    // A page that the kernel has merged with one of the same content takes its time when it is written to.
    let merge = if spec.hardware.realtime.is_empty() { "" } else { ",mem-merge=off" };
    line.opt("-machine", format!("{machine},usb=off,vmport=off,dump-guest-core=off{hpet}{merge}"));
    let (accel, drift) = match setting.accel {
        Accel::Kvm => ("kvm".to_owned(), ",driftfix=slew"),
        Accel::Tcg => (format!("tcg,thread=multi,tb-size={}", config.tcg_cache_mib), ""),
    };
    line.opt("-accel", accel);
    line.opt("-cpu", cpu::model(spec, setting));
    line.opt("-smp", cpu::processors(spec));
    let rests: u64 = match spec.cells.as_slice() {
        [] => rest(setting.accel, None),
        cells => cells.iter().map(|cell| rest(setting.accel, cell.huge_page_kib)).sum(),
    };
    line.opt("-m", room::size(spec, rests >> 10));
    line.opt("-overcommit", if spec.hardware.locked_memory { "mem-lock=on" } else { "mem-lock=off" });
    let clock = match spec.hardware.system {
        GuestSystem::Other => "utc",
        GuestSystem::Windows => "localtime",
    };
    line.opt("-rtc", format!("base={clock}{drift}"));
    let menu = if spec.hardware.boot_menu == Choice::On { "menu=on," } else { "" };
    line.opt("-boot", format!("{menu}strict=on"));
    let (maker, product) = (escaped(&config.manufacturer), escaped(&config.product));
    let (version, server) = (env!("CARGO_PKG_VERSION"), &spec.server);
    line.opt(
        "-smbios",
        format!(
            "type=1,manufacturer={maker},product={product},version={version},serial={server},uuid={server},family=Virtual Machine"
        ),
    );
    line.opt("-smbios", format!("type=3,manufacturer={maker},asset={product}"));
    line.opt("-display", "none");
    line.opt("-vga", "none");
    line.opt("-vnc", format!("unix:{}", escaped_path(&dir.vnc())));
}

/// What a piece of a guest's memory has beyond whole MiB.
///
/// Up to 8.2, QEMU looks at memory whose length is a multiple of 256 KiB in words of 64 pages when it asks what has changed since it
/// was sent, and does not tell the processors that it made in software: they go on writing to pages that count as sent, and the guest
/// arrives with some of them as they were (mended in 9.0 by "physmem: Fix migration dirty bitmap coherency with TCG memory access").
/// Of memory of any other length it asks page by page, and tells. So there are two pages more. Its price is that the first look, at all
/// of its pages, holds the guest up, for seconds on a busy machine. Not so of huge pages: guests that have those stay where they are
/// ([`loses_writes`]); nor of memory that is lent, which comes in blocks of the same: what a guest writes there while it goes may still
/// be lost where QEMU is not mended.
const fn rest(accel: Accel, huge_page_kib: Option<u64>) -> u64 {
    match (accel, huge_page_kib) {
        (Accel::Kvm, _) | (Accel::Tcg, Some(_)) => 0,
        (Accel::Tcg, None) => 8 << 10,
    }
}

/// Whether a guest would come to another host with less than it has written ([`rest`]).
pub fn loses_writes(spec: &VmSpec, accel: Accel) -> bool {
    accel == Accel::Tcg && spec.cells.iter().any(|cell| cell.huge_page_kib.is_some())
}

/// The guest's NUMA nodes, each of memory of one of the host's.
fn cells(line: &mut Line, spec: &VmSpec, accel: Accel) {
    for (number, cell) in spec.cells.iter().enumerate() {
        let mut memory = json!({
            "qom-type": "memory-backend-ram", "id": format!("cell{number}"), "size": (cell.memory_mib << 20) + rest(accel, cell.huge_page_kib),
            "host-nodes": [cell.host_cell], "policy": "bind",
        });
        if let Some(kib) = cell.huge_page_kib {
            // Taken at once: a guest that is short of them later would be killed.
            memory["qom-type"] = "memory-backend-memfd".into();
            memory["hugetlb"] = true.into();
            memory["hugetlbsize"] = (kib << 10).into();
            memory["prealloc"] = true.into();
        }
        line.json("-object", &memory);
        let cpus: String = cell.vcpus.iter().map(|cpu| format!(",cpus={cpu}")).collect();
        line.opt("-numa", format!("node,nodeid={number}{cpus},memdev=cell{number}"));
    }
}

fn firmware(line: &mut Line, spec: &VmSpec, setting: &Setting<'_>, dir: &VmDir) {
    if spec.firmware == Firmware::Uefi {
        let code =
            json!({"driver": "file", "node-name": "efi-code", "filename": setting.config.uefi_code, "read-only": true});
        let vars = json!({"driver": "file", "node-name": "efi-vars", "filename": dir.file("efivars.fd")});
        line.json("-blockdev", &code);
        line.json("-blockdev", &vars);
        line.opt("-machine", "pflash0=efi-code,pflash1=efi-vars");
    }
}

fn monitors(line: &mut Line, spec: &VmSpec, dir: &VmDir) {
    let mut socket = |id: &str, file: &str, more: &str| {
        let path = escaped_path(&dir.socket(file));
        line.opt("-chardev", format!("socket,id={id},path={path},server=on,wait=off{more}"));
    };
    // Each takes one client: the driver's own, and one for people, so that looking never shuts the driver out.
    socket("qmp", "qmp.sock", "");
    socket("mon", "mon.sock", "");
    // What the guest says is kept whether or not somebody is connected.
    let log = format!(",logfile={},logappend=on", escaped_path(&dir.file("console.log")));
    socket("console", "serial.sock", &log);
    if spec.guest_agent {
        socket("agent", "agent.sock", "");
    }
    line.opt("-mon", "chardev=qmp,mode=control");
    line.opt("-mon", "chardev=mon,mode=control");
    line.json("-device", &json!({"driver": "isa-serial", "id": "ttyS0", "chardev": "console", "index": 0}));
    if spec.guest_agent {
        let mut serial = json!({"driver": "virtio-serial-pci", "id": "serial"});
        address::fixed(spec.machine, Fixed::Serial).put(&mut serial);
        line.json("-device", &serial);
        line.json(
            "-device",
            &json!({"driver": "virtserialport", "id": "agent-port", "bus": "serial.0", "nr": 1, "chardev": "agent",
                    "name": "org.qemu.guest_agent.0"}),
        );
    }
}

#[cfg(test)]
mod tests;
