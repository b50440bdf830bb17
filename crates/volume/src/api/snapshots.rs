//! `/v3/snapshots`

use super::{VolumeCx, views};
use crate::{VolumeService, ops::snapshots, policy, service::authorize};
use http::{ApiResult, ApiRouter, BaseUrl, JsonBody, Params, Path, State, StatusCode};
use kernel::{Ctx, SnapshotId, VolumeId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MAX: usize = 1000;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/snapshots", index)
        .post("/v3/snapshots", create)
        .get("/v3/snapshots/detail", index)
        .get("/v3/snapshots/{id}", show)
        .put("/v3/snapshots/{id}", put)
        .delete("/v3/snapshots/{id}", delete)
        .get("/v3/snapshots/{id}/metadata", metadata)
        .post("/v3/snapshots/{id}/metadata", merge_metadata)
        .put("/v3/snapshots/{id}/metadata", replace_metadata)
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
                    "volume_id": {"type": "string", "format": "uuid"},
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
    volume_id: VolumeId,
    name: Option<String>,
    description: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    force: Option<Value>,
}

async fn index(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    params: Params,
) -> ApiResult {
    let page = snapshots::list(&service, &cx, &params.0, &params.page(MAX)?)?;
    let mut out = json!({"snapshots": page.items.iter().map(|s| views::snapshot(&cx, s)).collect::<Vec<_>>()});
    let last = page.items.last().filter(|_| page.more).map(|s| s.id.as_str());
    super::info::add_next(&mut out, "snapshots_links", &base, "/volume/v3/snapshots", &params, last);
    Ok(http::ok(&out))
}

async fn create(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        snapshot: New,
    }
    let wrapped: Wrapped = body.read(&CREATE)?;
    let snapshot = snapshots::create(&service, &cx, wrapped.snapshot.record(&cx)?).await?;
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"snapshot": views::snapshot(&cx, &snapshot)})))
}

impl New {
    fn record(self, cx: &Ctx) -> kernel::Result<snapshots::NewSnapshot> {
        // From 3.66 on an attached volume needs no force.
        let forced =
            |v: &Value| v.as_bool().unwrap_or_else(|| v.as_str().is_some_and(|t| t.eq_ignore_ascii_case("true")));
        Ok(snapshots::NewSnapshot {
            id: SnapshotId::new(),
            volume: self.volume_id,
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
    let snapshot = snapshots::update(&service, &cx, &id, edit).await?;
    Ok(http::ok(&json!({"snapshot": views::snapshot(&cx, &snapshot)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    snapshots::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}

async fn metadata(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"metadata": service.find_snapshot(&cx, &id)?.metadata})))
}

async fn change_metadata(service: &VolumeService, cx: &Ctx, id: &str, body: JsonBody, replace: bool) -> ApiResult {
    let mut body: Value = body.read(&METADATA)?;
    let more: BTreeMap<String, String> = http::from_value(body["metadata"].take())?;
    crate::ops::volumes::update::check_metadata(&more)?;
    let edit = move |snapshot: &mut crate::Snapshot| {
        if replace {
            snapshot.metadata.clear();
        }
        snapshot.metadata.extend(more.clone());
        Ok(())
    };
    let snapshot = snapshots::update(service, cx, id, edit).await?;
    Ok(http::ok(&json!({"metadata": snapshot.metadata})))
}

async fn merge_metadata(
    State(s): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&s, &cx, &id, body, false).await
}

async fn replace_metadata(
    State(s): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&s, &cx, &id, body, true).await
}
