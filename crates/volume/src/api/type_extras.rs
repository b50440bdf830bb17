//! What belongs to a volume type: the projects that may use it, and its volumes' encryption.

use super::VolumeCx;
use crate::{
    VolumeService,
    model::{Encryption, Volume, VolumeType},
    ops::types::{access, encryption},
    policy,
    service::authorize,
};
use http::{ApiResult, ApiRouter, JsonBody, Path, State};
use kernel::{Error, ProjectId};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/types/{id}/os-volume-type-access", list_access)
        .post("/v3/types/{id}/action", action)
        .action("/v3/types/{id}/action", "addProjectAccess")
        .action("/v3/types/{id}/action", "removeProjectAccess")
        .get("/v3/types/{id}/encryption", show_encryption)
        .post("/v3/types/{id}/encryption", create_encryption)
        .get("/v3/types/{id}/encryption/{key}", encryption_item)
        .put("/v3/types/{id}/encryption/{key}", put_encryption)
        .delete("/v3/types/{id}/encryption/{key}", delete_encryption)
        .get("/v3/volumes/{id}/encryption", of_volume)
        .get("/v3/volumes/{id}/encryption/{key}", of_volume_item)
}

http::schema! {
    ACCESS = {
        "type": "object",
        "required": ["project"],
        "additionalProperties": false,
        "properties": {"project": {"type": "string", "format": "uuid"}},
    };
    CREATE_ENCRYPTION = {
        "type": "object",
        "required": ["encryption"],
        "additionalProperties": false,
        "properties": {
            "encryption": {
                "type": "object",
                "required": ["provider", "control_location"],
                "properties": {
                    "key_size": {"type": ["integer", "string", "null"], "minimum": 0, "maximum": 2147483647},
                    "provider": {"type": "string", "maxLength": 255},
                    "control_location": {"enum": ["front-end", "back-end"]},
                    "cipher": {"type": ["string", "null"], "maxLength": 255},
                },
            },
        },
    };
    UPDATE_ENCRYPTION = {
        "type": "object",
        "required": ["encryption"],
        "additionalProperties": false,
        "properties": {
            "encryption": {
                "type": "object",
                "properties": {
                    "key_size": {"type": ["integer", "string", "null"], "minimum": 0, "maximum": 2147483647},
                    "provider": {"type": "string", "maxLength": 255},
                    "control_location": {"enum": ["front-end", "back-end"]},
                    "cipher": {"type": ["string", "null"], "maxLength": 255},
                },
            },
        },
    }
}

async fn list_access(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    let found = access::list(&service, &cx, &id)?;
    let rows: Vec<_> = found.access.iter().map(|p| json!({"volume_type_id": id, "project_id": p})).collect();
    Ok(http::ok(&json!({"volume_type_access": rows})))
}

async fn action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    #[derive(Deserialize)]
    struct Whose {
        project: ProjectId,
    }
    let (name, args) = body.action()?;
    let whose = |args: Value| JsonBody(args).read::<Whose>(&ACCESS).map(|w| w.project);
    match name.as_str() {
        "addProjectAccess" => access::add(&service, &cx, &id, whose(args)?).await?,
        "removeProjectAccess" => access::remove(&service, &cx, &id, whose(args)?).await?,
        other => return Err(Error::bad_request(format!("There is no such action: {other}")).into()),
    }
    Ok(http::accepted())
}

fn view(of: &str, e: &Encryption) -> Value {
    json!({
        "encryption_id": e.id,
        "volume_type_id": of,
        "provider": e.provider,
        "control_location": e.control_location,
        "cipher": e.cipher,
        "key_size": e.key_size,
        "created_at": e.created_at.iso_micros(),
        "updated_at": Value::Null,
        "deleted_at": Value::Null,
        "deleted": false,
    })
}

async fn show_encryption(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    let found = encryption::show(&service, &cx, &id)?;
    Ok(http::ok(&found.map_or_else(|| json!({}), |e| view(&id, &e))))
}

async fn encryption_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let found = encryption::show(&service, &cx, &id)?.ok_or_else(|| encryption::none(&id))?;
    let value = view(&id, &found).get(&key).cloned().ok_or_else(|| encryption::none(&id))?;
    Ok(http::ok(&json!({key: value})))
}

#[derive(Deserialize)]
struct Wrapped {
    encryption: Fields,
}

#[derive(Deserialize)]
struct Fields {
    provider: Option<String>,
    control_location: Option<String>,
    cipher: Option<String>,
    key_size: Option<Value>,
}

fn key_size(value: Option<&Value>) -> kernel::Result<Option<u64>> {
    let read = |v: &Value| {
        let number = v.as_u64().or_else(|| v.as_str().and_then(|t| t.parse().ok()));
        number.ok_or_else(|| Error::bad_request(format!("Invalid input for field/attribute key_size. Value: {v}.")))
    };
    value.map(read).transpose()
}

async fn create_encryption(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let fields = body.read::<Wrapped>(&CREATE_ENCRYPTION)?.encryption;
    let new = Encryption {
        id: kernel::ids::uuid_dashed().to_string(),
        provider: fields.provider.unwrap_or_default(),
        control_location: fields.control_location.unwrap_or_default(),
        cipher: fields.cipher,
        key_size: key_size(fields.key_size.as_ref())?,
        created_at: cx.now(),
    };
    let answer = json!({"encryption": {
        "encryption_id": new.id, "volume_type_id": id, "provider": new.provider,
        "control_location": new.control_location, "cipher": new.cipher, "key_size": new.key_size,
    }});
    encryption::create(&service, &cx, &id, new).await?;
    Ok(http::ok(&answer))
}

async fn put_encryption(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, _)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let fields = JsonBody(body.clone()).read::<Wrapped>(&UPDATE_ENCRYPTION)?.encryption;
    let size = key_size(fields.key_size.as_ref())?;
    let edit = move |e: &mut Encryption| {
        e.provider = fields.provider.clone().unwrap_or_else(|| e.provider.clone());
        e.control_location = fields.control_location.clone().unwrap_or_else(|| e.control_location.clone());
        e.cipher = fields.cipher.clone().or_else(|| e.cipher.clone());
        e.key_size = size.or(e.key_size);
    };
    encryption::update(&service, &cx, &id, edit).await?;
    Ok(http::ok(&body))
}

async fn delete_encryption(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, _)): Path<(String, String)>,
) -> ApiResult {
    encryption::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}

/// How a volume is encrypted; all empty for one that is not.
fn metadata(service: &VolumeService, cx: &kernel::Ctx, id: &str) -> kernel::Result<Value> {
    let volume = service.find_volume(cx, id)?;
    let _read = authorize(cx, &policy::ENCRYPTION_METADATA, &volume.project)?;
    let of: fn(&VolumeService, &Volume) -> Option<Encryption> =
        |s, v| s.view().get::<VolumeType>(&v.volume_type).and_then(|t| t.encryption.clone());
    let encryption = of(service, &volume).filter(|_| volume.encryption_key.is_some());
    Ok(encryption.map_or_else(
        || json!({"encryption_key_id": Value::Null}),
        |e| {
            json!({
                "encryption_key_id": volume.encryption_key, "provider": e.provider, "control_location": e.control_location,
                "cipher": e.cipher, "key_size": e.key_size,
            })
        },
    ))
}

async fn of_volume(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&metadata(&service, &cx, &id)?))
}

async fn of_volume_item(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let found = metadata(&service, &cx, &id)?;
    Ok(http::ok(&json!({key.clone(): found.get(&key)})))
}
