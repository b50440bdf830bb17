//! `/v3/backups`

use super::{ListCx, VolumeCx, read_flag, since, text, views};
use crate::{
    VolumeService,
    model::Backup,
    ops::{
        backups::{self, create::NewBackup, record, restore},
        volumes::update::check_metadata,
    },
    policy,
};
use http::{ApiResult, ApiRouter, BaseUrl, JsonBody, Path, State, StatusCode};
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/backups", index)
        .get("/v3/backups/detail", detail)
        .post("/v3/backups", create)
        .post("/v3/backups/import_record", import)
        .get("/v3/backups/{id}", show)
        .put("/v3/backups/{id}", put)
        .delete("/v3/backups/{id}", delete)
        .get("/v3/backups/{id}/export_record", export)
        .post("/v3/backups/{id}/restore", restore)
        .post("/v3/backups/{id}/action", action)
        .action("/v3/backups/{id}/action", "os-reset_status")
        .action("/v3/backups/{id}/action", "os-force_delete")
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["backup"],
        "additionalProperties": false,
        "properties": {
            "backup": {
                "type": "object",
                "required": ["volume_id"],
                "additionalProperties": false,
                "properties": {
                    "volume_id": {"type": "string", "format": "uuid"},
                    "container": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "incremental": {"type": ["boolean", "string"]},
                    "force": {"type": ["boolean", "string"]},
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "snapshot_id": {"type": ["string", "null"], "format": "uuid"},
                    "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string", "maxLength": 255}},
                    "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
                },
            },
        },
    };
    UPDATE = {
        "type": "object",
        "required": ["backup"],
        "additionalProperties": false,
        "properties": {
            "backup": {
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string", "maxLength": 255}},
                },
            },
        },
    };
    RESTORE = {
        "type": "object",
        "required": ["restore"],
        "additionalProperties": false,
        "properties": {
            "restore": {
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "volume_id": {"type": ["string", "null"], "format": "uuid"},
                },
            },
        },
    };
    IMPORT = {
        "type": "object",
        "required": ["backup-record"],
        "additionalProperties": false,
        "properties": {
            "backup-record": {
                "type": "object",
                "required": ["backup_service", "backup_url"],
                "additionalProperties": false,
                "properties": {
                    "backup_service": {"type": "string", "minLength": 1, "maxLength": 255},
                    "backup_url": {"type": "string", "minLength": 1},
                },
            },
        },
    }
}

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = backups::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/backups", "backups", &listed, |b| views::backup_summary(&list.base, b))
}

async fn detail(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = backups::list(&service, &list.cx, &list.query()?)?;
    let view = service.view();
    list.show("/volume/v3/backups/detail", "backups", &listed, |b| views::backup(&list.cx, &list.base, &view, b))
}

fn metadata(value: &Value) -> Result<BTreeMap<String, String>> {
    let found: Option<BTreeMap<String, String>> = http::from_value(value["metadata"].clone())?;
    let found = found.unwrap_or_default();
    check_metadata(&found)?;
    Ok(found)
}

async fn create(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    body: JsonBody,
) -> ApiResult {
    let body: Value = body.read(&CREATE)?;
    let new = &body["backup"];
    let flag = |key: &str| new.get(key).map_or(Ok(false), |v| read_flag(v, key));
    let new = NewBackup {
        volume: text(new, "volume_id").unwrap_or_default(),
        snapshot: text(new, "snapshot_id").map(Into::into),
        name: text(new, "name").map(|n| n.trim().to_owned()),
        description: text(new, "description"),
        container: text(new, "container").filter(|c| !c.is_empty()),
        metadata: metadata(new)?,
        incremental: flag("incremental")?,
        force: flag("force")?,
    };
    let made = backups::create::create(&service, &cx, new).await?;
    let mut out = views::backup_summary(&base, &made);
    if cx.version.since(3, 43) {
        out["metadata"] = json!(made.metadata);
    }
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"backup": out})))
}

async fn show(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
) -> ApiResult {
    let found = backups::show(&service, &cx, &id)?;
    Ok(http::ok(&json!({"backup": views::backup(&cx, &base, &service.view(), &found)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 9)?;
    let body: Value = body.read(&UPDATE)?;
    let new = body["backup"].clone();
    if new.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Error::bad_request("Missing updated parameters in request body.").into());
    }
    let more = new.get("metadata").map(|_| metadata(&new)).transpose()?;
    let edit = move |backup: &mut Backup| {
        backup.name = text(&new, "name").or(backup.name.take());
        backup.description = text(&new, "description").or(backup.description.take());
        backup.metadata = more.clone().unwrap_or_else(|| backup.metadata.clone());
    };
    let changed = backups::update(&service, &cx, &policy::BACKUP_UPDATE, &id, edit).await?;
    let mut out = views::backup_summary(&base, &changed);
    if cx.version.since(3, 43) {
        out["metadata"] = json!(changed.metadata);
    }
    Ok(http::ok(&json!({"backup": out})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    backups::delete(&service, &cx, &id, false).await?;
    Ok(http::accepted())
}

async fn restore(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let body: Value = body.read(&RESTORE)?;
    let (onto, name) = (text(&body["restore"], "volume_id"), text(&body["restore"], "name"));
    let volume = restore::restore(&service, &cx, &id, onto, name).await?;
    let name = volume.name.clone().unwrap_or_default();
    let out = json!({"restore": {"backup_id": id, "volume_id": volume.id, "volume_name": name}});
    Ok(http::json_response(StatusCode::ACCEPTED, &out))
}

async fn export(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let url = record::export(&service, &cx, &id)?;
    Ok(http::ok(&json!({"backup-record": {"backup_service": record::SERVICE, "backup_url": url}})))
}

async fn import(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    body: JsonBody,
) -> ApiResult {
    let body: Value = body.read(&IMPORT)?;
    let field = |key: &str| text(&body["backup-record"], key).unwrap_or_default();
    let made = record::import(&service, &cx, &field("backup_service"), &field("backup_url")).await?;
    Ok(http::created(&json!({"backup": views::backup_summary(&base, &made)})))
}

async fn action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let (name, args) = body.action()?;
    match name.as_str() {
        "os-reset_status" => {
            let status = text(&args, "status").unwrap_or_default();
            backups::reset_status(&service, &cx, &id, &status).await?;
        }
        "os-force_delete" => backups::delete(&service, &cx, &id, true).await?,
        other => return Err(Error::bad_request(format!("There is no such action: {other}")).into()),
    }
    Ok(http::accepted())
}
