//! `/v3/types`

use super::{ListCx, VolumeCx, read_flag, views};
use crate::{
    VolumeService, VolumeType,
    ops::{kinds, types},
    policy,
    service::authorize_own,
};
use http::{ApiResult, ApiRouter, JsonBody, Path, State};
use kernel::Error;
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
    let made = kinds::create(&service, &cx, &policy::TYPE_CREATE, made).await?;
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
    let changed = kinds::update(&service, &cx, &policy::TYPE_UPDATE, &id, edit).await?;
    Ok(http::ok(&json!({"volume_type": views::changed_volume_type(&cx, &changed)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    types::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}
