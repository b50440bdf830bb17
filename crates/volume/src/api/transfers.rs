//! `/v3/os-volume-transfer`, and `/v3/volume-transfers` (3.55), which can leave snapshots behind.

use super::{ListCx, VolumeCx, read_flag, since, views};
use crate::{
    VolumeService,
    model::Transfer,
    ops::transfers::{self, Offer},
};
use http::{ApiResult, ApiRouter, BaseUrl, JsonBody, Path, State, StatusCode};
use kernel::{Ctx, Result};
use serde_json::{Value, json};

const OLD: &str = "os-volume-transfer";
const NEW: &str = "volume-transfers";

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/os-volume-transfer", async |s, l| list(s, l, OLD, false))
        .get("/v3/os-volume-transfer/detail", async |s, l| list(s, l, OLD, true))
        .post("/v3/os-volume-transfer", async |s, c, b, body| create(s, c, b, body, OLD).await)
        .get("/v3/os-volume-transfer/{id}", async |s, c, b, id| show(s, c, b, id, OLD))
        .delete("/v3/os-volume-transfer/{id}", async |s, c, id| delete(s, c, id, OLD).await)
        .post("/v3/os-volume-transfer/{id}/accept", async |s, c, b, id, body| accept(s, c, b, id, body, OLD).await)
        .get("/v3/volume-transfers", async |s, l| list(s, l, NEW, false))
        .get("/v3/volume-transfers/detail", async |s, l| list(s, l, NEW, true))
        .post("/v3/volume-transfers", async |s, c, b, body| create(s, c, b, body, NEW).await)
        .get("/v3/volume-transfers/{id}", async |s, c, b, id| show(s, c, b, id, NEW))
        .delete("/v3/volume-transfers/{id}", async |s, c, id| delete(s, c, id, NEW).await)
        .post("/v3/volume-transfers/{id}/accept", async |s, c, b, id, body| accept(s, c, b, id, body, NEW).await)
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["transfer"],
        "additionalProperties": false,
        "properties": {
            "transfer": {
                "type": "object",
                "required": ["volume_id"],
                "additionalProperties": false,
                "properties": {
                    "volume_id": {"type": "string", "format": "uuid"},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                },
            },
        },
    };
    CREATE_355 = {
        "type": "object",
        "required": ["transfer"],
        "additionalProperties": false,
        "properties": {
            "transfer": {
                "type": "object",
                "required": ["volume_id"],
                "additionalProperties": false,
                "properties": {
                    "volume_id": {"type": "string", "format": "uuid"},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "no_snapshots": {"type": ["boolean", "string"]},
                },
            },
        },
    };
    ACCEPT = {
        "type": "object",
        "required": ["accept"],
        "additionalProperties": false,
        "properties": {
            "accept": {
                "type": "object",
                "required": ["auth_key"],
                "additionalProperties": false,
                "properties": {"auth_key": {"type": ["string", "integer"]}},
            },
        },
    }
}

fn served(cx: &Ctx, kind: &str) -> Result<()> {
    if kind == NEW { since(cx, 55) } else { Ok(()) }
}

fn list(State(service): State<VolumeService>, list: ListCx, kind: &'static str, detail: bool) -> ApiResult {
    served(&list.cx, kind)?;
    let listed = transfers::list(&service, &list.cx, &list.query()?)?;
    let path = format!("/volume/v3/{kind}{}", if detail { "/detail" } else { "" });
    let view = |t: &Transfer| match detail {
        true => views::transfer(&list.cx, &list.base, kind, t),
        false => views::transfer_summary(&list.base, kind, t),
    };
    list.show(&path, "transfers", &listed, view)
}

async fn create(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    body: JsonBody,
    kind: &'static str,
) -> ApiResult {
    served(&cx, kind)?;
    let body: Value = body.read(if kind == NEW { &CREATE_355 } else { &CREATE })?;
    let new = &body["transfer"];
    let offer = Offer {
        volume: new["volume_id"].as_str().unwrap_or_default().to_owned(),
        name: new["name"].as_str().map(|n| n.trim().to_owned()),
        no_snapshots: new.get("no_snapshots").map_or(Ok(false), |v| read_flag(v, "no_snapshots"))?,
    };
    let (made, key) = transfers::create(&service, &cx, offer).await?;
    let mut out = views::transfer(&cx, &base, kind, &made);
    out["auth_key"] = json!(key);
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"transfer": out})))
}

fn show(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
    kind: &'static str,
) -> ApiResult {
    served(&cx, kind)?;
    let found = transfers::show(&service, &cx, &id)?;
    Ok(http::ok(&json!({"transfer": views::transfer(&cx, &base, kind, &found)})))
}

async fn delete(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    kind: &'static str,
) -> ApiResult {
    served(&cx, kind)?;
    transfers::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}

async fn accept(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: JsonBody,
    kind: &'static str,
) -> ApiResult {
    served(&cx, kind)?;
    let body: Value = body.read(&ACCEPT)?;
    let key = &body["accept"]["auth_key"];
    let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    let taken = transfers::accept(&service, &cx, &id, &key).await?;
    let out = json!({"transfer": views::transfer_summary(&base, kind, &taken)});
    Ok(http::json_response(StatusCode::ACCEPTED, &out))
}
