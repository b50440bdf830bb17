//! `/v3/volumes`

use super::{VolumeCx, views};
use crate::{
    VolumeService,
    ops::volumes::{actions, create, delete, list, update},
    policy,
    service::authorize,
};
use http::{ApiResult, ApiRouter, BaseUrl, JsonBody, Params, Path, State, StatusCode};
use kernel::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MAX: usize = 1000;
const NOT_FILTERS: &[&str] = &["limit", "marker", "sort", "sort_key", "sort_dir", "offset"];

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/volumes", index)
        .post("/v3/volumes", create)
        .get("/v3/volumes/detail", detail)
        .get("/v3/volumes/summary", summary)
        .get("/v3/volumes/{id}", show)
        .put("/v3/volumes/{id}", put)
        .delete("/v3/volumes/{id}", delete)
        .post("/v3/volumes/{id}/action", action)
        .action("/v3/volumes/{id}/action", "os-extend")
        .action("/v3/volumes/{id}/action", "os-reset_status")
        .action("/v3/volumes/{id}/action", "os-force_delete")
        .action("/v3/volumes/{id}/action", "os-set_bootable")
        .action("/v3/volumes/{id}/action", "os-update_readonly_flag")
        .action("/v3/volumes/{id}/action", "os-set_image_metadata")
        .action("/v3/volumes/{id}/action", "os-unset_image_metadata")
        .action("/v3/volumes/{id}/action", "os-volume_upload_image")
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

fn filters(params: &Params) -> Vec<(String, String)> {
    params.0.iter().filter(|(k, _)| !NOT_FILTERS.contains(&k.as_str())).cloned().collect()
}

async fn index(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    params: Params,
) -> ApiResult {
    let page = list::list_volumes(&service, &cx, &filters(&params), &params.page(MAX)?)?;
    let mut out = json!({"volumes": page.items.iter().map(|v| views::summary(&base, v)).collect::<Vec<_>>()});
    super::info::add_next(
        &mut out,
        "volumes_links",
        &base,
        "/volume/v3/volumes",
        &params,
        page.items.last().filter(|_| page.more).map(|v| v.id.as_str()),
    );
    Ok(http::ok(&out))
}

async fn detail(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    params: Params,
) -> ApiResult {
    let page = list::list_volumes(&service, &cx, &filters(&params), &params.page(MAX)?)?;
    let view = service.view();
    let mut out =
        json!({"volumes": page.items.iter().map(|v| views::volume(&cx, &base, &view, v)).collect::<Vec<_>>()});
    super::info::add_next(
        &mut out,
        "volumes_links",
        &base,
        "/volume/v3/volumes/detail",
        &params,
        page.items.last().filter(|_| page.more).map(|v| v.id.as_str()),
    );
    Ok(http::ok(&out))
}

async fn summary(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    let page = list::list_volumes(&service, &cx, &filters(&params), &params.page(usize::MAX)?)?;
    let size: u64 = page.items.iter().map(|v| v.size_gib).sum();
    Ok(http::ok(&json!({"volume-summary": {"total_count": page.items.len(), "total_size": size, "metadata": {}}})))
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
    let volume = update::update_volume(&service, &cx, &id, edit).await?;
    Ok(http::ok(&json!({"volume": views::written(&cx, &base, &service.view(), &volume)})))
}

async fn delete(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    if params.flag("cascade")?.unwrap_or(false) {
        return Err(Error::bad_request("cascade deletion is not offered; delete the volume's snapshots first").into());
    }
    delete::delete_volume(&service, &cx, &id, params.flag("force")?.unwrap_or(false)).await?;
    Ok(http::accepted())
}

async fn action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let (name, args) = body.action()?;
    let text = |key: &str| args.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match name.as_str() {
        "os-extend" => actions::extend(&service, &cx, &id, create::read_size(&args["new_size"])?).await?,
        "os-reset_status" => actions::reset_status(&service, &cx, &id, &text("status")).await?,
        "os-force_delete" => delete::delete_volume(&service, &cx, &id, true).await?,
        "os-set_bootable" => flag(&service, &cx, &id, &args, "bootable", |v, on| v.bootable = on).await?,
        "os-update_readonly_flag" => {
            flag(&service, &cx, &id, &args, "readonly", |v, on| v.read_only = Some(on)).await?
        }
        "os-set_image_metadata" => return set_image_metadata(&service, &cx, &id, &args).await,
        "os-unset_image_metadata" => unset_image_metadata(&service, &cx, &id, text("key")).await?,
        "os-volume_upload_image" => {
            let answer = actions::upload(&service, &cx, &id, http::from_value(args)?).await?;
            return Ok(http::json_response(StatusCode::ACCEPTED, &answer));
        }
        other => return Err(Error::bad_request(format!("There is no such action: {other}")).into()),
    }
    Ok(match name.as_str() {
        "os-set_bootable" | "os-unset_image_metadata" => http::ok(&json!({})),
        _ => http::accepted(),
    })
}

async fn flag(
    service: &VolumeService,
    cx: &kernel::Ctx,
    id: &str,
    args: &Value,
    key: &str,
    set: fn(&mut crate::Volume, bool),
) -> Result<()> {
    let on = match &args[key] {
        Value::Bool(on) => *on,
        Value::String(text) if text.eq_ignore_ascii_case("true") => true,
        Value::String(text) if text.eq_ignore_ascii_case("false") => false,
        other => {
            return Err(Error::bad_request(format!(
                "Invalid input for field/attribute {key}. Value: {other}. It must be a boolean"
            )));
        }
    };
    let edit = move |volume: &mut crate::Volume| {
        set(volume, on);
        Ok(())
    };
    update::update_volume(service, cx, id, edit).await.map(drop)
}

async fn set_image_metadata(service: &VolumeService, cx: &kernel::Ctx, id: &str, args: &Value) -> ApiResult {
    let more: BTreeMap<String, String> = http::from_value(args["metadata"].clone())?;
    update::check_metadata(&more)?;
    let edit = move |volume: &mut crate::Volume| {
        volume.image_metadata.extend(more.clone());
        Ok(())
    };
    let volume = update::update_volume(service, cx, id, edit).await?;
    Ok(http::ok(&json!({"metadata": volume.image_metadata})))
}

async fn unset_image_metadata(service: &VolumeService, cx: &kernel::Ctx, id: &str, key: String) -> Result<()> {
    let edit = move |volume: &mut crate::Volume| {
        volume.image_metadata.remove(&key).map(drop).ok_or_else(|| Error::not_found("Metadata does not exist."))
    };
    update::update_volume(service, cx, id, edit).await.map(drop)
}

async fn metadata(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"metadata": service.find_volume(&cx, &id)?.metadata})))
}

async fn change_metadata(
    service: &VolumeService,
    cx: &kernel::Ctx,
    id: &str,
    body: JsonBody,
    replace: bool,
) -> ApiResult {
    let mut body: Value = body.read(&METADATA)?;
    let more: BTreeMap<String, String> = http::from_value(body["metadata"].take())?;
    update::check_metadata(&more)?;
    let edit = move |volume: &mut crate::Volume| {
        if replace {
            volume.metadata.clear();
        }
        volume.metadata.extend(more.clone());
        Ok(())
    };
    let volume = update::update_volume(service, cx, id, edit).await?;
    Ok(http::ok(&json!({"metadata": volume.metadata})))
}

async fn merge_metadata(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&service, &cx, &id, body, false).await
}

async fn replace_metadata(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    change_metadata(&service, &cx, &id, body, true).await
}

async fn metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let volume = service.find_volume(&cx, &id)?;
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
    let value = body["meta"].get(&key).and_then(Value::as_str).map(str::to_owned);
    let value = value.ok_or_else(|| Error::bad_request("Request body and URI mismatch"))?;
    update::check_metadata(&BTreeMap::from([(key.clone(), value.clone())]))?;
    let item = json!({"meta": {key.clone(): value.clone()}});
    let edit = move |volume: &mut crate::Volume| {
        volume.metadata.insert(key.clone(), value.clone());
        Ok(())
    };
    update::update_volume(&service, &cx, &id, edit).await?;
    Ok(http::ok(&item))
}

async fn delete_metadata_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let wanted = id.clone();
    let edit =
        move |volume: &mut crate::Volume| volume.metadata.remove(&key).map(drop).ok_or_else(|| no_key(&wanted, &key));
    update::update_volume(&service, &cx, &id, edit).await?;
    Ok(http::ok(&json!({})))
}
