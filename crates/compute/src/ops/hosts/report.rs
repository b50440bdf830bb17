use crate::{
    Compute,
    driver::HostCapabilities,
    model::{ComputeHost, aggregate::labels_of, sequence},
};
use kernel::{HostName, Result, Timestamp};
use ports::Inventory;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Tx;

/// What an agent says of its host when it connects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    pub host: HostName,
    /// Where other hosts reach it.
    pub address: String,
    /// The zone it was configured with; empty: the default zone.
    pub availability_zone: String,
    /// Where it stands and what is special about it: `rack`, `room`, ….
    pub labels: BTreeMap<String, String>,
    pub capabilities: HostCapabilities,
}

/// What every host of ours can do, in placement's words.
const TRAITS: &[&str] = &[
    "COMPUTE_DEVICE_TAGGING",
    "COMPUTE_FIRMWARE_BIOS",
    "COMPUTE_FIRMWARE_UEFI",
    "COMPUTE_GRAPHICS_MODEL_BOCHS",
    "COMPUTE_GRAPHICS_MODEL_CIRRUS",
    "COMPUTE_GRAPHICS_MODEL_NONE",
    "COMPUTE_GRAPHICS_MODEL_VGA",
    "COMPUTE_GRAPHICS_MODEL_VIRTIO",
    "COMPUTE_GRAPHICS_MODEL_VMVGA",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG",
    "COMPUTE_NET_VIF_MODEL_E1000",
    "COMPUTE_NET_VIF_MODEL_E1000E",
    "COMPUTE_NET_VIF_MODEL_NE2K_PCI",
    "COMPUTE_NET_VIF_MODEL_PCNET",
    "COMPUTE_NET_VIF_MODEL_RTL8139",
    "COMPUTE_NET_VIF_MODEL_VIRTIO",
    "COMPUTE_NET_VIF_MODEL_VMXNET3",
    "COMPUTE_NET_VIRTIO_PACKED",
    "COMPUTE_NODE",
    "COMPUTE_STORAGE_BUS_IDE",
    "COMPUTE_STORAGE_BUS_SATA",
    "COMPUTE_STORAGE_BUS_SCSI",
    "COMPUTE_STORAGE_BUS_USB",
    "COMPUTE_STORAGE_BUS_VIRTIO",
    "COMPUTE_VOLUME_ATTACH",
    "COMPUTE_VOLUME_ATTACH_WITH_TAG",
];

impl Compute {
    /// Registers a host, or what has changed of it, and its inventory. A report that says nothing new writes nothing.
    pub async fn host_report(&self, report: HostReport) -> Result<()> {
        let (c, now) = (self.clone(), self.clock.now());
        self.store.transact("compute.host.report", move |tx| take(&c, tx, &report, now)).await
    }
}

fn take(c: &Compute, tx: &mut Tx, report: &HostReport, now: Timestamp) -> Result<()> {
    let zone = if report.availability_zone.is_empty() { &c.config.default_zone } else { &report.availability_zone };
    let known = tx.get::<ComputeHost>(&report.host);
    let host = match &known {
        Some(known) => ComputeHost {
            capabilities: report.capabilities.clone(),
            address: report.address.clone(),
            zone: zone.clone(),
            labels: report.labels.clone(),
            ..ComputeHost::clone(known)
        },
        None => ComputeHost {
            name: report.host.clone(),
            number: sequence::next(tx, "compute.host"),
            service_id: ComputeHost::service_id_of(&report.host),
            hypervisor_id: ComputeHost::hypervisor_id_of(&report.host),
            disabled: false,
            disabled_reason: None,
            forced_down: false,
            capabilities: report.capabilities.clone(),
            address: report.address.clone(),
            zone: zone.clone(),
            labels: report.labels.clone(),
            created: now,
            updated: now,
            maintenance: None,
        },
    };
    let labels = labels_of(tx.view(), &host);
    if known.as_deref() != Some(&host) {
        tx.put(ComputeHost { updated: now, ..host });
    }
    c.placer.report_inventory(tx, &inventory(report), now)?;
    c.placer.set_labels(tx, &report.host, &labels)
}

fn inventory(report: &HostReport) -> Inventory {
    let capabilities = &report.capabilities;
    let arch = match capabilities.arch.as_str() {
        "x86_64" => ["HW_ARCH_X86_64", "COMPUTE_ARCH_X86_64"].as_slice(),
        "aarch64" => &["HW_ARCH_AARCH64", "COMPUTE_ARCH_AARCH64"],
        _ => &[],
    };
    Inventory {
        host: report.host.clone(),
        vcpus: u64::from(capabilities.vcpus),
        memory_mib: capabilities.memory_mib,
        disk_gib: capabilities.disk_gib,
        cells: capabilities.cells.clone(),
        traits: TRAITS.iter().chain(arch).map(|t| (*t).to_owned()).chain(capabilities.traits.clone()).collect(),
    }
}
