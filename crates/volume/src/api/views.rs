//! How volumes, snapshots, attachments and types look.

use crate::{
    driver::Target,
    model::{
        Attachment, Backup, Group, GroupSnapshot, GroupType, Message, OPEN_SPECS, QosSpecs, Snapshot, Transfer, Volume,
        VolumeType,
    },
    ops::manage::candidates::Manageable,
    policy,
    service::authorize_own,
};
use http::BaseUrl;
use kernel::{Ctx, Timestamp};
use serde_json::{Value, json};
use store::Snapshot as View;

pub(super) fn links(base: &BaseUrl, kind: &str, id: &str) -> Value {
    json!([
        {"rel": "self", "href": base.join(&format!("/volume/v3/{kind}/{id}"))},
        {"rel": "bookmark", "href": base.join(&format!("/volume/{kind}/{id}"))},
    ])
}

pub(super) fn summary(base: &BaseUrl, volume: &Volume) -> Value {
    json!({"id": volume.id, "name": volume.name, "links": links(base, "volumes", &volume.id)})
}

pub(super) fn volume(cx: &Ctx, base: &BaseUrl, view: &View, volume: &Volume) -> Value {
    let attachments: Vec<_> = view.by(Attachment::BY_VOLUME, &volume.id).filter(|a| a.attached_at.is_some()).collect();
    let mut metadata = volume.metadata.clone();
    if let Some(read_only) = volume.read_only {
        metadata.insert("readonly".into(), if read_only { "True" } else { "False" }.into());
    }
    let of_type = view.get::<VolumeType>(&volume.volume_type);
    let type_name = of_type.as_ref().map(|t| t.name.clone());
    let mut out = json!({
        "id": volume.id,
        "name": volume.name,
        "description": volume.description,
        "status": volume.status.as_str(),
        "size": volume.size_gib,
        "availability_zone": volume.availability_zone,
        "bootable": if volume.bootable { "true" } else { "false" },
        "encrypted": volume.encryption_key.is_some(),
        "multiattach": volume.multiattach,
        "volume_type": type_name,
        "metadata": metadata,
        "snapshot_id": volume.snapshot,
        "source_volid": volume.source,
        "consistencygroup_id": Value::Null,
        "replication_status": Value::Null,
        "user_id": volume.user,
        "os-vol-tenant-attr:tenant_id": volume.project,
        "attachments": attachments.iter().map(|a| of_volume(a)).collect::<Vec<_>>(),
        "links": links(base, "volumes", &volume.id),
        "created_at": volume.created_at.iso_micros(),
        "updated_at": volume.updated_at.iso_micros(),
    });
    if !volume.image_metadata.is_empty() {
        out["volume_image_metadata"] = json!(volume.image_metadata);
    }
    if cx.is_admin() {
        out["os-vol-host-attr:host"] = json!(volume.pool);
        out["os-vol-mig-status-attr:migstat"] = json!(volume.migration);
        out["migration_status"] = json!(volume.migration);
        out["os-vol-mig-status-attr:name_id"] = Value::Null;
    }
    by_version(cx, volume, &mut out);
    out
}

/// A volume as the answer to its creation or change: without what Cinder's extensions add to `show`.
pub(super) fn written(cx: &Ctx, base: &BaseUrl, view: &View, of: &Volume) -> Value {
    let mut out = volume(cx, base, view, of);
    if let Value::Object(fields) = &mut out {
        fields.retain(|name, _| !name.starts_with("os-vol-") && name != "volume_image_metadata");
    }
    out
}

/// What later microversions added.
fn by_version(cx: &Ctx, volume: &Volume, out: &mut Value) {
    let since = |minor| cx.version.since(3, minor);
    if since(13) {
        out["group_id"] = json!(volume.group);
    }
    if since(21) && cx.is_admin() {
        out["provider_id"] = Value::Null;
    }
    if since(48) {
        out["service_uuid"] = Value::Null;
        out["shared_targets"] = json!(false);
    }
    if since(61) && cx.is_admin() {
        out["cluster_name"] = Value::Null;
    }
    if since(63) {
        out["volume_type_id"] = json!(volume.volume_type);
    }
    if since(64)
        && let Some(key) = &volume.encryption_key
    {
        out["encryption_key_id"] = json!(key);
    }
    if since(65) {
        out["consumes_quota"] = json!(true);
    }
    if since(69) {
        out["shared_targets"] = Value::Null;
    }
}

fn of_volume(attachment: &Attachment) -> Value {
    json!({
        "id": attachment.volume,
        "attachment_id": attachment.id,
        "volume_id": attachment.volume,
        "server_id": attachment.server,
        "host_name": attachment.host,
        "device": attachment.device,
        "attached_at": attachment.attached_at.map(Timestamp::iso_micros),
    })
}

pub(super) fn snapshot(cx: &Ctx, snapshot: &Snapshot) -> Value {
    let mut out = snapshot_summary(cx, snapshot);
    out["os-extended-snapshot-attributes:project_id"] = json!(snapshot.project);
    let implied = if snapshot.status.as_str() == "available" { "100%" } else { "0%" };
    out["os-extended-snapshot-attributes:progress"] = json!(snapshot.progress.as_deref().unwrap_or(implied));
    out
}

pub(super) fn snapshot_summary(cx: &Ctx, snapshot: &Snapshot) -> Value {
    let mut out = json!({
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "volume_id": snapshot.volume,
        "status": snapshot.status.as_str(),
        "size": snapshot.size_gib,
        "metadata": snapshot.metadata,
        "created_at": snapshot.created_at.iso_micros(),
        "updated_at": snapshot.updated_at.iso_micros(),
    });
    if cx.version.since(3, 14) {
        out["group_snapshot_id"] = json!(snapshot.group_snapshot);
    }
    if cx.version.since(3, 41) {
        out["user_id"] = json!(snapshot.user);
    }
    if cx.version.since(3, 65) {
        out["consumes_quota"] = json!(true);
    }
    out
}

/// With how it is reached, as far as `view` tells.
pub(super) fn attachment(attachment: &Attachment, view: Option<&View>) -> Value {
    let mut out = json!({
        "id": attachment.id,
        "volume_id": attachment.volume,
        "instance": attachment.server,
        "status": attachment.status.as_str(),
        "attach_mode": if attachment.read_only { "ro" } else { "rw" },
        "attached_at": attachment.attached_at.map(Timestamp::iso_micros).unwrap_or_default(),
        "detached_at": "",
    });
    if let Some(view) = view {
        let reached = attachment.target.as_ref().map(|t| connection(view, attachment, t));
        out["connection_info"] = reached.unwrap_or_else(|| json!({}));
    }
    out
}

/// As `os-initialize_connection` has it: what is the driver's own stands under `data`.
pub(super) fn legacy_connection(view: &View, attachment: &Attachment, target: &Target) -> Value {
    let mut data = connection(view, attachment, target);
    let kind = data["driver_volume_type"].take();
    if let Some(fields) = data.as_object_mut() {
        fields.remove("driver_volume_type");
    }
    json!({"driver_volume_type": kind, "data": data})
}

fn connection(view: &View, attachment: &Attachment, target: &Target) -> Value {
    let volume = view.get::<Volume>(&attachment.volume);
    let mut out = match target {
        Target::NbdUnix { socket, export } => json!({"driver_volume_type": "nbd", "socket": socket, "export": export}),
        Target::NbdTcp { host, port, export } => {
            json!({"driver_volume_type": "nbd", "host": host, "port": port, "export": export})
        }
        // As Cinder's: the name has the pool in it.
        Target::Rbd { pool, namespace, image, user, .. } => {
            let pool = [Some(pool), namespace.as_ref()].into_iter().flatten().cloned().collect::<Vec<_>>().join("/");
            json!({"driver_volume_type": "rbd", "name": format!("{pool}/{image}"), "auth_enabled": true, "auth_username": user})
        }
        Target::Fake { export } => json!({"driver_volume_type": "fake", "export": export}),
    };
    out["attachment_id"] = json!(attachment.id);
    out["volume_id"] = json!(attachment.volume);
    out["access_mode"] = json!(if attachment.read_only { "ro" } else { "rw" });
    out["encrypted"] = json!(volume.is_some_and(|v| v.encryption_key.is_some()));
    out
}

/// All for who may see them, else those that say nothing of how the cloud is built.
pub(super) fn open_specs(
    cx: &Ctx,
    specs: &std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    let all = authorize_own(cx, &policy::SPECS_SENSITIVE).is_ok();
    specs.iter().filter(|(k, _)| all || OPEN_SPECS.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

pub(super) fn volume_type(cx: &Ctx, t: &VolumeType) -> Value {
    let mut out = json!({
        "id": t.id,
        "name": t.name,
        "description": t.description,
        "is_public": t.public,
    });
    if authorize_own(cx, &policy::TYPE_ACCESS).is_ok() {
        out["os-volume-type-access:is_public"] = json!(t.public);
    }
    if authorize_own(cx, &policy::TYPE_SEE_SPECS).is_ok() {
        out["extra_specs"] = json!(open_specs(cx, &t.extra_specs));
    }
    if authorize_own(cx, &policy::TYPE_SEE_QOS).is_ok() {
        out["qos_specs_id"] = json!(t.qos);
    }
    out
}

/// A type as the answer to its creation: Cinder's older view, which has all extra specs and no QoS specs.
pub(super) fn new_volume_type(cx: &Ctx, t: &VolumeType) -> Value {
    let mut out = volume_type(cx, t);
    out["extra_specs"] = json!(t.extra_specs);
    if let Value::Object(fields) = &mut out {
        fields.remove("qos_specs_id");
    }
    out
}

/// The same as the answer to a change, which Cinder's extension of access adds nothing to.
pub(super) fn changed_volume_type(cx: &Ctx, t: &VolumeType) -> Value {
    let mut out = new_volume_type(cx, t);
    if let Value::Object(fields) = &mut out {
        fields.remove("os-volume-type-access:is_public");
    }
    out
}

pub(super) fn group_type(cx: &Ctx, t: &GroupType) -> Value {
    let mut out = json!({"id": t.id, "name": t.name, "description": t.description, "is_public": t.public});
    if authorize_own(cx, &policy::GROUP_TYPE_SEE_SPECS).is_ok() {
        out["group_specs"] = json!(t.specs);
    }
    out
}

pub(super) fn qos(specs: &QosSpecs) -> Value {
    json!({"id": specs.id, "name": specs.name, "consumer": specs.consumer, "specs": specs.specs})
}

pub(super) fn message(base: &BaseUrl, message: &Message) -> Value {
    let until = message.created_at.plus(crate::ops::messages::KEPT);
    json!({
        "id": message.id,
        "event_id": message.event.id(message.resource),
        "user_message": message.event.sentence(),
        "message_level": "ERROR",
        "created_at": message.created_at.iso_micros(),
        "guaranteed_until": until.iso_micros(),
        "request_id": message.request_id,
        "resource_type": message.resource.as_str(),
        "resource_uuid": message.resource_id,
        "links": links(base, "messages", &message.id),
    })
}

/// `kind`: the path that the transfer was asked for at.
pub(super) fn transfer(cx: &Ctx, base: &BaseUrl, kind: &str, transfer: &Transfer) -> Value {
    let mut out = transfer_summary(base, kind, transfer);
    out["created_at"] = json!(transfer.created_at.iso_micros());
    if cx.version.since(3, 55) && kind == "volume-transfers" {
        out["no_snapshots"] = json!(transfer.no_snapshots);
    }
    if cx.version.since(3, 57) && kind == "volume-transfers" {
        out["source_project_id"] = json!(transfer.project);
        out["destination_project_id"] = json!(transfer.destination);
        out["accepted"] = json!(transfer.accepted);
    }
    out
}

pub(super) fn transfer_summary(base: &BaseUrl, kind: &str, transfer: &Transfer) -> Value {
    let links = links(base, kind, &transfer.id);
    json!({"id": transfer.id, "name": transfer.name, "volume_id": transfer.volume, "links": links})
}

pub(super) fn backup_summary(base: &BaseUrl, backup: &Backup) -> Value {
    json!({"id": backup.id, "name": backup.name, "links": links(base, "backups", &backup.id)})
}

pub(super) fn backup(cx: &Ctx, base: &BaseUrl, view: &View, backup: &Backup) -> Value {
    let mut out = json!({
        "id": backup.id,
        "name": backup.name,
        "description": backup.description,
        "status": backup.status.as_str(),
        "size": backup.size_gib,
        "object_count": backup.object_count,
        "container": backup.container,
        "availability_zone": backup.availability_zone,
        "fail_reason": backup.fault,
        "volume_id": backup.volume,
        "snapshot_id": backup.snapshot,
        "is_incremental": backup.parent.is_some(),
        "has_dependent_backups": view.count_by(Backup::BY_PARENT, &backup.id) > 0,
        "data_timestamp": backup.data_at.iso_micros(),
        "created_at": backup.created_at.iso_micros(),
        "updated_at": backup.updated_at.iso_micros(),
        "links": links(base, "backups", &backup.id),
    });
    if cx.version.since(3, 18) && authorize_own(cx, &policy::BACKUP_PROJECT).is_ok() {
        out["os-backup-project-attr:project_id"] = json!(backup.project);
    }
    if cx.version.since(3, 43) {
        out["metadata"] = json!(backup.metadata);
    }
    if cx.version.since(3, 56) {
        out["user_id"] = json!(backup.user);
    }
    if cx.version.since(3, 64)
        && let Some(key) = &backup.encryption_key
    {
        out["encryption_key_id"] = json!(key);
    }
    out
}

pub(super) fn group(cx: &Ctx, view: &View, group: &Group, with_volumes: bool) -> Value {
    let mut out = json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "status": group.status(view),
        "availability_zone": group.availability_zone,
        "created_at": group.created_at.iso_micros(),
        "group_type": group.group_type,
        "volume_types": group.volume_types,
    });
    if cx.version.since(3, 14) {
        out["group_snapshot_id"] = json!(group.group_snapshot);
        out["source_group_id"] = json!(group.source_group);
    }
    if with_volumes {
        let ids: Vec<_> = view.by(Volume::BY_GROUP, &group.id).map(|v| v.id.clone()).collect();
        out["volumes"] = json!(ids);
    }
    if cx.version.since(3, 38) {
        out["replication_status"] = Value::Null;
    }
    if cx.version.since(3, 58) && authorize_own(cx, &policy::GROUP_PROJECT).is_ok() {
        out["project_id"] = json!(group.project);
    }
    out
}

pub(super) fn group_snapshot_summary(snapshot: &GroupSnapshot) -> Value {
    json!({"id": snapshot.id, "name": snapshot.name, "group_type_id": snapshot.group_type})
}

pub(super) fn group_snapshot(cx: &Ctx, view: &View, snapshot: &GroupSnapshot) -> Value {
    let mut out = group_snapshot_summary(snapshot);
    out["group_id"] = json!(snapshot.group);
    out["description"] = json!(snapshot.description);
    out["status"] = json!(snapshot.status(view));
    out["created_at"] = json!(snapshot.created_at.iso_micros());
    if cx.version.since(3, 58) && authorize_own(cx, &policy::GROUP_SNAPSHOT_PROJECT).is_ok() {
        out["project_id"] = json!(snapshot.project);
    }
    out
}

/// Without what microversions added.
pub(super) fn without_later(out: &mut Value) {
    const LATER: &[&str] = &[
        "group_id",
        "group_snapshot_id",
        "provider_id",
        "service_uuid",
        "shared_targets",
        "cluster_name",
        "volume_type_id",
        "consumes_quota",
    ];
    if let Value::Object(fields) = out {
        fields.retain(|name, _| !LATER.contains(&name.as_str()));
    }
}

/// What lies on a back end; of a snapshot also the volume it is of.
pub(super) fn manageable(found: &Manageable) -> Value {
    let name = |name: &str| json!({"source-name": name});
    let mut out = json!({
        "reference": name(&found.reference),
        "size": found.size_gib,
        "safe_to_manage": found.known.is_none(),
    });
    if let Some(of) = &found.of {
        out["source_reference"] = name(of);
    }
    out
}

pub(super) fn manageable_detail(found: &Manageable) -> Value {
    let mut out = manageable(found);
    out["reason_not_safe"] = json!(found.known.as_ref().map(|_| "already managed"));
    out["cinder_id"] = json!(found.known);
    out["extra_info"] = Value::Null;
    out
}
