//! `/v3/os-volume-manage` and `/v3/os-snapshot-manage`, and from 3.8 on `/v3/manageable_volumes` and `/v3/manageable_snapshots`.

use super::{ListCx, VolumeCx, read_flag, since, text, views};
use crate::{
    VolumeService,
    ops::{
        manage::{
            candidates::{self, Manageable},
            snapshots as take_snapshots,
            volumes::{self as take_volumes, Wanted},
        },
        snapshots::NewSnapshot,
        volumes::{create::NewRecord, update::check_metadata},
    },
};
use http::{ApiResult, ApiRouter, BaseUrl, JsonBody, State, StatusCode};
use kernel::{Ctx, Error, Result, SnapshotId, VolumeId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The path that a request came by: the first there was, or the one of 3.8.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Old,
    New,
}

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/os-volume-manage", async |s, l| volumes(s, l, By::Old, views::manageable).await)
        .get("/v3/os-volume-manage/detail", async |s, l| volumes(s, l, By::Old, views::manageable_detail).await)
        .post("/v3/os-volume-manage", async |s, c, b, body| manage_volume(s, c, b, body, By::Old).await)
        .get("/v3/manageable_volumes", async |s, l| volumes(s, l, By::New, views::manageable).await)
        .get("/v3/manageable_volumes/detail", async |s, l| volumes(s, l, By::New, views::manageable_detail).await)
        .post("/v3/manageable_volumes", async |s, c, b, body| manage_volume(s, c, b, body, By::New).await)
        .get("/v3/os-snapshot-manage", async |s, l| snapshots(s, l, By::Old, views::manageable).await)
        .get("/v3/os-snapshot-manage/detail", async |s, l| snapshots(s, l, By::Old, views::manageable_detail).await)
        .post("/v3/os-snapshot-manage", async |s, c, body| manage_snapshot(s, c, body, By::Old).await)
        .get("/v3/manageable_snapshots", async |s, l| snapshots(s, l, By::New, views::manageable).await)
        .get("/v3/manageable_snapshots/detail", async |s, l| snapshots(s, l, By::New, views::manageable_detail).await)
        .post("/v3/manageable_snapshots", async |s, c, body| manage_snapshot(s, c, body, By::New).await)
}

http::schema! {
    VOLUME = {
        "type": "object",
        "required": ["volume"],
        "additionalProperties": false,
        "properties": {
            "volume": {
                "type": "object",
                "required": ["ref"],
                "additionalProperties": false,
                "properties": {
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "availability_zone": {"type": ["string", "null"], "maxLength": 255},
                    "bootable": {"type": ["boolean", "string"]},
                    "volume_type": {"type": ["string", "null"], "maxLength": 255},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "host": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
                    "cluster": {"type": ["string", "null"], "maxLength": 255},
                    "ref": {"type": ["object", "string"]},
                    "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string", "maxLength": 255}},
                },
            },
        },
    };
    SNAPSHOT = {
        "type": "object",
        "required": ["snapshot"],
        "additionalProperties": false,
        "properties": {
            "snapshot": {
                "type": "object",
                "required": ["ref", "volume_id"],
                "additionalProperties": false,
                "properties": {
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "volume_id": {"type": "string", "format": "uuid"},
                    "ref": {"type": ["object", "null", "string"]},
                    "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string", "maxLength": 255}},
                },
            },
        },
    }
}

fn served(cx: &Ctx, by: By) -> Result<()> {
    if by == By::New { since(cx, 8) } else { Ok(()) }
}

async fn volumes(
    State(service): State<VolumeService>,
    list: ListCx,
    by: By,
    view: fn(&Manageable) -> Value,
) -> ApiResult {
    served(&list.cx, by)?;
    let listed = candidates::volumes(&service, &list.cx, &list.query()?).await?;
    list.show("/volume/v3/manageable_volumes", "manageable-volumes", &listed, view)
}

async fn snapshots(
    State(service): State<VolumeService>,
    list: ListCx,
    by: By,
    view: fn(&Manageable) -> Value,
) -> ApiResult {
    served(&list.cx, by)?;
    let listed = candidates::snapshots(&service, &list.cx, &list.query()?).await?;
    list.show("/volume/v3/manageable_snapshots", "manageable-snapshots", &listed, view)
}

fn metadata(new: &Value) -> Result<BTreeMap<String, String>> {
    let found: Option<BTreeMap<String, String>> = http::from_value(new["metadata"].clone())?;
    let found = found.unwrap_or_default();
    check_metadata(&found)?;
    Ok(found)
}

async fn manage_volume(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    body: JsonBody,
    by: By,
) -> ApiResult {
    served(&cx, by)?;
    let mut body: Value = body.read(&VOLUME)?;
    let wanted = wanted(&cx, &mut body["volume"])?;
    let made = take_volumes::manage(&service, &cx, wanted).await?;
    // Cinder's older view, whatever the version.
    let mut out = views::volume(&cx, &base, &service.view(), &made);
    views::without_later(&mut out);
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"volume": out})))
}

fn wanted(cx: &Ctx, new: &mut Value) -> Result<Wanted> {
    let missing = || Error::bad_request("Invalid input received: One and only one of cluster and host must be set.");
    Ok(Wanted {
        host: text(new, "host").ok_or_else(missing)?,
        bootable: new.get("bootable").map_or(Ok(false), |v| read_flag(v, "bootable"))?,
        record: NewRecord {
            name: text(new, "name").map(|n| n.trim().to_owned()),
            description: text(new, "description").map(|d| d.trim().to_owned()),
            volume_type: text(new, "volume_type"),
            metadata: metadata(new)?,
            ..NewRecord::of(cx, VolumeId::new())?
        },
        reference: new["ref"].take(),
    })
}

async fn manage_snapshot(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    body: JsonBody,
    by: By,
) -> ApiResult {
    served(&cx, by)?;
    let body: Value = body.read(&SNAPSHOT)?;
    let new = &body["snapshot"];
    let record = NewSnapshot {
        id: SnapshotId::new(),
        volume: text(new, "volume_id").unwrap_or_default().into(),
        user: cx.credentials.user.clone(),
        project: cx.project()?.clone(),
        name: text(new, "name"),
        description: text(new, "description"),
        metadata: metadata(new)?,
        force: true,
        request_id: cx.request_id.clone(),
        now: cx.now(),
    };
    let made = take_snapshots::manage(&service, &cx, record, &new["ref"]).await?;
    let mut out = views::snapshot_summary(&cx, &made);
    views::without_later(&mut out);
    if let Value::Object(fields) = &mut out {
        fields.remove("user_id"); // a volume's is older
    }
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"snapshot": out})))
}
