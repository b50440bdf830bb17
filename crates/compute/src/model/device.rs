//! The disks of a server: Nova's block device mapping.

use crate::driver::DiskBus;
use kernel::{AttachmentId, ImageId, SnapshotId, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Devices by EC2's names, as Nova has them: `ami`, `root`, `ephemeral0`, `swap`, and `ebs0` for volumes in the order of their names.
pub fn block_mapping<'a>(devices: impl Iterator<Item = &'a BlockDevice> + Clone) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(root) = devices.clone().find(|d| d.boot_index == Some(0)) {
        found.insert("ami".to_owned(), root.device.trim_start_matches("/dev/").to_owned());
        found.insert("root".to_owned(), root.device.clone());
    }
    let local = |device: &'a BlockDevice| match &device.what {
        Backing::Local { name, image: None } if device.boot_index != Some(0) => Some((name.as_str(), &device.device)),
        _ => None,
    };
    let (swap, ephemeral): (Vec<_>, Vec<_>) =
        devices.clone().filter_map(local).partition(|(name, _)| name.starts_with("swap"));
    let mut volumes: Vec<_> = devices.filter(|d| d.volume().is_some()).map(|d| d.device.clone()).collect();
    volumes.sort();
    found.extend(swap.into_iter().map(|(_, device)| ("swap".to_owned(), device.clone())));
    found.extend(ephemeral.into_iter().enumerate().map(|(n, (_, device))| (format!("ephemeral{n}"), device.clone())));
    found.extend(volumes.into_iter().enumerate().map(|(n, device)| (format!("ebs{n}"), device)));
    found
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

    fn device(what: Backing, device: &str, boot_index: Option<u32>) -> BlockDevice {
        BlockDevice {
            id: device.into(),
            what,
            state: DeviceState::Attached,
            device: device.into(),
            boot_index,
            bus: DiskBus::Virtio,
            slot: 0,
            size_mib: 1,
            tag: None,
            delete_on_termination: false,
        }
    }

    #[test]
    fn ec2_names_devices_by_what_they_are() {
        let local =
            |name: &str, image: Option<&str>| Backing::Local { name: name.into(), image: image.map(Into::into) };
        let volume = |id: &str| {
            let (volume, attachment) = (id.into(), id.into());
            Backing::Volume(VolumeBacking { volume, attachment, made_of: None, volume_type: None })
        };
        let check = |devices: &[BlockDevice], expect: &[(&str, &str)]| {
            let found = block_mapping(devices.iter());
            let found: Vec<_> = found.iter().map(|(name, device)| (name.as_str(), device.as_str())).collect();
            assert_eq!(found, expect);
        };
        check(&[], &[]);
        let full = [
            device(local("root", Some("i")), "/dev/vda", Some(0)),
            device(local("eph0", None), "/dev/vdb", None),
            device(local("eph1", None), "/dev/vdc", None),
            device(local("swap", None), "/dev/vdd", None),
            device(volume("late"), "/dev/vdf", None),
            device(volume("early"), "/dev/vde", None),
        ];
        let expect = [
            ("ami", "vda"),
            ("ebs0", "/dev/vde"),
            ("ebs1", "/dev/vdf"),
            ("ephemeral0", "/dev/vdb"),
            ("ephemeral1", "/dev/vdc"),
            ("root", "/dev/vda"),
            ("swap", "/dev/vdd"),
        ];
        check(&full, &expect);
        // The volume that a server boots from is both.
        let root = device(volume("v"), "/dev/sda", Some(0));
        check(&[root], &[("ami", "sda"), ("ebs0", "/dev/sda"), ("root", "/dev/sda")]);
    }

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
