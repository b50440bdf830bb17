//! From compute's intent to the drivers' own types.

use compute::{
    driver::{ConfigDrive, Disk, DiskEncryption, DiskSource, GuestAddress, Hardware, Hypervisor, Nic, Tpm, VmSpec},
    model::vm::{VmIntent, VmPort, VmVolume},
};
use futures_util::StreamExt;
use kernel::{Error, Result, error::Doing};
use network::driver::{MetadataSpec, PlugSpec};
use ports::{BoundPort, VolumeEncryption, VolumeTarget, image::ByteStream};
use std::{collections::BTreeMap, path::Path};
use tokio::io::AsyncWriteExt;

/// The complete hardware: the intent's spec with its local disks (made by now), volumes and ports put in.
pub(crate) fn full_spec(
    intent: &VmIntent,
    local: &BTreeMap<String, DiskSource>,
    hypervisor: &dyn Hypervisor,
) -> Result<VmSpec> {
    let mut spec = intent.spec.clone();
    for disk in &mut spec.disks {
        if let Some(source) = local.get(&disk.id) {
            disk.source = source.clone();
        }
    }
    let state = local.iter().find(|(name, _)| Tpm::is_state(name));
    if let (Some(tpm), Some((_, DiskSource::File { path, .. }))) = (&mut spec.hardware.tpm, state) {
        tpm.state.clone_from(path);
    }
    plug_in(&mut spec, intent);
    if intent.metadata.config_drive && spec.config_drive.is_none() {
        let files = compute::metadata::config_drive(intent, || hypervisor.addresses(&spec));
        spec.config_drive = Some(ConfigDrive { files });
    }
    Ok(spec)
}

/// Where the guest of an intent has its devices.
pub(crate) fn addresses(intent: &VmIntent, hypervisor: &dyn Hypervisor) -> BTreeMap<String, GuestAddress> {
    let mut spec = intent.spec.clone();
    plug_in(&mut spec, intent);
    hypervisor.addresses(&spec)
}

fn plug_in(spec: &mut VmSpec, intent: &VmIntent) {
    spec.disks.extend(intent.volumes.iter().map(disk_of_volume));
    spec.nics = intent.ports.iter().map(nic_of_port).collect();
}

/// Where a volume's bytes are for the hypervisor.
pub(crate) fn source_of_volume(target: VolumeTarget) -> DiskSource {
    match target {
        VolumeTarget::NbdUnix { socket, export } => DiskSource::NbdUnix { socket, export },
        VolumeTarget::NbdTcp { host, port, export } => DiskSource::NbdTcp { host, port, export },
        VolumeTarget::Rbd { pool, namespace, image, user, conf, cache } => {
            DiskSource::Rbd { pool, namespace, image, user, conf, cache }
        }
        VolumeTarget::Fake { export } => DiskSource::NbdUnix { socket: "/nonexistent".into(), export },
    }
}

pub(crate) fn disk_of_volume(volume: &VmVolume) -> Disk {
    Disk {
        id: ports::disk_id(&volume.volume),
        source: source_of_volume(volume.target.clone()),
        bus: volume.bus,
        serial: volume.volume.to_string(),
        boot_index: volume.boot_index,
        read_only: volume.read_only,
        slot: volume.slot,
        volume: Some(volume.volume.clone()),
        io: volume.io,
        encryption: match volume.encryption {
            VolumeEncryption::None => DiskEncryption::None,
            // The key is fetched where it is needed.
            VolumeEncryption::Luks => DiskEncryption::Luks { key: None },
        },
    }
}

pub(crate) fn nic_of_port(port: &VmPort) -> Nic {
    let bound = &port.bound;
    Nic {
        port: bound.port.clone(),
        network: bound.network.clone(),
        mac: bound.mac.clone(),
        mtu: bound.mtu,
        tap: bound.tap.clone(),
        slot: port.slot,
        model: bound.model.clone(),
        addresses: bound.addresses.clone(),
    }
}

/// The tap of an interface of this hardware.
pub(crate) fn plug_of_port(bound: &BoundPort, hardware: &Hardware) -> PlugSpec {
    let multi_queue = hardware.queues_of(&bound.model) > 1;
    let (port, network, tap, mac) = (bound.port.clone(), bound.network.clone(), bound.tap.clone(), bound.mac.clone());
    PlugSpec { port, network, tap, mac, mtu: bound.mtu, multi_queue }
}

pub(crate) fn metadata_of_port(bound: &BoundPort) -> Option<MetadataSpec> {
    let metadata = bound.metadata.as_ref()?;
    Some(MetadataSpec {
        network: bound.network.clone(),
        port: metadata.port.clone(),
        mac: metadata.mac.clone(),
        addresses: metadata.addresses.clone(),
        mtu: bound.mtu,
    })
}

/// Writes a stream to a file, synced.
pub(crate) async fn write_file(mut data: ByteStream, to: &Path) -> Result<()> {
    let what = || format!("writing {}", to.display());
    let mut file = tokio::fs::File::create(to).await.map_err(|e| disk_error(&what(), e))?;
    while let Some(chunk) = data.next().await {
        let chunk = chunk.doing("reading an image")?;
        file.write_all(&chunk).await.map_err(|e| disk_error(&what(), e))?;
    }
    file.sync_all().await.map_err(|e| disk_error(&what(), e))
}

/// A full disk is a sentence for the user; anything else is ours.
pub(crate) fn disk_error(doing: &str, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::too_large("the host's disk is full").with_internal(doing.to_owned())
        }
        _ => Error::internal(doing.to_owned()).with_source(error),
    }
}
