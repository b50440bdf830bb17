//! A guest's processors as QEMU takes them: which ones, and how they are put together.

use super::{Accel, Setting, room};
use compute::driver::{Choice, GuestSystem, VmSpec};
use kernel::{Error, Result};

/// What Windows looks for to know that it is not alone, and then leaves to the hypervisor. QEMU has it under KVM alone.
const ENLIGHTENED: &str = ",hv-relaxed=on,hv-vapic=on,hv-spinlocks=0x1fff,hv-vpindex=on,hv-runtime=on,hv-time=on,hv-synic=on,\
                           hv-stimer=on,hv-reset=on,hv-frequencies=on";

/// The value of `-cpu`: the guest's own model, else the host's.
pub fn model(spec: &VmSpec, setting: &Setting<'_>) -> String {
    let mut cpu = spec.cpu_model.as_deref().unwrap_or(setting.cpu).to_owned();
    let hardware = &spec.hardware;
    match hardware.pmu {
        Choice::Usual => {}
        Choice::On => cpu += ",pmu=on",
        Choice::Off => cpu += ",pmu=off",
    }
    if hardware.hypervisor_id == Choice::Off {
        cpu += match setting.accel {
            Accel::Kvm => ",kvm=off",
            Accel::Tcg => ",tcg-cpuid=off",
        };
    }
    if hardware.system == GuestSystem::Windows && setting.accel == Accel::Kvm {
        cpu += ENLIGHTENED;
    }
    cpu
}

/// The value of `-smp`. Sockets are there for all processors that the guest may ever have.
pub fn processors(spec: &VmSpec) -> String {
    let (now, most) = (spec.vcpus, spec.most_vcpus());
    let package = spec.hardware.package;
    let later = if most > now { format!(",maxcpus={most}") } else { String::new() };
    let sockets = most / package.processors().max(1);
    format!("cpus={now}{later},sockets={sockets},cores={},threads={}", package.cores, package.threads)
}

/// Refuses processors that do not fill their sockets.
pub fn check(spec: &VmSpec) -> Result<()> {
    let (package, most) = (spec.hardware.package, spec.most_vcpus());
    if package.fills(most) {
        return room::check(spec);
    }
    let what = format!("{most} vCPUs do not fill sockets of {} cores of {} threads", package.cores, package.threads);
    Err(Error::bad_request(what))
}
