//! What the service says of itself: extensions, zones, filters.

use super::{VolumeCx, since};
use crate::{
    VolumeService,
    model::{Backup, GroupSnapshot, Message, Snapshot, Volume, VolumeType},
    ops::{listing::Row, volumes::create::zones},
};
use http::{ApiResult, ApiRouter, Params, State};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/extensions", extensions)
        .get("/v3/os-availability-zone", availability_zones)
        .get("/v3/resource_filters", resource_filters)
}

/// What is served beyond the core, under the names that Cinder gave it.
const EXTENSIONS: &[(&str, &str, &str)] = &[
    ("AdminActions", "os-admin-actions", "Enable admin actions."),
    ("AvailabilityZones", "os-availability-zone", "Describe Availability Zones."),
    ("Backups", "backups", "Backups support."),
    ("Capabilities", "capabilities", "Capabilities support."),
    ("ExtendedServices", "os-extended-services", "Extended services support."),
    ("ExtendedSnapshotAttributes", "os-extended-snapshot-attributes", "Extended SnapshotAttributes support."),
    ("Hosts", "os-hosts", "Admin-only host administration."),
    ("Qos_specs_manage", "qos-specs", "QoS specs support."),
    ("Quotas", "os-quota-sets", "Quota management support."),
    ("QuotaClasses", "os-quota-class-sets", "Quota classes management support."),
    ("SchedulerHints", "OS-SCH-HNT", "Pass arbitrary key/value pairs to the scheduler."),
    ("Scheduler_stats", "scheduler-stats", "Scheduler stats support."),
    ("Services", "os-services", "Services support."),
    ("SnapshotActions", "os-snapshot-actions", "Enable snapshot manager actions."),
    ("TypesExtraSpecs", "os-types-extra-specs", "Type extra specs support."),
    ("TypesManage", "os-types-manage", "Types manage support."),
    ("UsedLimits", "os-used-limits", "Provide data on limited resources that are being used."),
    ("VolumeActions", "os-volume-actions", "Enable volume actions."),
    ("VolumeEncryptionMetadata", "os-volume-encryption-metadata", "Volume encryption metadata retrieval support."),
    ("VolumeHostAttribute", "os-vol-host-attr", "Expose host as an attribute of a volume."),
    ("VolumeImageMetadata", "os-vol-image-meta", "Show image metadata associated with the volume."),
    ("VolumeMigStatusAttribute", "os-vol-mig-status-attr", "Expose migration_status as an attribute of a volume."),
    ("VolumeTenantAttribute", "os-vol-tenant-attr", "Expose the internal project_id as an attribute of a volume."),
    ("VolumeTransfer", "os-volume-transfer", "Volume transfer management support."),
    ("VolumeTypeAccess", "os-volume-type-access", "Volume type access support."),
    ("VolumeTypeEncryption", "encryption", "Encryption support for volume types."),
];

async fn extensions(VolumeCx(_): VolumeCx) -> ApiResult {
    let one = |(name, alias, description): &(&str, &str, &str)| json!({"name": name, "alias": alias, "description": description, "updated": "2024-07-01T00:00:00+00:00", "links": []});
    Ok(http::ok(&json!({"extensions": EXTENSIONS.iter().map(one).collect::<Vec<_>>()})))
}

async fn availability_zones(State(service): State<VolumeService>, VolumeCx(_): VolumeCx) -> ApiResult {
    let zones: Vec<_> =
        zones(&service.view()).iter().map(|zone| json!({"zoneName": zone, "zoneState": {"available": true}})).collect();
    Ok(http::ok(&json!({"availabilityZoneInfo": zones})))
}

/// What lists are filtered by, for each resource.
async fn resource_filters(VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    since(&cx, 33)?;
    let all: [(&str, &[&str]); 9] = [
        ("volume", Volume::FILTERS),
        ("backup", Backup::FILTERS),
        ("snapshot", Snapshot::FILTERS),
        ("group", &["name"]),
        ("group_snapshot", GroupSnapshot::FILTERS),
        ("attachment", &["volume_id", "status", "instance_id", "attach_status"]),
        ("message", Message::FILTERS),
        ("pool", &["name", "volume_type"]),
        ("volume_type", VolumeType::FILTERS),
    ];
    let wanted = all.iter().filter(|(resource, _)| params.get("resource").is_none_or(|r| r == *resource));
    let rows: Vec<_> = wanted.map(|(resource, filters)| json!({"resource": resource, "filters": filters})).collect();
    Ok(http::ok(&json!({"resource_filters": rows})))
}
