//! How volumes, snapshots, attachments and types look.

use crate::{
    driver::Target,
    model::{Attachment, Snapshot, Volume, VolumeType},
};
use http::BaseUrl;
use kernel::{Ctx, Timestamp};
use serde_json::{Value, json};
use store::Snapshot as View;

fn links(base: &BaseUrl, kind: &str, id: &str) -> Value {
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
    let type_name = view.get::<VolumeType>(&volume.volume_type).map(|t| t.name.clone());
    let mut out = json!({
        "id": volume.id,
        "name": volume.name,
        "description": volume.description,
        "status": volume.status.as_str(),
        "size": volume.size_gib,
        "availability_zone": volume.availability_zone,
        "bootable": if volume.bootable { "true" } else { "false" },
        "encrypted": false,
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
        out["os-vol-mig-status-attr:migstat"] = Value::Null;
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
        out["group_id"] = Value::Null;
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
        "os-extended-snapshot-attributes:project_id": snapshot.project,
        "os-extended-snapshot-attributes:progress": if snapshot.status.as_str() == "available" { "100%" } else { "0%" },
    });
    if cx.version.since(3, 14) {
        out["group_snapshot_id"] = Value::Null;
    }
    if cx.version.since(3, 41) {
        out["user_id"] = json!(snapshot.user);
    }
    if cx.version.since(3, 65) {
        out["consumes_quota"] = json!(true);
    }
    out
}

pub(super) fn attachment(attachment: &Attachment, with_connection: bool) -> Value {
    let mut out = json!({
        "id": attachment.id,
        "volume_id": attachment.volume,
        "instance": attachment.server,
        "status": attachment.status.as_str(),
        "attach_mode": if attachment.read_only { "ro" } else { "rw" },
        "attached_at": attachment.attached_at.map(Timestamp::iso_micros).unwrap_or_default(),
        "detached_at": "",
    });
    if with_connection {
        out["connection_info"] = attachment.target.as_ref().map_or_else(|| json!({}), |t| connection(attachment, t));
    }
    out
}

fn connection(attachment: &Attachment, target: &Target) -> Value {
    let mut out = match target {
        Target::NbdUnix { socket, export } => json!({"driver_volume_type": "nbd", "socket": socket, "export": export}),
        Target::NbdTcp { host, port, export } => {
            json!({"driver_volume_type": "nbd", "host": host, "port": port, "export": export})
        }
        Target::Fake { export } => json!({"driver_volume_type": "fake", "export": export}),
    };
    out["attachment_id"] = json!(attachment.id);
    out["volume_id"] = json!(attachment.volume);
    out["access_mode"] = json!(if attachment.read_only { "ro" } else { "rw" });
    out["encrypted"] = json!(false);
    out
}

pub(super) fn volume_type(cx: &Ctx, t: &VolumeType) -> Value {
    let mut out = json!({
        "id": t.id,
        "name": t.name,
        "description": t.description,
        "is_public": t.public,
        "os-volume-type-access:is_public": t.public,
    });
    if cx.is_admin() {
        out["extra_specs"] = json!(t.extra_specs);
        out["qos_specs_id"] = Value::Null;
    }
    out
}
