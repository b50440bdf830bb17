//! `/v3/types` and their extra specs.

use super::{ListCx, VolumeCx, item, read_flag, views};
use crate::{VolumeService, VolumeType, ops::types, policy, service::authorize_own};
use http::{ApiResult, ApiRouter, JsonBody, Path, State};
use kernel::{Ctx, Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/types", index)
        .post("/v3/types", create)
        .get("/v3/types/{id}", show)
        .put("/v3/types/{id}", put)
        .delete("/v3/types/{id}", delete)
        .get("/v3/types/{id}/extra_specs", specs)
        .post("/v3/types/{id}/extra_specs", add_specs)
        .get("/v3/types/{id}/extra_specs/{key}", spec)
        .put("/v3/types/{id}/extra_specs/{key}", put_spec)
        .delete("/v3/types/{id}/extra_specs/{key}", remove_spec)
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["volume_type"],
        "properties": {
            "volume_type": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "os-volume-type-access:is_public": {"type": ["boolean", "string"]},
                    "extra_specs": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}},
                },
            },
        },
    };
    UPDATE = {
        "type": "object",
        "required": ["volume_type"],
        "properties": {
            "volume_type": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "name": {"type": ["string", "null"], "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "is_public": {"type": ["boolean", "string"]},
                },
            },
        },
    };
    SPECS = {
        "type": "object",
        "required": ["extra_specs"],
        "additionalProperties": false,
        "properties": {
            "extra_specs": {
                "type": "object",
                "additionalProperties": false,
                "patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": {"type": "string", "maxLength": 255}},
            },
        },
    };
    SPEC = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
        "patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": {"type": "string", "maxLength": 255}},
    }
}

#[derive(Deserialize)]
struct New {
    name: String,
    description: Option<String>,
    #[serde(rename = "os-volume-type-access:is_public")]
    public: Option<Value>,
    extra_specs: Option<BTreeMap<String, String>>,
}

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = types::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/types", "volume_types", &listed, |t| views::volume_type(&list.cx, t))
}

async fn create(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        volume_type: New,
    }
    let new = body.read::<Wrapped>(&CREATE)?.volume_type;
    let public = new.public.as_ref().map(|v| read_flag(v, "os-volume-type-access:is_public")).transpose()?;
    let made = VolumeType {
        id: kernel::ids::uuid_dashed().to_string(),
        name: new.name,
        description: new.description,
        public: public.unwrap_or(true),
        extra_specs: new.extra_specs.unwrap_or_default(),
        access: Default::default(),
        encryption: None,
        qos: None,
        created_at: cx.now(),
    };
    let made = types::create(&service, &cx, made).await?;
    Ok(http::ok(&json!({"volume_type": views::new_volume_type(&cx, &made)})))
}

async fn show(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    if id == "default" {
        let found = types::show_default(&service, &cx).await?;
        return Ok(http::ok(&json!({"volume_type": views::volume_type(&cx, &found)})));
    }
    Ok(http::ok(&json!({"volume_type": views::volume_type(&cx, &*types::show(&service, &cx, &id)?)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let _permitted = authorize_own(&cx, &policy::TYPE_UPDATE)?;
    let body: Value = body.read(&UPDATE)?;
    let new = body["volume_type"].clone();
    let public = new.get("is_public").map(|v| read_flag(v, "is_public")).transpose()?;
    if new["name"].is_null() && new.get("description").is_none_or(Value::is_null) && public.is_none() {
        let text = "Specify volume type name, description, is_public or a combination thereof.";
        return Err(Error::bad_request(text).into());
    }
    let edit = move |t: &mut VolumeType| {
        if let Some(name) = new["name"].as_str() {
            if name.trim().is_empty() {
                return Err(Error::bad_request("Volume type name can not be empty."));
            }
            t.name = name.to_owned();
        }
        if let Some(description) = new["description"].as_str() {
            t.description = Some(description.to_owned());
        }
        t.public = public.unwrap_or(t.public);
        Ok(())
    };
    let changed = types::update(&service, &cx, &policy::TYPE_UPDATE, &id, edit).await?;
    Ok(http::ok(&json!({"volume_type": views::new_volume_type(&cx, &changed)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    types::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}

/// The extra specs that the caller may see.
fn shown(cx: &Ctx, t: &VolumeType) -> std::collections::BTreeMap<String, String> {
    views::open_specs(cx, &t.extra_specs)
}

async fn specs(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let _read = authorize_own(&cx, &policy::SPECS_INDEX)?;
    Ok(http::ok(&json!({"extra_specs": shown(&cx, &*types::find(&service, &cx, &id)?)})))
}

async fn add_specs(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let _permitted = authorize_own(&cx, &policy::SPECS_CREATE)?;
    let mut body: Value = body.read(&SPECS)?;
    let more: BTreeMap<String, String> = http::from_value(body["extra_specs"].take())?;
    check_specs(&more)?;
    let answer = json!({"extra_specs": more});
    let edit = move |t: &mut VolumeType| {
        t.extra_specs.extend(more.clone());
        Ok(())
    };
    types::update(&service, &cx, &policy::SPECS_CREATE, &id, edit).await?;
    Ok(http::ok(&answer))
}

/// What a back end cannot do is not promised.
fn check_specs(specs: &BTreeMap<String, String>) -> Result<()> {
    match specs.get("multiattach") {
        Some(value) if value != "<is> True" && value != "<is> False" => Err(Error::bad_request(format!(
            "Invalid input received: multiattach is \"<is> True\" or \"<is> False\", not {value}"
        ))),
        _ => Ok(()),
    }
}

fn no_spec(id: &str, key: &str) -> Error {
    Error::not_found(format!("Volume Type {id} has no extra specs with key {key}."))
}

async fn spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let _read = authorize_own(&cx, &policy::SPECS_SHOW)?;
    let found = shown(&cx, &*types::find(&service, &cx, &id)?);
    let value = found.get(&key).ok_or_else(|| no_spec(&id, &key))?;
    Ok(http::ok(&json!({key: value})))
}

async fn put_spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
    body: JsonBody,
) -> ApiResult {
    let _permitted = authorize_own(&cx, &policy::SPECS_UPDATE)?;
    let specs: BTreeMap<String, String> = body.read(&SPEC)?;
    let value = item(specs.get(&key).map(String::as_str))?;
    check_specs(&specs)?;
    let answer = json!({key.clone(): value});
    let edit = move |t: &mut VolumeType| {
        t.extra_specs.insert(key.clone(), value.clone());
        Ok(())
    };
    types::update(&service, &cx, &policy::SPECS_UPDATE, &id, edit).await?;
    Ok(http::ok(&answer))
}

async fn remove_spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let wanted = id.clone();
    let edit = move |t: &mut VolumeType| t.extra_specs.remove(&key).map(drop).ok_or_else(|| no_spec(&wanted, &key));
    types::update(&service, &cx, &policy::SPECS_DELETE, &id, edit).await?;
    Ok(http::accepted())
}
