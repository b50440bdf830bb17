//! The suite.
use compute::driver::*;
use kernel::ServerId;

/// A guest without disks and nics.
pub fn plain_spec() -> VmSpec {
    VmSpec {
        server: ServerId::new(),
        name: "conformance".into(),
        vcpus: 1,
        memory_mib: 32,
        machine: Machine::Pc,
        firmware: Firmware::Bios,
        cpu_model: None,
        disks: Vec::new(),
        nics: Vec::new(),
        config_drive: None,
        cpu_shares: None,
        cpu_quota_milli: None,
        guest_agent: false,
        rng: false,
    }
}
