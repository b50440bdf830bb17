//! Devices that an image or a flavor may choose: screen, watchdog, random numbers, USB, keyboard and tablet, serial ports.

use super::{
    Line,
    address::{self, Fixed, UsbPort},
    escaped_path,
};
use crate::qemu::record::VmDir;
use compute::driver::{DiskBus, InputBus, UsbModel, Video, VideoModel, VmSpec, WatchdogAction};
use serde_json::{Value, json};

/// What a VGA has of memory if nobody asks for more, and the most that QEMU gives one.
const USUAL_VIDEO_MIB: u32 = 16;
const MOST_VIDEO_MIB: u32 = 256;

pub fn devices(line: &mut Line, spec: &VmSpec, dir: &VmDir) {
    if let Some(video) = video(&spec.hardware.video) {
        placed(line, spec, video, Fixed::Vga);
    }
    if spec.rng {
        rng(line, spec);
    }
    if let Some(action) = spec.hardware.watchdog {
        placed(line, spec, json!({"driver": "i6300esb", "id": "watchdog"}), Fixed::Watchdog);
        line.opt("-action", format!("watchdog={}", action_word(action)));
    }
    if needs_usb(spec) {
        placed(line, spec, usb(spec.hardware.usb), Fixed::Usb);
    }
    input(line, spec, "keyboard", spec.hardware.keyboard, UsbPort::Keyboard, Fixed::Keyboard);
    input(line, spec, "tablet", spec.hardware.tablet, UsbPort::Tablet, Fixed::Tablet);
    for number in 1..=spec.hardware.more_serial_ports {
        let path = escaped_path(&dir.socket(&socket(number)));
        line.opt("-chardev", format!("socket,id=serial{number},path={path},server=on,wait=off"));
        let (id, chardev) = (format!("ttyS{number}"), format!("serial{number}"));
        line.json("-device", &json!({"driver": "isa-serial", "id": id, "chardev": chardev, "index": number}));
    }
}

/// The socket of a serial port that is not the console.
fn socket(number: u8) -> String {
    format!("serial{number}.sock")
}

fn placed(line: &mut Line, spec: &VmSpec, mut device: Value, at: Fixed) {
    address::fixed(spec.machine, at).put(&mut device);
    line.json("-device", &device);
}

fn video(video: &Video) -> Option<Value> {
    let mut device = json!({"id": "video"});
    let asked = video.ram_mib.map(|mib| mib.next_power_of_two().min(MOST_VIDEO_MIB));
    let (driver, memory) = match video.model {
        VideoModel::None => return None,
        VideoModel::Vga => ("VGA", Some(asked.unwrap_or(USUAL_VIDEO_MIB))),
        // It takes what it needs of the guest's own.
        VideoModel::Virtio => ("virtio-vga", None),
        VideoModel::Cirrus => ("cirrus-vga", asked.map(|mib| mib.min(USUAL_VIDEO_MIB))),
        VideoModel::Qxl => ("qxl-vga", asked),
        VideoModel::Vmvga => ("vmware-svga", asked),
        VideoModel::Bochs => ("bochs-display", None),
    };
    device["driver"] = json!(driver);
    if let Some(mib) = memory {
        device["vgamem_mb"] = json!(mib);
    }
    if let (VideoModel::Bochs, Some(mib)) = (video.model, asked) {
        device["vgamem"] = json!(u64::from(mib) << 20);
    }
    Some(device)
}

fn rng(line: &mut Line, spec: &VmSpec) {
    line.json("-object", &json!({"qom-type": "rng-random", "id": "entropy", "filename": "/dev/urandom"}));
    let mut rng = json!({"driver": "virtio-rng-pci", "id": "rng", "rng": "entropy"});
    if let Some(rate) = spec.hardware.rng_rate {
        rng["max-bytes"] = json!(rate.bytes);
        if rate.period_ms > 0 {
            rng["period"] = json!(rate.period_ms);
        }
    }
    placed(line, spec, rng, Fixed::Rng);
}

const fn action_word(action: WatchdogAction) -> &'static str {
    match action {
        WatchdogAction::None => "none",
        WatchdogAction::Pause => "pause",
        WatchdogAction::Poweroff => "poweroff",
        WatchdogAction::Reset => "reset",
    }
}

/// A guest has USB if it asked for it, or for a device on it.
fn needs_usb(spec: &VmSpec) -> bool {
    let hardware = &spec.hardware;
    let usb = Some(InputBus::Usb);
    hardware.usb.is_some()
        || hardware.keyboard == usb
        || hardware.tablet == usb
        || spec.disks.iter().any(|d| d.bus == DiskBus::Usb)
        || spec.config_drive.is_some() && hardware.cdrom == Some(DiskBus::Usb)
}

fn usb(model: Option<UsbModel>) -> Value {
    let driver = match model {
        None | Some(UsbModel::QemuXhci) => "qemu-xhci",
        Some(UsbModel::NecXhci) => "nec-usb-xhci",
    };
    json!({"driver": driver, "id": "usb", "p2": 15, "p3": 15})
}

fn input(line: &mut Line, spec: &VmSpec, id: &str, bus: Option<InputBus>, port: UsbPort, at: Fixed) {
    match bus {
        None => {}
        Some(InputBus::Virtio) => placed(line, spec, json!({"driver": format!("virtio-{id}-pci"), "id": id}), at),
        Some(InputBus::Usb) => {
            let driver = if id == "keyboard" { "usb-kbd" } else { "usb-tablet" };
            let mut device = json!({"driver": driver, "id": id});
            address::usb(port, &mut device);
            line.json("-device", &device);
        }
    }
}
