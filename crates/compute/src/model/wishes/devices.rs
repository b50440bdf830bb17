//! All devices that can be chosen, one function each; whose word counts is said there.

use super::{Asked, Result, WishError, image::number, is_yes};
use crate::driver::{
    Choice, DiskBus, Firmware, GuestSystem, Hardware, InputBus, Machine, RngRate, ScsiModel, Tpm, TpmModel, TpmVersion,
    UsbModel, Video, VideoModel, WatchdogAction,
};

/// What a PC has of serial ports.
const SERIAL_PORTS: u32 = 4;

pub(super) fn hardware(asked: &Asked<'_>) -> Result<Hardware> {
    sound(asked)?;
    asked.agreed_yes("mem_encryption")?;
    secure_boot(asked)?;
    let (keyboard, tablet) = input(asked);
    Ok(Hardware {
        pmu: asked.agreed_yes("pmu")?.into(),
        hypervisor_id: hypervisor_id(asked),
        system: system(asked),
        watchdog: watchdog(asked)?,
        rng_rate: rng_rate(asked)?,
        video: video(asked)?,
        keyboard,
        tablet,
        more_serial_ports: serial_ports(asked)? - 1,
        boot_menu: boot_menu(asked),
        // As in Nova: guests have none unless they ask for it.
        hpet: Some(asked.yes("time_hpet").unwrap_or(false)).into(),
        scsi: scsi(asked)?,
        cdrom: cdrom(asked)?,
        usb: usb(asked)?,
        packed_rings: asked.agreed_yes("virtio_packed_ring")?.into(),
        nic_queues: nic_queues(asked)?,
        locked_memory: locked_memory(asked)?,
        tpm: tpm(asked)?,
        ..Hardware::default()
    })
}

/// The image's.
pub(super) fn machine(asked: &Asked<'_>) -> Machine {
    match asked.property("machine_type") {
        Some(name) if name.contains("q35") => Machine::Q35,
        _ => Machine::Pc,
    }
}

/// The image's.
pub(super) fn firmware(asked: &Asked<'_>) -> Firmware {
    match asked.property("firmware_type") {
        Some("uefi") => Firmware::Uefi,
        _ => Firmware::Bios,
    }
}

/// The flavor's, and the image's if it says nothing. Either may hide it.
fn hypervisor_id(asked: &Asked<'_>) -> Choice {
    let flavor = asked.spec("hide_hypervisor_id").or(asked.extra("hide_hypervisor_id"));
    let hidden = flavor.is_some_and(is_yes) || asked.image_value("img_hide_hypervisor_id").is_some_and(is_yes);
    if hidden { Choice::Off } else { Choice::Usual }
}

fn system(asked: &Asked<'_>) -> GuestSystem {
    match asked.image_value("os_type") {
        Some(name) if name.eq_ignore_ascii_case("windows") => GuestSystem::Windows,
        _ => GuestSystem::Other,
    }
}

/// The image's before the flavor's.
fn watchdog(asked: &Asked<'_>) -> Result<Option<WatchdogAction>> {
    match asked.property("watchdog_action").or(asked.spec("watchdog_action")).filter(|a| !a.is_empty()) {
        None | Some("disabled") => Ok(None),
        Some("none") => Ok(Some(WatchdogAction::None)),
        Some("pause") => Ok(Some(WatchdogAction::Pause)),
        Some("poweroff") => Ok(Some(WatchdogAction::Poweroff)),
        Some("reset") => Ok(Some(WatchdogAction::Reset)),
        Some(other) => Err(WishError::Watchdog(other.to_owned())),
    }
}

/// There is one unless the flavor forbids it, whether or not the image names its model: there is but one.
pub(super) fn rng_allowed(asked: &Asked<'_>) -> bool {
    asked.extra("hw_rng:allowed").is_none_or(is_yes)
}

fn rng_rate(asked: &Asked<'_>) -> Result<Option<RngRate>> {
    let bytes = flavor_number(asked, "hw_rng:rate_bytes")?;
    let period_ms = flavor_number(asked, "hw_rng:rate_period")?;
    Ok((bytes > 0).then_some(RngRate { bytes, period_ms }))
}

fn flavor_number(asked: &Asked<'_>, key: &str) -> Result<u64> {
    let Some(text) = asked.extra(key) else { return Ok(0) };
    text.trim().parse().map_err(|_| WishError::FlavorNumber(text.to_owned()))
}

/// The model is the image's. So is the memory, up to what the flavor allows: which is nothing if it says nothing.
fn video(asked: &Asked<'_>) -> Result<Video> {
    let model = match asked.property("video_model") {
        None | Some("vga") => VideoModel::Vga,
        Some("virtio") => VideoModel::Virtio,
        Some("cirrus") => VideoModel::Cirrus,
        Some("qxl") => VideoModel::Qxl,
        Some("vmvga") => VideoModel::Vmvga,
        Some("bochs") => VideoModel::Bochs,
        Some("none") => VideoModel::None,
        Some(other) => return Err(WishError::VideoModel(other.to_owned())),
    };
    let ram = asked.property("video_ram").map_or(Ok(0), number)?;
    let most = flavor_number(asked, "hw_video:ram_max_mb")?;
    let (ram, most) = (u32::try_from(ram.max(0)).unwrap_or(u32::MAX), u32::try_from(most).unwrap_or(u32::MAX));
    if ram > most {
        return Err(WishError::VideoMemory(ram, most));
    }
    Ok(Video { model, ram_mib: (ram > 0).then_some(ram) })
}

/// The image's: a keyboard and a tablet on its bus, or the tablet alone.
fn input(asked: &Asked<'_>) -> (Option<InputBus>, Option<InputBus>) {
    let bus = match asked.property("input_bus") {
        Some("usb") => Some(InputBus::Usb),
        Some("virtio") => Some(InputBus::Virtio),
        _ => None,
    };
    let tablet = asked.property("pointer_model").map(|_| InputBus::Usb);
    (bus, bus.or(tablet))
}

/// The flavor's; the image may ask for fewer. Not said, or none: one.
fn serial_ports(asked: &Asked<'_>) -> Result<u8> {
    let flavor = match asked.spec("serial_port_count").filter(|n| !n.is_empty()) {
        Some(text) => text.trim().parse().map_err(|_| WishError::SerialPorts(text.to_owned()))?,
        None => 0_i64,
    };
    let image = asked.property("serial_port_count").map_or(Ok(0), number)?;
    if flavor != 0 && image > flavor {
        return Err(WishError::SerialPortsExceed);
    }
    let count = if image != 0 { image } else { flavor };
    match u8::try_from(count.max(1)) {
        Ok(count) if u32::from(count) <= SERIAL_PORTS => Ok(count),
        _ => Err(WishError::TooManySerialPorts(SERIAL_PORTS)),
    }
}

/// The image's before the flavor's.
fn boot_menu(asked: &Asked<'_>) -> Choice {
    let flavor = asked.spec("boot_menu").map(is_yes);
    if asked.yes("boot_menu").or(flavor) == Some(true) { Choice::On } else { Choice::Usual }
}

/// The image's; used if a disk is on that bus.
fn scsi(asked: &Asked<'_>) -> Result<ScsiModel> {
    let Some(name) = asked.property("scsi_model") else { return Ok(ScsiModel::Virtio) };
    match name.to_ascii_lowercase().as_str() {
        "virtio-scsi" => Ok(ScsiModel::Virtio),
        "lsilogic" => Ok(ScsiModel::LsiLogic),
        "lsisas1068" | "lsilogicsas" => Ok(ScsiModel::LsiSas1068),
        "lsisas1078" => Ok(ScsiModel::LsiSas1078),
        "vmpvscsi" | "paravirtual" => Ok(ScsiModel::VmPvScsi),
        _ => Err(WishError::Unsupported(name.to_owned())),
    }
}

/// The image's.
fn cdrom(asked: &Asked<'_>) -> Result<Option<DiskBus>> {
    let Some(name) = asked.property("cdrom_bus") else { return Ok(None) };
    match (name, machine(asked)) {
        // q35 has no IDE.
        ("ide", Machine::Q35) => Err(WishError::Unsupported(name.to_owned())),
        _ => bus(name).map(Some).ok_or_else(|| WishError::Unsupported(name.to_owned())),
    }
}

/// A bus of disks by its name.
pub fn bus(name: &str) -> Option<DiskBus> {
    match name {
        "virtio" => Some(DiskBus::Virtio),
        "scsi" => Some(DiskBus::Scsi),
        "ide" => Some(DiskBus::Ide),
        "sata" => Some(DiskBus::Sata),
        "usb" => Some(DiskBus::Usb),
        _ => None,
    }
}

/// Of both, which must agree.
fn usb(asked: &Asked<'_>) -> Result<Option<UsbModel>> {
    match asked.agreed("hw", "usb_model")? {
        None | Some("none") => Ok(None),
        Some("nec-xhci") => Ok(Some(UsbModel::NecXhci)),
        Some("qemu-xhci") => Ok(Some(UsbModel::QemuXhci)),
        Some(other) => Err(WishError::UsbModel(other.to_owned())),
    }
}

/// Of both, which must agree, unless there is but one processor: a queue for each.
fn nic_queues(asked: &Asked<'_>) -> Result<Option<u32>> {
    let vcpus = asked.flavor.vcpus;
    if vcpus < 2 {
        return Ok(None);
    }
    Ok(asked.agreed_yes("vif_multiqueue_enabled")?.filter(|yes| *yes).map(|_| vcpus))
}

/// Only hosts that have it take a guest with one.
fn sound(asked: &Asked<'_>) -> Result<()> {
    match asked.agreed("hw", "sound_model")? {
        None | Some("sb16" | "es1370" | "pcspk" | "ac97" | "ich6" | "ich9" | "usb" | "virtio") => Ok(()),
        Some(other) => Err(WishError::SoundModel(other.to_owned())),
    }
}

/// Version and model, of both, which must agree. Only hosts that have it take a guest with one.
pub(super) fn tpm(asked: &Asked<'_>) -> Result<Option<Tpm>> {
    let version = match asked.agreed("hw", "tpm_version")? {
        None => return Ok(None),
        Some("1.2") => TpmVersion::V1_2,
        Some("2.0") => TpmVersion::V2_0,
        Some(other) => return Err(WishError::TpmVersion(other.to_owned())),
    };
    let model = match asked.agreed("hw", "tpm_model")?.unwrap_or("tpm-tis") {
        "tpm-crb" if version != TpmVersion::V2_0 => return Err(WishError::TpmCrb),
        "tpm-crb" => TpmModel::Crb,
        "tpm-tis" => TpmModel::Tis,
        other => return Err(WishError::TpmModel(other.to_owned())),
    };
    Ok(Some(Tpm::new(version, model)))
}

/// Of both, which must agree. Firmware that checks what it boots is UEFI on q35.
pub(super) fn secure_boot<'a>(asked: &Asked<'a>) -> Result<Option<&'a str>> {
    let policy = asked.agreed("os", "secure_boot")?;
    match policy {
        None | Some("disabled" | "optional") => Ok(policy),
        Some("required") if firmware(asked) == Firmware::Uefi && machine(asked) == Machine::Q35 => Ok(policy),
        Some("required") => Err(WishError::SecureBootMachine),
        Some(other) => Err(WishError::SecureBoot(other.to_owned())),
    }
}

/// Of both, which must agree, and only beside a page size.
fn locked_memory(asked: &Asked<'_>) -> Result<bool> {
    let (flavor, image) = (asked.spec("locked_memory").map(is_yes), asked.yes("locked_memory"));
    let word = |yes| if yes { "True" } else { "False" };
    if let (Some(flavor), Some(image)) = (flavor, image)
        && flavor != image
    {
        return Err(WishError::LockedMemoryConflict { image: word(image), flavor: word(flavor) });
    }
    let sized = asked.spec("mem_page_size").or(asked.property("mem_page_size")).is_some();
    let locked = flavor.or(image) == Some(true);
    if locked && !sized { Err(WishError::LockedMemory) } else { Ok(locked) }
}
