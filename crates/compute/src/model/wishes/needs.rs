//! What a guest needs of its host, in placement's words: devices that not every host has (Nova's request filter
//! `transform_image_metadata`, and `ResourceRequest`'s translations). A host that has none of it is passed over, and the answer says why.

use super::{Asked, devices, image::vif_model, is_yes};
use crate::{
    driver::{TpmModel, TpmVersion},
    model::vtpm::security,
};
use std::collections::BTreeSet;

const ADDRESSES_EMULATED: &str = "COMPUTE_ADDRESS_SPACE_EMULATED";
const ADDRESSES_PASSED: &str = "COMPUTE_ADDRESS_SPACE_PASSTHROUGH";

/// Traits that its host must have.
pub fn traits(asked: &Asked<'_>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (property, prefix) in [
        ("hw_cdrom_bus", "COMPUTE_STORAGE_BUS"),
        ("hw_disk_bus", "COMPUTE_STORAGE_BUS"),
        ("hw_video_model", "COMPUTE_GRAPHICS_MODEL"),
        ("hw_viommu_model", "COMPUTE_VIOMMU_MODEL"),
        ("hw_architecture", "HW_ARCH"),
        ("hw_emulation_architecture", "COMPUTE_ARCH"),
    ] {
        all.extend(asked.image_value(property).map(|value| named(prefix, value)));
    }
    all.extend(asked.property("vif_model").map(|model| named("COMPUTE_NET_VIF_MODEL", &vif_model(model))));
    all.extend(asked.spec("viommu_model").map(|model| named("COMPUTE_VIOMMU_MODEL", model)));
    if let Ok(Some(model)) = asked.agreed("hw", "sound_model") {
        all.insert(named("COMPUTE_SOUND_MODEL", model));
    }
    if let Ok(Some(mode)) = asked.agreed("hw", "maxphysaddr_mode") {
        all.insert(if mode == "emulate" { ADDRESSES_EMULATED } else { ADDRESSES_PASSED }.to_owned());
    }
    if let Ok(Some(tpm)) = devices::tpm(asked) {
        all.extend([tpm_version(tpm.version), tpm_model(tpm.model)].map(str::to_owned));
        all.insert(named("COMPUTE_SECURITY_TPM_SECRET_SECURITY", security(asked.flavor)));
    }
    if devices::secure_boot(asked) == Ok(Some("required")) {
        all.insert("COMPUTE_SECURITY_UEFI_SECURE_BOOT".into());
    }
    let either = |name: &str| asked.spec(name).or(asked.property(name)).is_some_and(is_yes);
    for (name, needed) in [
        ("virtio_packed_ring", "COMPUTE_NET_VIRTIO_PACKED"),
        ("ephemeral_encryption", "COMPUTE_EPHEMERAL_ENCRYPTION"),
        ("firmware_stateless", "COMPUTE_SECURITY_STATELESS_FIRMWARE"),
    ] {
        all.extend(either(name).then(|| needed.to_owned()));
    }
    all.extend(asked.extra("accel:device_profile").map(|_| "COMPUTE_ACCELERATORS".to_owned()));
    all
}

/// What hosts say that have TPMs of a version, and of a model.
pub const fn tpm_version(version: TpmVersion) -> &'static str {
    match version {
        TpmVersion::V1_2 => "COMPUTE_SECURITY_TPM_1_2",
        TpmVersion::V2_0 => "COMPUTE_SECURITY_TPM_2_0",
    }
}

pub const fn tpm_model(model: TpmModel) -> &'static str {
    match model {
        TpmModel::Tis => "COMPUTE_SECURITY_TPM_TIS",
        TpmModel::Crb => "COMPUTE_SECURITY_TPM_CRB",
    }
}

/// Whether the guest's memory is to be unreadable for its host, which hosts have so many contexts for.
pub fn encrypted_memory(asked: &Asked<'_>) -> bool {
    asked.agreed_yes("mem_encryption") == Ok(Some(true))
}

fn named(prefix: &str, value: &str) -> String {
    format!("{prefix}_{}", value.replace('-', "_").to_uppercase())
}
