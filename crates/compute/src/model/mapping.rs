//! From a request's block device mapping to a server's disks: pure, with Nova's refusals.
//!
//! The root disk comes first (of the image, unless the mapping has another device with boot index 0), then the mapping's
//! own devices in their order, then the flavor's ephemeral and swap disks if the mapping names none.

use super::{
    device::{Backing, BlockDevice, DeviceState, VolumeBacking, VolumeSource, free_name},
    flavor::Flavor,
    hardware::disk_bus,
};
use crate::driver::DiskBus;
use kernel::{AttachmentId, Error, ImageId, Result, SnapshotId, VolumeId, ids::uuid_dashed};

/// One entry of `block_device_mapping_v2`, or of the older form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    pub source: Source,
    pub to_volume: bool,
    /// Negative or absent: not bootable.
    pub boot_index: Option<i64>,
    pub size_gib: Option<u64>,
    pub delete_on_termination: bool,
    pub device: Option<String>,
    pub bus: Option<String>,
    pub guest_format: Option<String>,
    pub tag: Option<String>,
    pub volume_type: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    #[default]
    Blank,
    Image(ImageId),
    Volume(VolumeId),
    Snapshot(SnapshotId),
}

/// The image a server is made of, as far as disks go.
#[derive(Clone, Debug)]
pub struct RootImage {
    pub id: ImageId,
    pub size_mib: u64,
    /// `hw_disk_bus`
    pub bus: Option<String>,
}

fn malformed(text: impl std::fmt::Display) -> Error {
    crate::error::invalid(format!("Block Device Mapping is Invalid: {text}"))
}

/// The disks of a server.
pub fn devices(asked: &[Mapping], image: Option<&RootImage>, flavor: &Flavor) -> Result<Vec<BlockDevice>> {
    let bus = image.and_then(|i| i.bus.as_deref());
    let bus = disk_bus(bus).ok_or_else(|| malformed(format!("the image's disk bus {bus:?} is not known")))?;
    let mut plan = Plan { bus, devices: Vec::new() };
    let boots = |m: &Mapping| m.boot_index == Some(0);
    if let Some(image) = image
        && !asked.iter().any(|m| boots(m) && m.to_volume)
    {
        let root = Mapping {
            source: Source::Image(image.id.clone()),
            boot_index: Some(0),
            delete_on_termination: true,
            ..Mapping::default()
        };
        plan.local("root", &root, root_size(image, flavor))?;
    }
    let mut ephemeral = Ephemeral::default();
    for mapping in asked {
        match (&mapping.source, mapping.to_volume) {
            // The image as a local disk is the root disk, which is there already.
            (Source::Image(id), false) if boots(mapping) && image.is_some_and(|i| i.id == *id) => {}
            (Source::Image(_), false) => return Err(malformed("Mapping image to local is not supported.")),
            (Source::Blank, false) => ephemeral.add(mapping, flavor, &mut plan)?,
            (_, true) => plan.volume(mapping)?,
            (Source::Volume(_) | Source::Snapshot(_), false) => {
                return Err(malformed("a volume or snapshot cannot be mapped to a local disk."));
            }
        }
    }
    ephemeral.add_default(flavor, &mut plan)?;
    check_boot_sequence(&plan.devices)?;
    Ok(plan.devices)
}

/// What the flavor says; where it says nothing, as large as the image.
fn root_size(image: &RootImage, flavor: &Flavor) -> u64 {
    if flavor.disk_gib > 0 { flavor.disk_gib * 1024 } else { image.size_mib.max(1) }
}

struct Plan {
    bus: DiskBus,
    devices: Vec<BlockDevice>,
}

impl Plan {
    fn local(&mut self, name: &str, mapping: &Mapping, size_mib: u64) -> Result<()> {
        let image = match &mapping.source {
            Source::Image(id) => Some(id.clone()),
            _ => None,
        };
        let what = Backing::Local { name: name.into(), image };
        self.push(what, mapping, size_mib)
    }

    fn volume(&mut self, mapping: &Mapping) -> Result<()> {
        if matches!(mapping.source, Source::Volume(_)) && mapping.volume_type.is_some() {
            return Err(malformed("Specifying volume type to existing volume is not supported."));
        }
        let (volume, made_of) = match &mapping.source {
            Source::Volume(id) => (id.clone(), None),
            Source::Image(id) => (VolumeId::new(), Some(VolumeSource::Image(id.clone()))),
            Source::Snapshot(id) => (VolumeId::new(), Some(VolumeSource::Snapshot(id.clone()))),
            Source::Blank => (VolumeId::new(), Some(VolumeSource::Blank)),
        };
        let size = mapping.size_gib.unwrap_or(0);
        match made_of {
            Some(VolumeSource::Image(_)) if size == 0 => {
                return Err(crate::error::invalid(
                    "Images with destination_type 'volume' need to have a non-zero size specified",
                ));
            }
            Some(VolumeSource::Blank) if size == 0 => {
                return Err(crate::error::invalid(
                    "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size",
                ));
            }
            _ => {}
        }
        let backing = VolumeBacking {
            volume,
            attachment: AttachmentId::new(),
            made_of,
            volume_type: mapping.volume_type.clone(),
        };
        self.push(Backing::Volume(backing), mapping, size * 1024)
    }

    fn push(&mut self, what: Backing, mapping: &Mapping, size_mib: u64) -> Result<()> {
        let bus = match &mapping.bus {
            None => self.bus,
            Some(name) => disk_bus(Some(name)).ok_or_else(|| {
                crate::error::invalid(format!(
                    "Block Device Mapping is invalid: The provided disk bus {name} is not valid."
                ))
            })?,
        };
        let taken = self.devices.iter().map(|d| d.device.as_str());
        let device = match &mapping.device {
            Some(name) if !taken.clone().any(|t| t == name) => name.clone(),
            _ => free_name(bus, taken),
        };
        self.devices.push(BlockDevice {
            id: uuid_dashed().to_string(),
            what,
            state: DeviceState::Attaching,
            device,
            boot_index: mapping.boot_index.and_then(|n| u32::try_from(n).ok()),
            bus,
            slot: u8::try_from(self.devices.len()).map_err(|_| malformed("there are too many devices."))?,
            size_mib,
            tag: mapping.tag.clone(),
            delete_on_termination: mapping.delete_on_termination,
        });
        Ok(())
    }
}

/// Blank local disks: at most what the flavor allows.
#[derive(Default)]
struct Ephemeral {
    count: u32,
    used_gib: u64,
    swap: bool,
}

impl Ephemeral {
    fn add(&mut self, mapping: &Mapping, flavor: &Flavor, plan: &mut Plan) -> Result<()> {
        if mapping.volume_type.is_some() {
            return Err(malformed("Specifying a volume_type with destination_type=local is not supported."));
        }
        if mapping.guest_format.as_deref() == Some("swap") {
            // Nova counts a swap disk's size in MiB.
            let size = mapping.size_gib.unwrap_or(0);
            if self.swap {
                return Err(malformed("More than one swap drive requested."));
            }
            if size > flavor.swap_mib {
                return Err(crate::error::invalid("Swap drive requested is larger than instance type allows."));
            }
            self.swap = true;
            return if size == 0 { Ok(()) } else { plan.local("swap", mapping, size) };
        }
        let size = mapping.size_gib.unwrap_or(flavor.ephemeral_gib);
        self.used_gib += size;
        if self.used_gib > flavor.ephemeral_gib {
            return Err(crate::error::invalid(
                "Ephemeral disks requested are larger than the instance type allows. If no size is given in one block \
                 device mapping, flavor ephemeral size will be used.",
            ));
        }
        let name = format!("eph{}", self.count);
        self.count += 1;
        plan.local(&name, mapping, size * 1024)
    }

    fn add_default(&self, flavor: &Flavor, plan: &mut Plan) -> Result<()> {
        let blank = Mapping { delete_on_termination: true, ..Mapping::default() };
        if self.count == 0 && flavor.ephemeral_gib > 0 {
            plan.local("eph0", &blank, flavor.ephemeral_gib * 1024)?;
        }
        if !self.swap && flavor.swap_mib > 0 {
            plan.local("swap", &blank, flavor.swap_mib)?;
        }
        Ok(())
    }
}

/// Boot indexes are 0, 1, 2 … without gap or repetition.
fn check_boot_sequence(devices: &[BlockDevice]) -> Result<()> {
    let mut indexes: Vec<u32> = devices.iter().filter_map(|d| d.boot_index).collect();
    indexes.sort_unstable();
    let is_sequence = indexes.iter().enumerate().all(|(at, index)| u32::try_from(at) == Ok(*index));
    if indexes.is_empty() || !is_sequence {
        return Err(malformed(
            "Boot sequence for the instance and image/block device mapping combination is not valid.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::flavor;

    fn image() -> RootImage {
        RootImage { id: "i".into(), size_mib: 192, bus: None }
    }

    fn volume(id: &str, boot_index: Option<i64>) -> Mapping {
        Mapping { source: Source::Volume(id.into()), to_volume: true, boot_index, ..Mapping::default() }
    }

    /// name or volume, device, boot index, MiB
    fn summary(devices: &[BlockDevice]) -> Vec<String> {
        let what = |d: &BlockDevice| match &d.what {
            Backing::Local { name, .. } => name.clone(),
            Backing::Volume(v) if v.made_of.is_some() => format!("new {:?}", v.made_of.as_ref().unwrap()),
            Backing::Volume(v) => v.volume.to_string(),
        };
        devices.iter().map(|d| format!("{} {} {:?} {}", what(d), d.device, d.boot_index, d.size_mib)).collect()
    }

    #[track_caller]
    fn check(asked: &[Mapping], with_image: bool, flavor: &Flavor, expect: Result<&[&str], &str>) {
        let image = image();
        let got = devices(asked, with_image.then_some(&image), flavor);
        match (got, expect) {
            (Ok(devices), Ok(expect)) => assert_eq!(summary(&devices), expect),
            (Err(e), Err(expect)) => assert!(e.message().contains(expect), "{e}"),
            (got, expect) => panic!("{got:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn disks_of_image_flavor_and_mapping() {
        let plain = flavor();
        let rich = Flavor { ephemeral_gib: 3, swap_mib: 64, ..flavor() };
        let zero = Flavor { disk_gib: 0, ..flavor() };
        let new = |source, boot_index, size_gib| Mapping {
            source,
            to_volume: true,
            boot_index,
            size_gib,
            ..Mapping::default()
        };
        let blank = |size_gib, format: Option<&str>| Mapping {
            size_gib,
            guest_format: format.map(str::to_owned),
            ..Mapping::default()
        };
        check(&[], true, &plain, Ok(&["root /dev/vda Some(0) 1024"]));
        check(&[], true, &zero, Ok(&["root /dev/vda Some(0) 192"]));
        check(
            &[],
            true,
            &rich,
            Ok(&["root /dev/vda Some(0) 1024", "eph0 /dev/vdb None 3072", "swap /dev/vdc None 64"]),
        );
        check(&[volume("v", Some(-1))], true, &plain, Ok(&["root /dev/vda Some(0) 1024", "v /dev/vdb None 0"]));
        check(&[volume("v", Some(0))], false, &plain, Ok(&["v /dev/vda Some(0) 0"]));
        check(&[volume("v", Some(0))], true, &plain, Ok(&["v /dev/vda Some(0) 0"]));
        let explicit_root = Mapping { source: Source::Image("i".into()), boot_index: Some(0), ..Mapping::default() };
        check(std::slice::from_ref(&explicit_root), true, &plain, Ok(&["root /dev/vda Some(0) 1024"]));
        check(
            &[new(Source::Image("i".into()), Some(0), Some(2)), new(Source::Blank, None, Some(1))],
            false,
            &plain,
            Ok(&["new Image(ImageId(\"i\")) /dev/vda Some(0) 2048", "new Blank /dev/vdb None 1024"]),
        );
        check(
            &[blank(Some(1), None), blank(Some(2), None), blank(Some(32), Some("swap"))],
            true,
            &rich,
            Ok(&[
                "root /dev/vda Some(0) 1024",
                "eph0 /dev/vdb None 1024",
                "eph1 /dev/vdc None 2048",
                "swap /dev/vdd None 32",
            ]),
        );
        check(&[blank(Some(4), None)], true, &rich, Err("larger than the instance type allows"));
        check(&[blank(Some(65), Some("swap"))], true, &rich, Err("Swap drive"));
        check(&[new(Source::Image("i".into()), Some(0), None)], false, &plain, Err("non-zero size"));
        check(&[new(Source::Blank, None, None)], true, &plain, Err("non-zero size"));
        check(&[volume("v", None)], false, &plain, Err("Boot sequence"));
        check(&[volume("v", Some(2))], true, &plain, Err("Boot sequence"));
        check(&[volume("v", Some(0)), volume("w", Some(0))], false, &plain, Err("Boot sequence"));
        check(&[explicit_root], false, &plain, Err("Mapping image to local"));
    }

    #[test]
    fn buses_are_the_images_or_the_mappings() {
        let scsi = RootImage { bus: Some("scsi".into()), ..image() };
        let ide = Mapping { bus: Some("ide".into()), ..volume("v", None) };
        let devices = devices(&[ide], Some(&scsi), &flavor()).unwrap();
        assert_eq!(summary(&devices), ["root /dev/sda Some(0) 1024", "v /dev/hda None 0"]);
        let odd = Mapping { bus: Some("fdc".into()), ..volume("v", None) };
        check(&[odd], true, &flavor(), Err("disk bus fdc"));
    }
}
