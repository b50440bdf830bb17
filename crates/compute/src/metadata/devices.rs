//! Devices that users have named: how a guest's software finds "the database's disk" without knowing how it was plugged in
//! (Nova's device role tagging).

use crate::{driver::GuestAddress, model::vm::VmIntent};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One device with its tag.
pub(super) struct TaggedDevice {
    what: What,
    at: Option<GuestAddress>,
    tag: String,
}

enum What {
    Nic { mac: String },
    Disk { serial: String },
}

/// Interfaces first, as they are plugged in; then disks.
pub(super) fn tagged(intent: &VmIntent, at: &BTreeMap<String, GuestAddress>) -> Vec<TaggedDevice> {
    let nics = intent.ports.iter().filter_map(|port| {
        let (what, key) = (What::Nic { mac: port.bound.mac.clone() }, port.bound.port.as_str());
        Some(TaggedDevice { what, at: at.get(key).cloned(), tag: port.tag.clone()? })
    });
    let local = intent.spec.disks.iter().filter_map(|disk| {
        let (what, tag) = (What::Disk { serial: disk.serial.clone() }, intent.metadata.disk_tags.get(&disk.id)?);
        Some(TaggedDevice { what, at: at.get(&disk.id).cloned(), tag: tag.clone() })
    });
    let volumes = intent.volumes.iter().filter_map(|volume| {
        let (what, key) = (What::Disk { serial: volume.volume.to_string() }, ports::disk_id(&volume.volume));
        Some(TaggedDevice { what, at: at.get(&key).cloned(), tag: volume.tag.clone()? })
    });
    nics.chain(local).chain(volumes).collect()
}

impl TaggedDevice {
    /// In the terms of Nova's `meta_data.json`.
    pub(super) fn json(&self) -> Value {
        let (bus, address) = self.at.as_ref().map_or(("none", "none"), |at| (at.bus, at.address.as_str()));
        let mut out = json!({"bus": bus, "address": address, "tags": [self.tag]});
        match &self.what {
            What::Nic { mac } => (out["type"], out["mac"]) = (json!("nic"), json!(mac)),
            What::Disk { serial } => (out["type"], out["serial"]) = (json!("disk"), json!(serial)),
        }
        out
    }
}
