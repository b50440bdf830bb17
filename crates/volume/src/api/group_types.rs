//! `/v3/group_types` (3.11)

use super::{ListCx, VolumeCx, read_flag, since, views};
use crate::{
    VolumeService,
    model::GroupType,
    ops::{group_types, kinds},
    policy,
};
use http::{ApiResult, ApiRouter, JsonBody, Path, State, StatusCode};
use kernel::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/group_types", index)
        .post("/v3/group_types", create)
        .get("/v3/group_types/{id}", show)
        .put("/v3/group_types/{id}", put)
        .delete("/v3/group_types/{id}", delete)
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["group_type"],
        "additionalProperties": false,
        "properties": {
            "group_type": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "is_public": {"type": ["boolean", "string"]},
                    "group_specs": {"type": ["object", "null"], "additionalProperties": {"type": "string", "maxLength": 255}},
                },
            },
        },
    };
    UPDATE = {
        "type": "object",
        "required": ["group_type"],
        "additionalProperties": false,
        "properties": {
            "group_type": {
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

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    since(&list.cx, 11)?;
    let listed = group_types::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/group_types", "group_types", &listed, |t| views::group_type(&list.cx, t))
}

#[derive(Deserialize)]
struct New {
    name: String,
    description: Option<String>,
    is_public: Option<Value>,
    group_specs: Option<BTreeMap<String, String>>,
}

async fn create(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        group_type: New,
    }
    since(&cx, 11)?;
    let new = body.read::<Wrapped>(&CREATE)?.group_type;
    let public = new.is_public.as_ref().map(|v| read_flag(v, "is_public")).transpose()?;
    let made = GroupType {
        id: kernel::ids::uuid_dashed().to_string(),
        name: new.name,
        description: new.description,
        public: public.unwrap_or(true),
        specs: new.group_specs.unwrap_or_default(),
        created_at: cx.now(),
    };
    let made = kinds::create(&service, &cx, &policy::GROUP_TYPE_CREATE, made).await?;
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"group_type": views::group_type(&cx, &made)})))
}

async fn show(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 11)?;
    Ok(http::ok(&json!({"group_type": views::group_type(&cx, &*group_types::show(&service, &cx, &id)?)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 11)?;
    let new = body.read::<Value>(&UPDATE)?["group_type"].clone();
    let public = new.get("is_public").map(|v| read_flag(v, "is_public")).transpose()?;
    if new["name"].is_null() && new["description"].is_null() && public.is_none() {
        return Err(Error::bad_request("Specify group type name, description or a combination thereof.").into());
    }
    let edit = move |t: &mut GroupType| {
        match new["name"].as_str() {
            Some(name) if name.trim().is_empty() => {
                return Err(Error::bad_request("Group type name can not be empty."));
            }
            Some(name) => t.name = name.to_owned(),
            None => {}
        }
        t.description = new["description"].as_str().map(str::to_owned).or(t.description.take());
        t.public = public.unwrap_or(t.public);
        Ok(())
    };
    let changed = kinds::update(&service, &cx, &policy::GROUP_TYPE_UPDATE, &id, edit).await?;
    Ok(http::ok(&json!({"group_type": views::group_type(&cx, &changed)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 11)?;
    group_types::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}
