//! `/v3/volumes`

use super::{ListCx, VolumeCx, item, since, views};
use crate::{
    VolumeService,
    ops::{
        listing::Query,
        volumes::{create, delete, list, update},
    },
    policy,
    service::authorize,
};
use ::policy::Rule;
use http::{ApiResult, ApiRouter, BaseUrl, JsonBody, Params, Path, State, StatusCode};
use kernel::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/volumes", index)
        .post("/v3/volumes", create)
        .get("/v3/volumes/detail", detail)
        .get("/v3/volumes/summary", summary)
        .get("/v3/volumes/{id}", show)
        .put("/v3/volumes/{id}", put)
        .delete("/v3/volumes/{id}", delete)
        .get("/v3/volumes/{id}/metadata", metadata)
        .post("/v3/volumes/{id}/metadata", merge_metadata)
        .put("/v3/volumes/{id}/metadata", replace_metadata)
        .get("/v3/volumes/{id}/metadata/{key}", metadata_item)
        .put("/v3/volumes/{id}/metadata/{key}", put_metadata_item)
        .delete("/v3/volumes/{id}/metadata/{key}", delete_metadata_item)
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["volume"],
        "properties": {
            "volume": {
                "type": "object",
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "size": {"type": ["integer", "string", "null"]},
                    "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
                    "volume_type": {"type": ["string", "null"], "maxLength": 255},
                    "imageRef": {"type": ["string", "null"], "maxLength": 255},
                    "image_id": {"type": ["string", "null"], "maxLength": 255},
                    "snapshot_id": {"type": ["string", "null"], "format": "uuid"},
                    "source_volid": {"type": ["string", "null"], "format": "uuid"},
                    "backup_id": {"type": ["string", "null"], "format": "uuid"},
                    "group_id": {"type": ["string", "null"], "format": "uuid"},
                    "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string", "maxLength": 255}},
                    "multiattach": {"type": ["boolean", "string", "null"]},
                },
            },
        },
    };
    UPDATE = {
        "type": "object",
        "required": ["volume"],
        "properties": {
            "volume": {
                "type": "object",
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "display_name": {"type": ["string", "null"], "maxLength": 255},
                    "display_description": {"type": ["string", "null"], "maxLength": 255},
                    "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
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

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = list::list_volumes(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/volumes", "volumes", &listed, |v| views::summary(&list.base, v))
}

async fn detail(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = list::list_volumes(&service, &list.cx, &list.query()?)?;
    let view = service.view();
    list.show("/volume/v3/volumes/detail", "volumes", &listed, |v| views::volume(&list.cx, &list.base, &view, v))
}

/// How many, how large (3.12), and all their metadata (3.36).
async fn summary(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    since(&cx, 12)?;
    let found = list::list_volumes(&service, &cx, &Query::new(&params.0)?)?.items;
    let size: u64 = found.iter().map(|v| v.size_gib).sum();
    let mut out = json!({"total_count": found.len(), "total_size": size});
    if cx.version.since(3, 36) {
        let mut metadata: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, value) in found.iter().flat_map(|v| &v.metadata) {
            metadata.entry(key).or_default().insert(value);
        }
        out["metadata"] = json!(metadata);
    }
    Ok(http::ok(&json!({"volume-summary": out})))
}

async fn create(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    body: JsonBody,
) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        volume: Lenient,
    }
    let wrapped: Wrapped = body.read(&CREATE)?;
    let volume = create::create_volume(&service, &cx, wrapped.volume.0).await?;
    let view = service.view();
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"volume": views::written(&cx, &base, &view, &volume)})))
}

/// Booleans as clients send them: `true`, `"True"`, `"1"`.
struct Lenient(create::CreateVolumeBody);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let mut value = Value::deserialize(d)?;
        if let Some(text) = value.get("multiattach").and_then(Value::as_str).map(str::to_lowercase) {
            value["multiattach"] = json!(matches!(text.as_str(), "true" | "1" | "yes" | "on"));
        }
        serde_json::from_value(value).map(Self).map_err(serde::de::Error::custom)
    }
}

async fn show(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
) -> ApiResult {
    let volume = service.find_volume(&cx, &id)?;
    let _read = authorize(&cx, &policy::GET, &volume.project)?;
    Ok(http::ok(&json!({"volume": views::volume(&cx, &base, &service.view(), &volume)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let body: Value = body.read(&UPDATE)?;
    let edit = move |volume: &mut crate::Volume| {
        let text =
            |names: [&str; 2]| names.iter().find_map(|n| body["volume"].get(*n)).map(|v| v.as_str().map(str::to_owned));
        if let Some(name) = text(["name", "display_name"]) {
            volume.name = name;
        }
        if let Some(description) = text(["description", "display_description"]) {
            volume.description = description;
        }
        if let Some(metadata) = body["volume"].get("metadata") {
            volume.metadata = http::from_value(metadata.clone())?;
        }
        Ok(())
    };
    let volume = update::update_volume(&service, &cx, &policy::UPDATE, &id, edit).await?;
    Ok(http::ok(&json!({"volume": views::written(&cx, &base, &service.view(), &volume)})))
}

async fn delete(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    let (cascade, force) = (params.flag("cascade")?.unwrap_or(false), params.flag("force")?.unwrap_or(false));
    delete::delete_volume(&service, &cx, &id, delete::Wanted { cascade, force, ..delete::Wanted::default() }).await?;
    Ok(http::accepted())
}

async fn metadata(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let volume = service.find_volume(&cx, &id)?;
    let _read = authorize(&cx, &policy::METADATA_GET, &volume.project)?;
    Ok(http::ok(&json!({"metadata": volume.metadata})))
}

async fn change_metadata(
    service: &VolumeService,
    cx: &kernel::Ctx,
    id: &str,
    body: JsonBody,
    rule: &'static Rule,
) -> ApiResult {
    let mut body: Value = body.read(&METADATA)?;
    let more: BTreeMap<String, String> = http::from_value(body["metadata"].take())?;
    update::check_metadata(&more)?;
    let edit = move |volume: &mut crate::Volume| {
        if rule.name == policy::METADATA_UPDATE.name {
            volume.metadata.clear();
        }
        volume.metadata.extend(more.clone());
        Ok(())
    };
    let volume = update::update_volume(service, cx, rule, id, edit).await?;
    Ok(http::ok(&json!({"metadata": volume.metadata})))
}

async fn merge_metadata(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&service, &cx, &id, body, &policy::METADATA_CREATE).await
}

async fn replace_metadata(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&service, &cx, &id, body, &policy::METADATA_UPDATE).await
}

async fn metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let volume = service.find_volume(&cx, &id)?;
    let _read = authorize(&cx, &policy::METADATA_GET, &volume.project)?;
    let value = volume.metadata.get(&key).ok_or_else(|| no_key(&id, &key))?;
    Ok(http::ok(&json!({"meta": {key: value}})))
}

fn no_key(id: &str, key: &str) -> Error {
    Error::not_found(format!("Volume {id} has no metadata with key {key}."))
}

async fn put_metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let value = item(body["meta"].get(&key).and_then(Value::as_str))?;
    update::check_metadata(&BTreeMap::from([(key.clone(), value.clone())]))?;
    let answer = json!({"meta": {key.clone(): value.clone()}});
    let edit = move |volume: &mut crate::Volume| {
        volume.metadata.insert(key.clone(), value.clone());
        Ok(())
    };
    update::update_volume(&service, &cx, &policy::METADATA_UPDATE, &id, edit).await?;
    Ok(http::ok(&answer))
}

async fn delete_metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let wanted = id.clone();
    let edit =
        move |volume: &mut crate::Volume| volume.metadata.remove(&key).map(drop).ok_or_else(|| no_key(&wanted, &key));
    update::update_volume(&service, &cx, &policy::METADATA_DELETE, &id, edit).await?;
    Ok(http::done())
}
