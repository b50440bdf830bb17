//! `/v3/snapshots`

use super::{ListCx, VolumeCx, item, views};
use crate::{
    VolumeService,
    ops::{manage, snapshots},
    policy,
    service::authorize,
};
use ::policy::Rule;
use http::{ApiResult, ApiRouter, JsonBody, Path, State, StatusCode};
use kernel::{Ctx, Error, SnapshotId, VolumeId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/snapshots", index)
        .post("/v3/snapshots", create)
        .get("/v3/snapshots/detail", detail)
        .get("/v3/snapshots/{id}", show)
        .put("/v3/snapshots/{id}", put)
        .delete("/v3/snapshots/{id}", delete)
        .get("/v3/snapshots/{id}/metadata", metadata)
        .post("/v3/snapshots/{id}/metadata", merge_metadata)
        .put("/v3/snapshots/{id}/metadata", replace_metadata)
        .get("/v3/snapshots/{id}/metadata/{key}", metadata_item)
        .put("/v3/snapshots/{id}/metadata/{key}", put_metadata_item)
        .delete("/v3/snapshots/{id}/metadata/{key}", delete_metadata_item)
        .post("/v3/snapshots/{id}/action", action)
        .action("/v3/snapshots/{id}/action", "os-reset_status")
        .action("/v3/snapshots/{id}/action", "os-force_delete")
        .action("/v3/snapshots/{id}/action", "os-unmanage")
        .action("/v3/snapshots/{id}/action", "os-update_snapshot_status")
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["snapshot"],
        "properties": {
            "snapshot": {
                "type": "object",
                "required": ["volume_id"],
                "properties": {
                    "volume_id": {"type": ["string", "null"], "format": "uuid"},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string", "maxLength": 255}},
                    "force": {"type": ["boolean", "string", "null"]},
                },
            },
        },
    };
    UPDATE = {
        "type": "object",
        "required": ["snapshot"],
        "properties": {
            "snapshot": {
                "type": "object",
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                },
            },
        },
    };
    METADATA = {
        "type": "object",
        "required": ["metadata"],
        "properties": {"metadata": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 255}}},
    }
}

#[derive(Deserialize)]
struct New {
    volume_id: Option<VolumeId>,
    name: Option<String>,
    description: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    force: Option<Value>,
}

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = snapshots::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/snapshots", "snapshots", &listed, |s| views::snapshot_summary(&list.cx, s))
}

async fn detail(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = snapshots::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/snapshots/detail", "snapshots", &listed, |s| views::snapshot(&list.cx, s))
}

async fn create(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        snapshot: New,
    }
    let wrapped: Wrapped = body.read(&CREATE)?;
    let snapshot = snapshots::create(&service, &cx, wrapped.snapshot.record(&cx)?).await?;
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"snapshot": views::snapshot_summary(&cx, &snapshot)})))
}

impl New {
    fn record(self, cx: &Ctx) -> kernel::Result<snapshots::NewSnapshot> {
        // From 3.66 on an attached volume needs no force.
        let forced =
            |v: &Value| v.as_bool().unwrap_or_else(|| v.as_str().is_some_and(|t| t.eq_ignore_ascii_case("true")));
        Ok(snapshots::NewSnapshot {
            id: SnapshotId::new(),
            // No volume is one that nobody finds, as Cinder has it.
            volume: self.volume_id.unwrap_or_default(),
            user: cx.credentials.user.clone(),
            project: cx.project()?.clone(),
            name: self.name,
            description: self.description,
            metadata: self.metadata.unwrap_or_default(),
            force: cx.version.since(3, 66) || self.force.as_ref().is_some_and(forced),
            request_id: cx.request_id.clone(),
            now: cx.now(),
        })
    }
}

async fn show(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let snapshot = service.find_snapshot(&cx, &id)?;
    let _read = authorize(&cx, &policy::SNAPSHOT_GET, &snapshot.project)?;
    Ok(http::ok(&json!({"snapshot": views::snapshot(&cx, &snapshot)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let body: Value = body.read(&UPDATE)?;
    let edit = move |snapshot: &mut crate::Snapshot| {
        let text = |name: &str| body["snapshot"].get(name).map(|v| v.as_str().map(str::to_owned));
        if let Some(name) = text("name") {
            snapshot.name = name;
        }
        if let Some(description) = text("description") {
            snapshot.description = description;
        }
        Ok(())
    };
    let snapshot = snapshots::update(&service, &cx, &policy::SNAPSHOT_UPDATE, &id, edit).await?;
    Ok(http::ok(&json!({"snapshot": views::snapshot_summary(&cx, &snapshot)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    snapshots::delete(&service, &cx, &id, false).await?;
    Ok(http::accepted())
}

async fn action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let (name, args) = body.action()?;
    match name.as_str() {
        "os-force_delete" => snapshots::delete(&service, &cx, &id, true).await?,
        "os-unmanage" => manage::snapshots::unmanage(&service, &cx, &id).await?,
        "os-reset_status" => snapshots::reset_status(&service, &cx, &id, args["status"].as_str()).await?,
        "os-update_snapshot_status" => snapshots::update_status(&service, &cx, &id, &args).await?,
        other => return Err(Error::bad_request(format!("There is no such action: {other}")).into()),
    }
    Ok(http::accepted())
}

async fn metadata(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let snapshot = service.find_snapshot(&cx, &id)?;
    let _read = authorize(&cx, &policy::SNAPSHOT_METADATA_GET, &snapshot.project)?;
    Ok(http::ok(&json!({"metadata": snapshot.metadata})))
}

/// Adds to what there is, or puts it in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Merge,
    Replace,
}

async fn change_metadata(service: &VolumeService, cx: &Ctx, id: &str, body: JsonBody, change: Change) -> ApiResult {
    let mut body: Value = body.read(&METADATA)?;
    let more: BTreeMap<String, String> = http::from_value(body["metadata"].take())?;
    crate::ops::volumes::update::check_metadata(&more)?;
    let edit = move |snapshot: &mut crate::Snapshot| {
        if change == Change::Replace {
            snapshot.metadata.clear();
        }
        snapshot.metadata.extend(more.clone());
        Ok(())
    };
    let rule: &'static Rule = &policy::SNAPSHOT_METADATA_UPDATE;
    let snapshot = snapshots::update(service, cx, rule, id, edit).await?;
    Ok(http::ok(&json!({"metadata": snapshot.metadata})))
}

async fn merge_metadata(
    State(s): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&s, &cx, &id, body, Change::Merge).await
}

async fn replace_metadata(
    State(s): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&s, &cx, &id, body, Change::Replace).await
}

fn no_key(id: &str, key: &str) -> Error {
    Error::not_found(format!("Snapshot {id} has no metadata with key {key}."))
}

async fn metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let snapshot = service.find_snapshot(&cx, &id)?;
    let _read = authorize(&cx, &policy::SNAPSHOT_METADATA_GET, &snapshot.project)?;
    let value = snapshot.metadata.get(&key).ok_or_else(|| no_key(&id, &key))?;
    Ok(http::ok(&json!({"meta": {key: value}})))
}

async fn put_metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let value = item(body["meta"].get(&key).and_then(Value::as_str))?;
    crate::ops::volumes::update::check_metadata(&BTreeMap::from([(key.clone(), value.clone())]))?;
    let answer = json!({"meta": {key.clone(): value.clone()}});
    let edit = move |snapshot: &mut crate::Snapshot| {
        snapshot.metadata.insert(key.clone(), value.clone());
        Ok(())
    };
    snapshots::update(&service, &cx, &policy::SNAPSHOT_METADATA_UPDATE, &id, edit).await?;
    Ok(http::ok(&answer))
}

async fn delete_metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let wanted = id.clone();
    let absent = move |key: &str| no_key(&wanted, key);
    let edit =
        move |snapshot: &mut crate::Snapshot| snapshot.metadata.remove(&key).map(drop).ok_or_else(|| absent(&key));
    snapshots::update(&service, &cx, &policy::SNAPSHOT_METADATA_DELETE, &id, edit).await?;
    Ok(http::done())
}
