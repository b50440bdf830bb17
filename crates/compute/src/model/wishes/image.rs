//! The image's properties that Nova knows, and which values they may have (`nova.objects.ImageMetaProps`): an image with another asks for
//! something that nobody knows, whether or not it matters for this guest.

use super::{Result, WishError};
use std::collections::BTreeMap;

enum Kind {
    Number,
    /// As it is written.
    OneOf(&'static [&'static str]),
    /// Whatever its letters' case.
    OneOfLower(&'static [&'static str]),
}

use Kind::{Number, OneOf, OneOfLower};

const BUSES: Kind = OneOf(&["fdc", "ide", "sata", "scsi", "usb", "virtio", "xen", "lxc", "uml"]);

const KNOWN: &[(&str, Kind)] = &[
    ("hw_cdrom_bus", BUSES),
    ("hw_cpu_cores", Number),
    ("hw_cpu_max_cores", Number),
    ("hw_cpu_max_sockets", Number),
    ("hw_cpu_max_threads", Number),
    ("hw_cpu_policy", OneOf(&["dedicated", "shared", "mixed"])),
    ("hw_cpu_sockets", Number),
    ("hw_cpu_thread_policy", OneOf(&["prefer", "isolate", "require"])),
    ("hw_cpu_threads", Number),
    ("hw_device_id", Number),
    ("hw_disk_bus", BUSES),
    ("hw_ephemeral_encryption_format", OneOf(&["plain", "luks", "luksv2"])),
    ("hw_firmware_type", OneOf(&["uefi", "bios"])),
    ("hw_floppy_bus", BUSES),
    ("hw_input_bus", OneOf(&["usb", "virtio"])),
    ("hw_maxphysaddr_bits", Number),
    ("hw_maxphysaddr_mode", OneOf(&["passthrough", "emulate"])),
    ("hw_mem_encryption_model", OneOf(&["amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx"])),
    ("hw_numa_nodes", Number),
    ("hw_pci_numa_affinity_policy", OneOf(&["required", "legacy", "preferred", "socket"])),
    ("hw_pointer_model", OneOf(&["usbtablet"])),
    ("hw_redirected_usb_ports", Number),
    ("hw_rescue_bus", BUSES),
    ("hw_rescue_device", OneOf(&["cdrom", "disk", "floppy", "fs", "lun"])),
    ("hw_rng_model", OneOf(&["virtio"])),
    ("hw_scsi_model", OneOfLower(SCSI_MODELS)),
    ("hw_serial_port_count", Number),
    ("hw_sound_model", OneOf(&["sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"])),
    ("hw_tpm_model", OneOf(&["tpm-tis", "tpm-crb"])),
    ("hw_tpm_version", OneOf(&["1.2", "2.0"])),
    ("hw_usb_model", OneOf(&["none", "nec-xhci", "qemu-xhci"])),
    ("hw_video_model", OneOf(&["cirrus", "qxl", "vga", "vmvga", "xen", "virtio", "gop", "none", "bochs"])),
    ("hw_video_ram", Number),
    ("hw_vif_model", OneOfLower(VIF_MODELS)),
    ("hw_viommu_model", OneOf(&["intel", "smmuv3", "virtio", "auto"])),
    ("hw_watchdog_action", OneOf(&["none", "pause", "poweroff", "reset", "disabled"])),
    ("os_secure_boot", OneOf(&["required", "disabled", "optional"])),
    ("os_type", OneOfLower(&["linux", "windows"])),
];

const SCSI_MODELS: &[&str] = &[
    "buslogic",
    "ibmvscsi",
    "lsilogic",
    "lsisas1068",
    "lsisas1078",
    "virtio-scsi",
    "vmpvscsi",
    "lsilogicsas",
    "paravirtual",
];

const VIF_MODELS: &[&str] = &[
    "virtio",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "e1000",
    "e1000e",
    "netfront",
    "spapr-vlan",
    "lan9118",
    "sriov",
    "vmxnet",
    "vmxnet3",
    "igb",
    "virtuale1000",
    "virtuale1000e",
    "virtualpcnet32",
    "virtualsriovethernetcard",
    "virtualvmxnet",
    "virtualvmxnet3",
];

/// Refuses what cannot be a value.
pub(super) fn check(properties: &BTreeMap<String, String>) -> Result<()> {
    KNOWN.iter().try_for_each(|(name, kind)| match properties.get(*name) {
        Some(value) => kind.check(value),
        None => Ok(()),
    })
}

impl Kind {
    fn check(&self, value: &str) -> Result<()> {
        let known = match self {
            Number => return number(value).map(drop),
            OneOf(words) => words.contains(&value),
            OneOfLower(words) => words.contains(&value.to_ascii_lowercase().as_str()),
        };
        if known { Ok(()) } else { Err(WishError::ImageValue(value.to_owned())) }
    }
}

pub(super) fn number(value: &str) -> Result<i64> {
    value.trim().parse().map_err(|_| WishError::ImageNumber(value.to_owned()))
}

/// `hw_vif_model` by the name that QEMU's world has for it.
pub fn vif_model(value: &str) -> String {
    let value = value.to_ascii_lowercase();
    match value.as_str() {
        "virtuale1000" => "e1000".into(),
        "virtuale1000e" => "e1000e".into(),
        "virtualpcnet32" => "pcnet".into(),
        "virtualsriovethernetcard" => "sriov".into(),
        "virtualvmxnet" => "vmxnet".into(),
        "virtualvmxnet3" => "vmxnet3".into(),
        _ => value,
    }
}
