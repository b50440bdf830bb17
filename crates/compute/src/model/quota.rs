//! What a project may have of compute, and Nova's defaults.

use ports::{QuotaDefault, Quotas};

const fn limit(resource: &'static str, limit: i64) -> QuotaDefault {
    QuotaDefault { resource, limit }
}

/// `instances`, `cores` and `ram` are counted in [`ports::quota::QuotaUsage`]; key pairs (per user), server groups and
/// their members are counted from what is there.
pub const QUOTAS: Quotas = Quotas {
    service: "compute",
    defaults: &[
        limit("instances", 10),
        limit("cores", 20),
        limit("ram", 51200),
        limit("metadata_items", 128),
        limit("injected_files", 5),
        limit("injected_file_content_bytes", 10240),
        limit("injected_file_path_bytes", 255),
        limit("key_pairs", 100),
        limit("server_groups", 10),
        limit("server_group_members", 10),
        limit("fixed_ips", -1),
        limit("floating_ips", -1),
        limit("security_groups", -1),
        limit("security_group_rules", -1),
    ],
};
