//! `/os-volumes` and `/os-snapshots`: Cinder's first names of things.

use super::{ANY, Call, items, limited, not_found, percent, rows};
use crate::{
    api::schema::{by_version, open_object},
    policy::{
        VOLUMES_CREATE, VOLUMES_DELETE, VOLUMES_DETAIL, VOLUMES_LIST, VOLUMES_SHOW, VOLUMES_SNAPSHOTS_CREATE,
        VOLUMES_SNAPSHOTS_DELETE, VOLUMES_SNAPSHOTS_DETAIL, VOLUMES_SNAPSHOTS_LIST, VOLUMES_SNAPSHOTS_SHOW,
    },
};
use axum::response::Response;
use http::{accepted, ok};
use kernel::{Result, Timestamp};
use ports::neighbours::Verb;
use serde_json::{Value, json};

rows! {
    GET "/v2.1/os-volumes" ..=35 Some(&VOLUMES_LIST), ANY => list;
    GET "/v2.1/os-volumes/detail" ..=35 Some(&VOLUMES_DETAIL), ANY => list;
    POST "/v2.1/os-volumes" ..=35 Some(&VOLUMES_CREATE), VOLUME => create;
    GET "/v2.1/os-volumes/{id}" ..=35 Some(&VOLUMES_SHOW), ANY => show;
    DELETE "/v2.1/os-volumes/{id}" ..=35 Some(&VOLUMES_DELETE), ANY => delete;
    GET "/v2.1/os-snapshots" ..=35 Some(&VOLUMES_SNAPSHOTS_LIST), ANY => list_snapshots;
    GET "/v2.1/os-snapshots/detail" ..=35 Some(&VOLUMES_SNAPSHOTS_DETAIL), ANY => list_snapshots;
    POST "/v2.1/os-snapshots" ..=35 Some(&VOLUMES_SNAPSHOTS_CREATE), SNAPSHOT => create_snapshot;
    GET "/v2.1/os-snapshots/{id}" ..=35 Some(&VOLUMES_SNAPSHOTS_SHOW), ANY => show_snapshot;
    DELETE "/v2.1/os-snapshots/{id}" ..=35 Some(&VOLUMES_SNAPSHOTS_DELETE), ANY => delete_snapshot;
}

by_version! {
    VOLUME = volume_schema: 1;
    SNAPSHOT = snapshot_schema: 1;
}

fn volume_schema(_: u16) -> Value {
    let text = || json!({"type": "string"});
    let properties = json!({
        "volume_type": text(),
        "metadata": {"type": "object"},
        "snapshot_id": text(),
        "size": {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1},
        "availability_zone": text(),
        "display_name": text(),
        "display_description": text(),
    });
    open_object(json!({"volume": open_object(properties, &["size"])}), &["volume"])
}

fn snapshot_schema(_: u16) -> Value {
    let properties = json!({
        "volume_id": {"type": "string"},
        "force": {"type": ["boolean", "string"]},
        "display_name": {"type": "string"},
        "display_description": {"type": "string"},
    });
    open_object(json!({"snapshot": open_object(properties, &["volume_id"])}), &["snapshot"])
}

const VOLUMES: &str = "/volume/v3/volumes";
const SNAPSHOTS: &str = "/volume/v3/snapshots";

/// Cinder's stamps have microseconds, Nova's end with a Z.
fn moment(stamp: &Value) -> Value {
    stamp.as_str().and_then(Timestamp::parse).map_or_else(|| stamp.clone(), |t| t.iso_z().into())
}

fn view(volume: &Value) -> Value {
    let attached = |a: &Value| json!({"id": volume["id"], "volumeId": volume["id"], "serverId": a["server_id"], "device": a["device"]});
    let mut attachments: Vec<_> = items(volume, "attachments").take(1).map(attached).collect();
    if attachments.is_empty() {
        attachments.push(json!({}));
    }
    json!({
        "id": volume["id"],
        "status": volume["status"],
        "size": volume["size"],
        "availabilityZone": volume["availability_zone"],
        "createdAt": moment(&volume["created_at"]),
        "attachments": attachments,
        "displayName": volume["name"],
        "displayDescription": volume["description"],
        "volumeType": volume["volume_type"],
        "snapshotId": volume["snapshot_id"],
        "metadata": if volume["metadata"].is_object() { volume["metadata"].clone() } else { json!({}) },
    })
}

fn snapshot_view(snapshot: &Value) -> Value {
    json!({
        "id": snapshot["id"],
        "volumeId": snapshot["volume_id"],
        "status": snapshot["status"],
        "size": snapshot["size"],
        "createdAt": moment(&snapshot["created_at"]),
        "displayName": snapshot["name"],
        "displayDescription": snapshot["description"],
    })
}

fn volume_path(call: &Call) -> String {
    format!("{VOLUMES}/{}", percent(call.id("id")))
}

fn no_volume(id: &str) -> impl FnOnce(kernel::Error) -> kernel::Error + use<> {
    not_found(format!("Volume {id} could not be found."))
}

fn no_snapshot(id: &str) -> impl FnOnce(kernel::Error) -> kernel::Error + use<> {
    not_found(format!("Snapshot {id} could not be found."))
}

async fn list(call: Call) -> Result<Response> {
    let volumes = call.get(&format!("{VOLUMES}/detail")).await?;
    let views: Vec<_> = limited(&call.params, items(&volumes, "volumes")).into_iter().map(view).collect();
    Ok(ok(&json!({"volumes": views})))
}

async fn show(call: Call) -> Result<Response> {
    let found = call.get(&volume_path(&call)).await.map_err(no_volume(call.id("id")))?;
    Ok(ok(&json!({"volume": view(&found["volume"])})))
}

async fn create(call: Call) -> Result<Response> {
    let asked = &call.body["volume"];
    let mut volume = json!({"size": asked["size"].as_i64().or_else(|| asked["size"].as_str()?.parse().ok())});
    let names = [
        ("display_name", "name"),
        ("display_description", "description"),
        ("volume_type", "volume_type"),
        ("metadata", "metadata"),
        ("snapshot_id", "snapshot_id"),
        ("availability_zone", "availability_zone"),
    ];
    for (theirs, ours) in names {
        if !asked[theirs].is_null() {
            volume[ours] = asked[theirs].clone();
        }
    }
    let made = call.ask(Verb::Post, VOLUMES, Some(&json!({"volume": volume}))).await?;
    Ok(ok(&json!({"volume": view(&made["volume"])})))
}

async fn delete(call: Call) -> Result<Response> {
    call.ask(Verb::Delete, &volume_path(&call), None).await.map_err(no_volume(call.id("id")))?;
    Ok(accepted())
}

async fn list_snapshots(call: Call) -> Result<Response> {
    let snapshots = call.get(&format!("{SNAPSHOTS}/detail")).await?;
    let views: Vec<_> = limited(&call.params, items(&snapshots, "snapshots")).into_iter().map(snapshot_view).collect();
    Ok(ok(&json!({"snapshots": views})))
}

async fn show_snapshot(call: Call) -> Result<Response> {
    let path = format!("{SNAPSHOTS}/{}", percent(call.id("id")));
    let found = call.get(&path).await.map_err(no_snapshot(call.id("id")))?;
    Ok(ok(&json!({"snapshot": snapshot_view(&found["snapshot"])})))
}

async fn create_snapshot(call: Call) -> Result<Response> {
    let asked = &call.body["snapshot"];
    let force = match &asked["force"] {
        Value::String(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "on" | "yes"),
        other => other.as_bool().unwrap_or(false),
    };
    let snapshot = json!({
        "volume_id": asked["volume_id"],
        "name": asked["display_name"],
        "description": asked["display_description"],
        "force": force,
    });
    let made = call.ask(Verb::Post, SNAPSHOTS, Some(&json!({"snapshot": snapshot}))).await?;
    Ok(ok(&json!({"snapshot": snapshot_view(&made["snapshot"])})))
}

async fn delete_snapshot(call: Call) -> Result<Response> {
    let path = format!("{SNAPSHOTS}/{}", percent(call.id("id")));
    call.ask(Verb::Delete, &path, None).await.map_err(no_snapshot(call.id("id")))?;
    Ok(accepted())
}
