//! A guest's hardware, decided from server, image and flavor: the same for every start on every host.

use super::{
    Flavor,
    device::{Backing, BlockDevice, VolumeBacking, block_mapping},
    server::Server,
    vm::{GuestMetadata, Power, VmIntent, VmPort, VmVolume},
    wishes::{self, Wishes},
};
use crate::{
    Config,
    driver::{
        Disk, DiskBus, DiskEncryption, DiskFormat, DiskSource, ImageSource, IoLimits, LocalDiskSpec, Room, VmSpec,
    },
};
use kernel::{HostName, VolumeId};
use ports::{
    BoundPort, ConnectedVolume, ImageInfo,
    network::{NicLimits, NicRate},
};
use std::{collections::BTreeMap, path::PathBuf};

/// Seconds a guest gets to shut down when neither image nor flavor say (`shutdown_timeout` of Nova).
const GRACEFUL_SECONDS: u64 = 60;
/// CFS period that `quota:cpu_quota` counts in if the flavor names none: 100 ms.
const CPU_PERIOD: u64 = 100_000;
/// What a guest may ever be given while it runs: within the 40 bits of its addresses, and its 8 bits of processor numbers.
const MOST_MEMORY_MIB: u64 = 512 << 10;
const MOST_VCPUS: u32 = 240;

/// What is known when a server's intent is first written.
pub struct Build<'a> {
    pub server: &'a Server,
    pub host: &'a HostName,
    pub image: Option<&'a ImageInfo>,
    pub bound: Vec<BoundPort>,
    pub connected: Vec<ConnectedVolume>,
    pub groups: Vec<String>,
    pub admin_pass: Option<String>,
    pub config: &'a Config,
}

impl Build<'_> {
    /// The intent that starts the guest, in the server's next generation.
    pub fn intent(&self) -> VmIntent {
        let server = self.server;
        VmIntent {
            server: server.id.clone(),
            host: self.host.clone(),
            generation: server.generation + 1,
            power: Power::Running,
            reboots: server.reboots,
            reboot_hard: false,
            graceful_seconds: graceful_seconds(server),
            spec: spec(server, self.config),
            local_disks: server.devices.iter().filter_map(|d| self.local_disk(d)).chain(tpm_disk(server)).collect(),
            volumes: self.connected.iter().filter_map(|c| volume(server, c)).collect(),
            ports: self.bound.iter().filter_map(|b| port(server, b.clone())).collect(),
            metadata: metadata(server, self.groups.clone(), self.admin_pass.clone()),
            kept_disks: Vec::new(),
            spare: false,
            from: None,
        }
    }

    fn local_disk(&self, device: &BlockDevice) -> Option<LocalDiskSpec> {
        let Backing::Local { name, image } = &device.what else { return None };
        let shelved = self.server.shelved_image.as_ref().filter(|_| device.boot_index == Some(0));
        let from = shelved.or(image.as_ref());
        let base = self.image.filter(|info| from == Some(&info.id)).map(source);
        let size_bytes = device.size_mib * 1024 * 1024;
        Some(LocalDiskSpec { server: self.server.id.clone(), name: name.clone(), size_bytes, base })
    }
}

fn tpm_disk(server: &Server) -> Option<LocalDiskSpec> {
    server.tpm.as_ref().and_then(|tpm| tpm.disk(server))
}

/// An interface of the intent; `None` for a port that is not the server's.
pub fn port(server: &Server, mut bound: BoundPort) -> Option<VmPort> {
    let nic = server.nics.iter().find(|n| n.plan.port == bound.port)?;
    if let Some(model) = property(server, "hw_vif_model") {
        bound.model = wishes::vif_model(model);
    }
    Some(VmPort { bound, slot: nic.slot, tag: nic.tag.clone() })
}

/// A volume of the intent; `None` for one that is not the server's.
pub fn volume(server: &Server, connected: &ConnectedVolume) -> Option<VmVolume> {
    let is = |d: &&BlockDevice| d.volume().is_some_and(|v: &VolumeBacking| v.volume == connected.volume);
    let device = server.devices.iter().find(is)?;
    Some(VmVolume {
        volume: connected.volume.clone(),
        target: connected.target.clone(),
        read_only: connected.read_only,
        slot: device.slot,
        boot_index: device.boot_index,
        io: connected.limits,
        bus: device.bus,
        encryption: connected.encryption,
        tag: device.tag.clone(),
    })
}

fn source(info: &ImageInfo) -> ImageSource {
    ImageSource {
        image: info.id.clone(),
        disk_format: info.disk_format.clone(),
        size: info.size,
        hash: info.hash.clone(),
        hash_algo: info.hash_algo.clone(),
    }
}

/// A local disk's name before it was ever made anew.
pub fn first_edition(name: &str) -> &str {
    name.split_once('v').map_or(name, |(first, _)| first)
}

/// The name of a local disk that takes the place of `name`: `root`, `rootv2`, `rootv3`, …
pub fn next_edition(name: &str) -> String {
    let number = name.split_once('v').and_then(|(_, number)| number.parse::<u64>().ok()).unwrap_or(1);
    format!("{}v{}", first_edition(name), number + 1)
}

/// A volume's place in the boot order.
pub fn boot_index_of(server: &Server, volume: &VolumeId) -> Option<u32> {
    server.devices.iter().find(|d| d.volume().is_some_and(|v| v.volume == *volume))?.boot_index
}

/// What the disk that a rescued guest boots from is called.
const RESCUE: &str = "rescue";

/// Puts a disk made of `image` before all others. Its bus, and that all others keep their places, images ask for by
/// `hw_rescue_bus` and `hw_rescue_device`; without them it takes the place of the guest's own root disk.
pub fn rescue(intent: &mut VmIntent, server: &Server, image: &ImageInfo, admin_pass: &str) {
    unrescue(intent, server);
    let asked = |name: &str| image.properties.get(name).map(String::as_str);
    let slots = || intent.spec.disks.iter().map(|d| d.slot).chain(intent.volumes.iter().map(|v| v.slot));
    let mut slot = (0..=u8::MAX).find(|slot| slots().all(|taken| taken != *slot)).unwrap_or(u8::MAX);
    let root = server.root().map(BlockDevice::disk_id).unwrap_or_default();
    let own = server.root().map_or(DiskBus::Virtio, |root| root.bus);
    let stable = asked("hw_rescue_bus").or(asked("hw_rescue_device")).is_some();
    if let Some(root) = intent.spec.disks.iter_mut().find(|d| !stable && d.id == root) {
        std::mem::swap(&mut root.slot, &mut slot);
    }
    let bus = asked("hw_rescue_bus").map_or(own, |bus| disk_bus(Some(bus)).unwrap_or(own));
    later(intent, |at| at + 1);
    let name = format!("{RESCUE}{}", intent.generation + 1);
    intent.local_disks.push(LocalDiskSpec {
        server: server.id.clone(),
        name: name.clone(),
        // As large as the image.
        size_bytes: 0,
        base: Some(source(image)),
    });
    intent.spec.disks.push(Disk {
        serial: format!("{}-{RESCUE}", &server.id[..server.id.len().min(8)]),
        id: name,
        source: DiskSource::File { path: PathBuf::new(), format: DiskFormat::Qcow2 },
        bus,
        boot_index: Some(0),
        read_only: false,
        slot,
        volume: None,
        io: IoLimits::default(),
        encryption: DiskEncryption::None,
    });
    intent.metadata.admin_pass = Some(admin_pass.to_owned()).filter(|_| server.config_drive);
}

/// Takes away what [`rescue`] has put in, if it has.
pub fn unrescue(intent: &mut VmIntent, server: &Server) {
    let disks = intent.local_disks.len();
    intent.local_disks.retain(|d| !d.name.starts_with(RESCUE));
    if intent.local_disks.len() == disks {
        return;
    }
    intent.spec.disks.retain(|d| !d.id.starts_with(RESCUE));
    later(intent, |at| at.saturating_sub(1));
    for device in server.devices.iter().filter(|d| d.is_local()) {
        if let Some(disk) = intent.spec.disks.iter_mut().find(|d| d.id == device.disk_id()) {
            disk.slot = device.slot;
        }
    }
}

fn later(intent: &mut VmIntent, place: impl Fn(u32) -> u32) {
    let disks = intent.spec.disks.iter_mut().map(|d| &mut d.boot_index);
    let volumes = intent.volumes.iter_mut().map(|v| &mut v.boot_index);
    disks.chain(volumes).for_each(|at| *at = at.map(&place));
}

/// The volumes a server needs connected.
pub fn volumes(server: &Server) -> impl Iterator<Item = &VolumeId> {
    server.devices.iter().filter_map(|d| d.volume()).map(|v| &v.volume)
}

fn spec(server: &Server, config: &Config) -> VmSpec {
    let flavor = &server.flavor;
    let mut wishes = wishes::of(flavor, &server.properties);
    let most = if config.max_queues == 0 { u32::MAX } else { config.max_queues };
    wishes.hardware.nic_queues = wishes.hardware.nic_queues.map(|queues| queues.min(most)).filter(|queues| *queues > 1);
    let mut spec = VmSpec {
        server: server.id.clone(),
        name: server.instance_name(),
        vcpus: flavor.vcpus,
        memory_mib: flavor.ram_mib,
        machine: wishes.machine,
        machine_type: server.machine_type.clone(),
        firmware: wishes.firmware,
        cpu_model: None,
        disks: server.devices.iter().filter_map(|d| disk(server, d)).collect(),
        nics: Vec::new(),
        config_drive: None,
        cpu_shares: None,
        cpu_quota_milli: None,
        guest_agent: wishes.guest_agent,
        cells: server.cells.clone(),
        room: room(server, config, &wishes),
        rng: wishes.rng,
        hardware: wishes.hardware,
    };
    set_limits(&mut spec, flavor);
    spec
}

/// Gives hardware the limits that a flavor sets. They may change while the guest runs.
pub fn set_limits(spec: &mut VmSpec, flavor: &Flavor) {
    let (specs, vcpus) = (&flavor.extra_specs, u64::from(flavor.vcpus));
    spec.cpu_shares = Some(number(specs, "quota:cpu_shares").unwrap_or(1024 * vcpus));
    spec.cpu_quota_milli = cpu_quota(specs).map(|each| each * vcpus);
    let io = io_limits(specs);
    spec.disks.iter_mut().filter(|disk| disk.volume.is_none()).for_each(|disk| disk.io = io);
}

/// How far a guest may grow while it runs: four times over, and by a few GiB at least. None if it has cells of its host, which are
/// given out for good. Memory only for guests that are large enough not to miss what Linux sets aside for it ([`Config`]); vCPUs by whole
/// sockets, as many as flavor and image allow.
fn room(server: &Server, config: &Config, wishes: &Wishes) -> Option<Room> {
    let (vcpus, memory) = (server.flavor.vcpus, server.flavor.ram_mib);
    let most_memory_mib =
        if memory >= config.live_resize_from_mib { memory.saturating_mul(4).max(memory + 4096) } else { memory };
    server.cells.is_empty().then(|| Room {
        base_vcpus: vcpus,
        base_mib: memory,
        most_memory_mib: most_memory_mib.min(MOST_MEMORY_MIB).max(memory),
        most_vcpus: most_vcpus(vcpus, wishes),
    })
}

fn most_vcpus(vcpus: u32, wishes: &Wishes) -> u32 {
    let package = wishes.hardware.package.processors();
    let sockets = (vcpus * 4).clamp(4, MOST_VCPUS) / package;
    (sockets.min(wishes.most_sockets.unwrap_or(u32::MAX)) * package).max(vcpus)
}

/// A local disk. Where it lies, the host decides; until then the path is empty.
fn disk(server: &Server, device: &BlockDevice) -> Option<Disk> {
    let Backing::Local { name, .. } = &device.what else { return None };
    Some(Disk {
        id: name.clone(),
        source: DiskSource::File { path: PathBuf::new(), format: DiskFormat::Qcow2 },
        bus: device.bus,
        serial: format!("{}-{}", &server.id[..server.id.len().min(8)], first_edition(name)),
        boot_index: device.boot_index,
        read_only: false,
        slot: device.slot,
        volume: None,
        io: IoLimits::default(),
        encryption: DiskEncryption::None,
    })
}

pub fn metadata(server: &Server, groups: Vec<String>, admin_pass: Option<String>) -> GuestMetadata {
    GuestMetadata {
        uuid: server.id.to_string(),
        name: server.name.clone(),
        hostname: server.hostname.clone(),
        project: server.project.to_string(),
        availability_zone: server.availability_zone.clone().unwrap_or_default(),
        launch_index: server.launch_index,
        flavor: server.flavor.name.clone(),
        meta: server.metadata.clone(),
        keys: server.key.iter().map(|k| (k.name.clone(), k.public.clone())).collect(),
        user_data: server.user_data.clone(),
        // The password is for the config drive alone: the metadata service would tell it to every process of the guest.
        admin_pass: admin_pass.filter(|_| server.config_drive),
        config_drive: server.config_drive,
        reservation: server.reservation.clone(),
        security_groups: groups,
        image: server.image_ref().to_owned(),
        disk_tags: server.devices.iter().filter_map(local_tag).collect(),
        block_devices: block_mapping(server.devices.iter()),
    }
}

/// Tells the guest of its disks as the intent has them: volumes come and go.
pub fn tell_disks(intent: &mut VmIntent, server: &Server) {
    let volumes: Vec<&VolumeId> = intent.volumes.iter().map(|v| &v.volume).collect();
    let there = |d: &&BlockDevice| d.volume().is_none_or(|v| volumes.contains(&&v.volume));
    intent.metadata.block_devices = block_mapping(server.devices.iter().filter(there));
}

fn local_tag(device: &BlockDevice) -> Option<(String, String)> {
    let Backing::Local { name, .. } = &device.what else { return None };
    Some((name.clone(), device.tag.clone()?))
}

fn property<'a>(server: &'a Server, name: &str) -> Option<&'a str> {
    server.properties.get(name).map(String::as_str)
}

fn number(specs: &BTreeMap<String, String>, key: &str) -> Option<u64> {
    specs.get(key)?.parse().ok()
}

fn graceful_seconds(server: &Server) -> u64 {
    property(server, "os_shutdown_timeout").and_then(|t| t.parse().ok()).unwrap_or(GRACEFUL_SECONDS)
}

/// `quota:cpu_quota` of `quota:cpu_period` microseconds, in thousandths of a core: what each vCPU has.
fn cpu_quota(specs: &BTreeMap<String, String>) -> Option<u64> {
    let period = number(specs, "quota:cpu_period").filter(|p| *p > 0).unwrap_or(CPU_PERIOD);
    number(specs, "quota:cpu_quota").map(|quota| quota * 1000 / period)
}

fn io_limits(specs: &BTreeMap<String, String>) -> IoLimits {
    IoLimits::named(|name| number(specs, &format!("quota:disk_{name}"))).fitted()
}

/// What a flavor lets each interface carry: Nova's kilobytes, as libvirt's. What may come at once comes as fast as it can, so there is
/// nothing that `quota:vif_…_peak` could hold it to.
pub fn nic_limits(flavor: &Flavor) -> NicLimits {
    let kilobits = |name: &str| {
        let kilobytes = number(&flavor.extra_specs, &format!("quota:vif_{name}")).filter(|n| *n > 0)?;
        Some(u32::try_from(kilobytes.saturating_mul(8)).unwrap_or(u32::MAX))
    };
    let rate = |way: &str| {
        let burst_kbits = kilobits(&format!("{way}_burst")).unwrap_or_default();
        Some(NicRate { kbps: kilobits(&format!("{way}_average"))?, burst_kbits })
    };
    NicLimits { ingress: rate("inbound"), egress: rate("outbound") }
}

/// The bus for disks of a server whose image says so, virtio otherwise.
pub fn disk_bus(name: Option<&str>) -> Option<DiskBus> {
    match name {
        None => Some(DiskBus::Virtio),
        Some(name) => wishes::bus(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        driver::{Firmware, Machine},
        testkit::server,
    };

    fn built(change: impl FnOnce(&mut Server)) -> VmIntent {
        let mut server = server("12345678-rest");
        change(&mut server);
        let image = ImageInfo { id: "i".into(), disk_format: "qcow2".into(), size: 7, ..ImageInfo::default() };
        let host = "h".into();
        Build {
            server: &server,
            host: &host,
            image: Some(&image),
            bound: vec![],
            connected: vec![],
            groups: vec!["default".into()],
            admin_pass: Some("secret".into()),
            config: &Config::default(),
        }
        .intent()
    }

    #[test]
    fn a_rescued_guest_boots_the_other_image_and_gets_everything_back() {
        let before = built(|_| {});
        let server = server("12345678-rest");
        let places = |intent: &VmIntent| -> Vec<_> {
            intent.spec.disks.iter().map(|d| (d.serial.clone(), d.slot, d.boot_index, d.bus)).collect()
        };
        let mut image = ImageInfo { id: "r".into(), disk_format: "raw".into(), ..ImageInfo::default() };
        let mut intent = before.clone();
        rescue(&mut intent, &server, &image, "secret");
        let (root, rescued) = ("12345678-root".to_owned(), "12345678-rescue".to_owned());
        let virtio = DiskBus::Virtio;
        assert_eq!(places(&intent), [(root.clone(), 1, Some(1), virtio), (rescued.clone(), 0, Some(0), virtio)]);
        let added = &intent.local_disks[1];
        assert_eq!((added.base.as_ref().map(|b| b.image.as_str()), added.size_bytes), (Some("r"), 0));
        assert_eq!(added.name, intent.spec.disks[1].id);
        image.properties = [("hw_rescue_bus".into(), "ide".into())].into();
        rescue(&mut intent, &server, &image, "secret");
        assert_eq!(places(&intent), [(root, 0, Some(1), virtio), (rescued, 1, Some(0), DiskBus::Ide)], "in its stead");
        unrescue(&mut intent, &server);
        assert_eq!((&intent.spec, &intent.local_disks), (&before.spec, &before.local_disks));
    }

    #[test]
    fn editions_of_a_disk() {
        for (name, next) in [("root", "rootv2"), ("rootv2", "rootv3"), ("eph0", "eph0v2"), ("swapv9", "swapv10")] {
            assert_eq!(next_edition(name), next);
        }
    }

    fn properties(server: &mut Server, list: &[(&str, &str)]) {
        server.properties = list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    }

    #[test]
    fn a_plain_server() {
        let intent = built(|_| {});
        assert_eq!((intent.generation, intent.power, intent.graceful_seconds), (1, Power::Running, 60));
        let disk = &intent.spec.disks[0];
        assert_eq!((disk.id.as_str(), disk.slot, disk.boot_index, disk.bus), ("root", 0, Some(0), DiskBus::Virtio));
        assert_eq!(disk.serial, "12345678-root");
        let local = &intent.local_disks[0];
        assert_eq!((local.size_bytes, local.base.as_ref().map(|b| b.size)), (1 << 30, Some(7)));
        assert_eq!(intent.spec.cpu_shares, Some(1024));
        assert_eq!(intent.metadata.admin_pass, None, "no config drive, no password");
        assert_eq!(built(|s| s.config_drive = true).metadata.admin_pass.as_deref(), Some("secret"));
    }

    #[test]
    fn images_and_flavors_choose_hardware() {
        let uefi = [("hw_machine_type", "pc-q35-7.2"), ("hw_firmware_type", "uefi"), ("hw_qemu_guest_agent", "yes")];
        let spec = built(|s| properties(s, &uefi)).spec;
        assert_eq!((spec.machine, spec.firmware, spec.guest_agent), (Machine::Q35, Firmware::Uefi, true));
        assert_eq!(built(|s| properties(s, &[("os_shutdown_timeout", "5")])).graceful_seconds, 5);
        let limits = [
            ("quota:cpu_quota", "20000"),
            ("quota:cpu_shares", "512"),
            ("quota:disk_read_iops_sec", "100"),
            ("hw_rng:allowed", "False"),
        ];
        let spec = built(|s| {
            s.flavor.extra_specs = limits.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        })
        .spec;
        assert_eq!((spec.cpu_quota_milli, spec.cpu_shares, spec.rng), (Some(200), Some(512), false));
        assert_eq!(spec.disks[0].io.read_iops_sec, Some(100));
    }

    #[test]
    fn flavors_limit_disks_and_interfaces() {
        let flavor = |specs: &[(&str, &str)]| {
            let mut flavor = server("s").flavor;
            flavor.extra_specs = specs.iter().map(|(k, v)| (format!("quota:{k}"), (*v).to_owned())).collect();
            flavor
        };
        let disk = flavor(&[
            ("disk_write_bytes_sec", "10"),
            ("disk_write_bytes_sec_max", "50"),
            ("disk_read_iops_sec_max", "9"),
        ]);
        let expect = IoLimits { write_bytes_sec: Some(10), write_bytes_sec_max: Some(50), ..IoLimits::default() };
        assert_eq!(io_limits(&disk.extra_specs), expect, "a burst needs a rate");
        let check = |specs: &[(&str, &str)], ingress: Option<(u32, u32)>, egress: Option<(u32, u32)>| {
            let rate = |of: Option<(u32, u32)>| of.map(|(kbps, burst_kbits)| NicRate { kbps, burst_kbits });
            let expect = NicLimits { ingress: rate(ingress), egress: rate(egress) };
            assert_eq!(nic_limits(&flavor(specs)), expect, "{specs:?}");
        };
        check(&[], None, None);
        check(&[("vif_inbound_average", "1000")], Some((8000, 0)), None);
        check(
            &[("vif_outbound_average", "125"), ("vif_outbound_burst", "10"), ("vif_outbound_peak", "500")],
            None,
            Some((1000, 80)),
        );
        check(&[("vif_inbound_average", "0"), ("vif_outbound_peak", "500"), ("vif_outbound_burst", "10")], None, None);
        check(&[("vif_inbound_average", "99999999999")], Some((u32::MAX, 0)), None);
    }
}
