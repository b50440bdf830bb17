//! The disks of a server: Nova's block device mapping.

use crate::driver::DiskBus;
use kernel::{AttachmentId, ImageId, SnapshotId, VolumeId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockDevice {
    /// `bdm_uuid`
    pub id: String,
    pub what: Backing,
    pub state: DeviceState,
    /// `/dev/vda`: what the guest will most likely call it.
    pub device: String,
    pub boot_index: Option<u32>,
    pub bus: DiskBus,
    pub slot: u8,
    pub size_mib: u64,
    pub tag: Option<String>,
    pub delete_on_termination: bool,
}

/// What lies behind a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Backing {
    /// A disk of the host: `root`, `swap`, `eph0`.
    Local {
        name: String,
        image: Option<ImageId>,
    },
    Volume(VolumeBacking),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeBacking {
    pub volume: VolumeId,
    pub attachment: AttachmentId,
    /// Made for this server: what of. `None` for a volume that was there before.
    pub made_of: Option<VolumeSource>,
    pub volume_type: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    Blank,
    Image(ImageId),
    Snapshot(SnapshotId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    Attaching,
    Attached,
    Detaching,
}

impl BlockDevice {
    pub fn volume(&self) -> Option<&VolumeBacking> {
        match &self.what {
            Backing::Volume(volume) => Some(volume),
            Backing::Local { .. } => None,
        }
    }

    pub fn is_local(&self) -> bool {
        matches!(self.what, Backing::Local { .. })
    }

    /// QEMU's device id.
    pub fn disk_id(&self) -> String {
        match &self.what {
            Backing::Local { name, .. } => name.clone(),
            Backing::Volume(v) => ports::disk_id(&v.volume),
        }
    }
}

/// The first name of a bus that is not taken: `/dev/vdb`, … `/dev/vdaa`.
pub fn free_name<'a>(bus: DiskBus, taken: impl Iterator<Item = &'a str> + Clone) -> String {
    let prefix = match bus {
        DiskBus::Virtio => "vd",
        DiskBus::Scsi | DiskBus::Sata | DiskBus::Usb => "sd",
        DiskBus::Ide => "hd",
    };
    let letters = (0u32..).map(|n| format!("/dev/{prefix}{}", letters(n)));
    let free = |name: &String| !taken.clone().any(|t| t == name);
    letters.into_iter().find(free).unwrap_or_default()
}

fn letters(n: u32) -> String {
    let last = char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    match n / 26 {
        0 => last.to_string(),
        more => letters(more - 1) + &last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_on_after_z() {
        let taken: Vec<String> = (0..26).map(|n| format!("/dev/vd{}", letters(n))).collect();
        let names = || taken.iter().map(String::as_str);
        assert_eq!(free_name(DiskBus::Virtio, [].into_iter()), "/dev/vda");
        assert_eq!(free_name(DiskBus::Virtio, ["/dev/vda", "/dev/vdc"].into_iter()), "/dev/vdb");
        assert_eq!(free_name(DiskBus::Virtio, names()), "/dev/vdaa");
        assert_eq!(free_name(DiskBus::Scsi, names()), "/dev/sda");
    }
}
