//! Which extra specs Nova knows, and which values they may have (`nova.api.validation.extra_specs`); asked from microversion 2.86 on.
//!
//! A name in a namespace that Nova knows must be one that it knows: it is most likely misspelt. What has another namespace, or none, is an
//! operator's own.

use super::wishes;
use ports::IoLimits;

/// The values of an extra spec.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    Yes,
    Number,
    AtLeast(i64),
    Between(i64, i64),
    OneOf(&'static [&'static str]),
    Pattern(&'static str),
}

use Kind::{Any, AtLeast, Between, Number, OneOf, Pattern, Yes};

const CPUS: &str = r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*";
const REALTIME_CPUS: &str = r"(\^)?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*";
const SHARES: Kind = OneOf(&["custom", "high", "normal", "low"]);
const SOUND: Kind = OneOf(&["sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"]);

const KNOWN: &[(&str, Kind)] = &[
    ("accel:device_profile", Any),
    ("group_policy", OneOf(&["isolate", "none"])),
    ("hide_hypervisor_id", Yes),
    ("hw:boot_menu", Yes),
    ("hw:cpu_cores", AtLeast(1)),
    ("hw:cpu_dedicated_mask", Pattern(CPUS)),
    ("hw:cpu_max_cores", AtLeast(1)),
    ("hw:cpu_max_sockets", AtLeast(1)),
    ("hw:cpu_max_threads", AtLeast(1)),
    ("hw:cpu_policy", OneOf(&["dedicated", "shared", "mixed"])),
    ("hw:cpu_realtime", Yes),
    ("hw:cpu_realtime_mask", Pattern(REALTIME_CPUS)),
    ("hw:cpu_sockets", AtLeast(1)),
    ("hw:cpu_thread_policy", OneOf(&["prefer", "isolate", "require"])),
    ("hw:cpu_threads", AtLeast(1)),
    ("hw:emulator_threads_policy", OneOf(&["isolate", "share"])),
    ("hw:ephemeral_encryption", Yes),
    ("hw:ephemeral_encryption_format", OneOf(&["plain", "luks", "luksv2"])),
    ("hw:hide_hypervisor_id", Yes),
    ("hw:locked_memory", Yes),
    ("hw:mem_encryption", Yes),
    ("hw:mem_encryption_model", OneOf(&["amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx"])),
    ("hw:mem_page_size", Pattern(r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)")),
    ("hw:numa_nodes", AtLeast(1)),
    ("hw:pci_numa_affinity_policy", OneOf(&["required", "preferred", "legacy", "socket"])),
    ("hw:pmem", Pattern("([a-zA-Z0-9_]+(,)?)+")),
    ("hw:pmu", Yes),
    ("hw:redirected_usb_ports", Between(0, 15)),
    ("hw:serial_port_count", AtLeast(0)),
    ("hw:sound_model", SOUND),
    ("hw:tpm_model", OneOf(&["tpm-tis", "tpm-crb"])),
    ("hw:tpm_secret_security", OneOf(&["user", "host", "deployment"])),
    ("hw:tpm_version", OneOf(&["1.2", "2.0"])),
    ("hw:usb_model", OneOf(&["none", "nec-xhci", "qemu-xhci"])),
    ("hw:vif_multiqueue_enabled", Yes),
    ("hw:viommu_model", OneOf(&["intel", "smmuv3", "virtio", "auto"])),
    ("hw:virtio_packed_ring", Yes),
    ("hw:watchdog_action", OneOf(&["none", "pause", "poweroff", "reset", "disabled"])),
    ("hw_rng:allowed", Yes),
    ("hw_rng:rate_bytes", AtLeast(0)),
    ("hw_rng:rate_period", AtLeast(0)),
    ("hw_video:ram_max_mb", AtLeast(0)),
    ("os:secure_boot", OneOf(&["disabled", "required"])),
    ("pci_passthrough:alias", Pattern(r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*")),
    ("quota:cpu_limit", AtLeast(0)),
    ("quota:cpu_period", AtLeast(0)),
    ("quota:cpu_quota", Number),
    ("quota:cpu_reservation", Number),
    ("quota:cpu_shares", AtLeast(0)),
    ("quota:cpu_shares_level", SHARES),
    ("quota:cpu_shares_share", AtLeast(0)),
    ("quota:disk_io_limit", AtLeast(0)),
    ("quota:disk_io_reservation", Number),
    ("quota:disk_io_shares_level", SHARES),
    ("quota:disk_io_shares_share", AtLeast(0)),
    ("quota:disk_read_bytes_sec", AtLeast(0)),
    ("quota:disk_read_iops_sec", AtLeast(0)),
    ("quota:disk_total_bytes_sec", AtLeast(0)),
    ("quota:disk_total_iops_sec", AtLeast(0)),
    ("quota:disk_write_bytes_sec", AtLeast(0)),
    ("quota:disk_write_iops_sec", AtLeast(0)),
    ("quota:memory_limit", AtLeast(0)),
    ("quota:memory_reservation", Number),
    ("quota:memory_shares_level", SHARES),
    ("quota:memory_shares_share", AtLeast(0)),
    ("quota:vif_inbound_average", AtLeast(0)),
    ("quota:vif_inbound_burst", AtLeast(0)),
    ("quota:vif_inbound_peak", AtLeast(0)),
    ("quota:vif_limit", AtLeast(0)),
    ("quota:vif_outbound_average", AtLeast(0)),
    ("quota:vif_outbound_burst", AtLeast(0)),
    ("quota:vif_outbound_peak", AtLeast(0)),
    ("quota:vif_reservation", Number),
    ("quota:vif_shares_level", SHARES),
    ("quota:vif_shares_share", AtLeast(0)),
    ("vmware:hw_version", Any),
    ("vmware:storage_policy", Any),
];

/// Of the scheduler's view of a host, which some filters compare with; the second list's may have more parts behind.
const CAPABILITIES: &[&str] = &[
    "aggregates",
    "cell_uuid",
    "cpu_allocation_ratio",
    "current_workload",
    "disk_allocation_ratio",
    "disk_available_least",
    "disk_mb_used",
    "failed_builds",
    "free_disk_gb",
    "free_disk_mb",
    "free_ram_mb",
    "host",
    "host_ip",
    "hypervisor_hostname",
    "hypervisor_type",
    "hypervisor_version",
    "id",
    "local_gb",
    "local_gb_used",
    "mapped",
    "memory_mb",
    "memory_mb_used",
    "num_instances",
    "num_io_ops",
    "ram_allocation_ratio",
    "running_vms",
    "service_id",
    "total_usable_disk_gb",
    "total_usable_ram_mb",
    "updated",
    "uuid",
    "vcpus",
    "vcpus_total",
    "vcpus_used",
];
const DEEP_CAPABILITIES: &[&str] = &[
    "cpu_info",
    "instances",
    "limits",
    "metrics",
    "nodename",
    "numa_topology",
    "pci_device_pools",
    "pci_stats",
    "stats",
    "supported_hv_specs",
    "supported_instances",
];

/// Namespaces in which no other names may be.
const NAMESPACES: &[&str] = &[
    "accel",
    "aggregate_instance_extra_specs",
    "capabilities",
    "hw",
    "hw_rng",
    "hw_video",
    "os",
    "pci_passthrough",
    "quota",
    "vmware",
];

/// Whether Nova would take it; why not, in its words.
pub fn check(name: &str, value: &str) -> Result<(), String> {
    if let Some(kind) = kind(name) {
        return kind.check(value);
    }
    let Some((space, _)) = name.split_once(':') else { return Ok(()) };
    // `resources`, `resources1`, `resources_NET`: a group of them each.
    let grouped = ["resources", "trait"].iter().any(|prefix| space.strip_prefix(prefix).is_some_and(is_group));
    if grouped || NAMESPACES.contains(&space) {
        return Err(format!("Validation failed; extra spec '{name}' does not appear to be a valid extra spec."));
    }
    Ok(())
}

fn is_group(suffix: &str) -> bool {
    suffix.len() <= 64 && suffix.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn kind(name: &str) -> Option<Kind> {
    if let Some((_, kind)) = KNOWN.iter().find(|(known, _)| *known == name) {
        return Some(*kind);
    }
    let (space, rest) = name.split_once(':')?;
    let numbered = |prefix: &str| {
        let number = rest.strip_prefix(prefix);
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let group = |prefix: &str| space.strip_prefix(prefix).is_some_and(is_group);
    let is_class = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    match space {
        "hw" if numbered("numa_cpus.") => Some(Pattern(CPUS)),
        "hw" if numbered("numa_mem.") => Some(AtLeast(1)),
        // Nova knows no bursts of disks; they are said as it says them of volumes.
        "quota" if rest.strip_prefix("disk_").is_some_and(is_io_limit) => Some(AtLeast(0)),
        "aggregate_instance_extra_specs" if !rest.is_empty() => Some(Any),
        "capabilities" if is_capability(rest) => Some(Any),
        _ if group("resources") && is_class(rest) => Some(Number),
        _ if group("trait") && is_class(rest) => Some(OneOf(&["required", "forbidden"])),
        _ => None,
    }
}

fn is_io_limit(name: &str) -> bool {
    IoLimits::default().each().any(|(known, _)| known == name)
}

fn is_capability(name: &str) -> bool {
    let first = name.split(':').next().unwrap_or_default();
    CAPABILITIES.contains(&name) || DEEP_CAPABILITIES.contains(&first)
}

impl Kind {
    fn check(self, value: &str) -> Result<(), String> {
        match self {
            Any => Ok(()),
            Yes if wishes::is_yes(value) || is_no(value) => Ok(()),
            Yes => Err(format!("Validation failed; '{value}' is not a valid boolean-like value.")),
            Number => within(value, i64::MIN, i64::MAX),
            AtLeast(least) => within(value, least, i64::MAX),
            Between(least, most) => within(value, least, most),
            OneOf(words) if words.contains(&value) => Ok(()),
            OneOf(words) => Err(format!("Validation failed; '{value}' is not one of: {}.", words.join(", "))),
            Pattern(pattern) if matches(pattern, value) => Ok(()),
            Pattern(pattern) => Err(format!("Validation failed; '{value}' is not of the format '{pattern}'.")),
        }
    }
}

fn is_no(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "no" | "false" | "0" | "off" | "f" | "n")
}

fn within(value: &str, least: i64, most: i64) -> Result<(), String> {
    let number: i64 =
        value.trim().parse().map_err(|_| format!("Validation failed; '{value}' is not a valid integer value."))?;
    if number > most {
        return Err(format!("Validation failed; '{number}' is greater than the max value of '{most}'."));
    }
    if number < least {
        return Err(format!("Validation failed; '{number}' is less than the min value of '{least}'."));
    }
    Ok(())
}

/// All of the value, not a part of it.
fn matches(pattern: &str, value: &str) -> bool {
    regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|whole| whole.is_match(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nova_takes_and_what_it_refuses() {
        let strange = |name: &str| format!("extra spec '{name}' does not appear to be a valid extra spec.");
        for (name, value, why) in [
            ("hw:cpu_sockets", "2", ""),
            ("hw:cpu_sockets", "0", "'0' is less than the min value of '1'."),
            ("hw:cpu_sockets", "two", "'two' is not a valid integer value."),
            ("hw:redirected_usb_ports", "16", "'16' is greater than the max value of '15'."),
            ("hw:watchdog_action", "reset", ""),
            ("hw:watchdog_action", "explode", "'explode' is not one of: none, pause, poweroff, reset, disabled."),
            ("hw:boot_menu", "Yes", ""),
            ("hw:boot_menu", "perhaps", "'perhaps' is not a valid boolean-like value."),
            ("hw:mem_page_size", "2MB", ""),
            (
                "hw:mem_page_size",
                "2 elephants",
                r"'2 elephants' is not of the format '(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)'.",
            ),
            ("hw:cpu_dedicated_mask", "0-2,^1", ""),
            ("hw:numa_cpus.0", "0-1", ""),
            ("hw:numa_mem.1", "0", "'0' is less than the min value of '1'."),
            ("hw:numa_cpus.x", "0", &strange("hw:numa_cpus.x")),
            ("hw:cpu_sokets", "2", &strange("hw:cpu_sokets")),
            ("quota:cpu_quota", "-1", ""),
            ("quota:cpu_what", "1", &strange("quota:cpu_what")),
            ("quota:disk_read_iops_sec_max_length", "60", ""),
            ("quota:disk_size_iops_sec", "-1", "'-1' is less than the min value of '0'."),
            ("quota:disk_read_iops_min", "1", &strange("quota:disk_read_iops_min")),
            ("os:secure_boot", "optional", "'optional' is not one of: disabled, required."),
            ("capabilities:cpu_info:features", "x", ""),
            ("capabilities:nothing", "x", &strange("capabilities:nothing")),
            ("resources:VCPU", "0", ""),
            ("resources1:CUSTOM_X", "two", "'two' is not a valid integer value."),
            ("trait_GROUP:HW_CPU_X86_SSE", "required", ""),
            ("trait:HW_CPU_X86_SSE", "optional", "'optional' is not one of: required, forbidden."),
            ("trait:lower", "required", &strange("trait:lower")),
            ("aggregate_instance_extra_specs:ssd", "true", ""),
            ("ours:anything", "goes", ""),
            ("plain", "goes", ""),
        ] {
            let told = check(name, value).err().unwrap_or_default();
            let expect = if why.is_empty() { String::new() } else { format!("Validation failed; {why}") };
            assert_eq!(told, expect, "{name}={value}");
        }
    }
}
