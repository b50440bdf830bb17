//! Devices that users have named: how a guest's software finds "the database's disk" without knowing how it was plugged in
//! (Nova's device role tagging).

use crate::{driver::GuestAddress, model::vm::VmIntent};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The first version that says whether a card trusts the guest with its function.
const WITH_TRUST: &str = "2018-08-27";

/// One device with its tag.
pub(super) struct TaggedDevice {
    what: What,
    /// Its name in the guest's hardware.
    id: String,
    at: Option<GuestAddress>,
    tag: String,
}

enum What {
    Nic { mac: String },
    Disk { serial: String },
}

/// Interfaces first, as they are plugged in; then disks. Where they are is only asked for a guest that has some.
pub(super) fn tagged(intent: &VmIntent, at: impl FnOnce() -> BTreeMap<String, GuestAddress>) -> Vec<TaggedDevice> {
    let device = |what, id, tag: &String| TaggedDevice { what, id, at: None, tag: tag.clone() };
    let nics = intent.ports.iter().filter_map(|port| {
        let what = What::Nic { mac: port.bound.mac.clone() };
        Some(device(what, port.bound.port.to_string(), port.tag.as_ref()?))
    });
    let local = intent.spec.disks.iter().filter_map(|disk| {
        let what = What::Disk { serial: disk.serial.clone() };
        Some(device(what, disk.id.clone(), intent.metadata.disk_tags.get(&disk.id)?))
    });
    let volumes = intent.volumes.iter().filter_map(|volume| {
        let what = What::Disk { serial: volume.volume.to_string() };
        Some(device(what, ports::disk_id(&volume.volume), volume.tag.as_ref()?))
    });
    let mut all: Vec<_> = nics.chain(local).chain(volumes).collect();
    if !all.is_empty() {
        let mut at = at();
        all.iter_mut().for_each(|device| device.at = at.remove(&device.id));
    }
    all
}

impl TaggedDevice {
    /// In the terms of Nova's `meta_data.json`.
    pub(super) fn json(&self, version: &str) -> Value {
        let (bus, address) = self.at.as_ref().map_or(("none", "none"), |at| (at.bus, at.address.as_str()));
        let mut out = json!({"bus": bus, "address": address, "tags": [self.tag]});
        match &self.what {
            What::Nic { mac } => {
                (out["type"], out["mac"]) = (json!("nic"), json!(mac));
                // No interface here is a function of a card's that was handed to the guest.
                if version >= WITH_TRUST {
                    out["vf_trusted"] = json!(false);
                }
            }
            What::Disk { serial } => (out["type"], out["serial"]) = (json!("disk"), json!(serial)),
        }
        out
    }
}
