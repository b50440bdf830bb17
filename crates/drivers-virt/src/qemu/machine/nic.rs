//! A network interface as QEMU takes it: the tap that the host's network driver has made, and the device in the guest.

use super::{Board, Setting, address};
use compute::driver::Nic;
use kernel::{Error, PortId, Result};
use serde_json::{Value, json};

pub struct NicParts {
    pub backend: Value,
    pub device: Value,
}

pub fn device_id(port: &PortId) -> String {
    format!("nic-{port}")
}

pub fn backend_id(slot: u8) -> String {
    format!("net{slot}")
}

pub fn parts(nic: &Nic, board: &Board, setting: &Setting<'_>) -> Result<NicParts> {
    if nic.tap.is_empty() || nic.tap.len() > 15 || nic.tap.contains(['/', ' ', ',']) {
        return Err(Error::bad_request(format!("{:?} cannot be the name of a tap", nic.tap)));
    }
    let mut backend = json!({"type": "tap", "id": backend_id(nic.slot), "ifname": nic.tap, "script": "no",
                         "downscript": "no", "vhost": false});
    // `romfile`: a guest boots from its disks; without the boot ROM it is there sooner.
    let mut device = json!({"driver": driver(&nic.model)?, "id": device_id(&nic.port),
                            "netdev": backend_id(nic.slot), "mac": nic.mac, "romfile": ""});
    address::nic(board.machine, nic.slot)?.put(&mut device);
    if device["driver"] == "virtio-net-pci" {
        device["host_mtu"] = json!(nic.mtu);
        board.rings(&mut device);
        if let Some(queues) = board.nic_queues.filter(|queues| *queues > 1) {
            backend["queues"] = json!(queues);
            device["mq"] = json!(true);
            // Two for each pair, and those of configuration and control.
            device["vectors"] = json!(2 * queues + 2);
        }
        if !setting.config.offloads.is_on() {
            for feature in OFFLOADS {
                device[feature] = json!(false);
            }
        }
    }
    Ok(NicParts { backend, device })
}

/// What OVS's user-space datapath cannot carry: it sees packets without their checksum and segmentation metadata, and a
/// guest that relies on them gets DHCP but never TCP.
const OFFLOADS: [&str; 9] =
    ["csum", "gso", "host_tso4", "host_tso6", "host_ufo", "guest_csum", "guest_tso4", "guest_tso6", "guest_ufo"];

/// QEMU's device for a `hw_vif_model`.
fn driver(model: &str) -> Result<&'static str> {
    Ok(match model {
        "virtio" => "virtio-net-pci",
        "e1000" => "e1000",
        "e1000e" => "e1000e",
        "rtl8139" => "rtl8139",
        "ne2k_pci" => "ne2k_pci",
        "pcnet" => "pcnet",
        "vmxnet3" => "vmxnet3",
        other => return Err(Error::bad_request(format!("there is no network interface of model {other:?} here"))),
    })
}

/// Whether the tap is there, in this process's network namespace: QEMU would make one that leads nowhere.
pub fn check_tap(nic: &Nic) -> Result<()> {
    let socket =
        std::net::UdpSocket::bind("127.0.0.1:0").map_err(|e| Error::internal("opening a socket").with_source(e))?;
    match rustix::net::netdevice::name_to_index(&socket, &nic.tap) {
        Ok(_) => Ok(()),
        Err(rustix::io::Errno::NODEV) => Err(Error::conflict(format!("port {} is not plugged on this host", nic.port))
            .with_internal(format!("there is no tap {}", nic.tap))),
        Err(e) => Err(Error::internal(format!("looking for tap {}", nic.tap)).with_source(e)),
    }
}
