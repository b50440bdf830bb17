//! `/v3/group_types` (3.11) and their specs.

use super::{ListCx, VolumeCx, item, read_flag, since, views};
use crate::{VolumeService, model::GroupType, ops::group_types, policy, service::authorize_own};
use ::policy::Rule;
use http::{ApiResult, ApiRouter, JsonBody, Path, State, StatusCode};
use kernel::{Ctx, Error, Result};
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
        .get("/v3/group_types/{id}/group_specs", specs)
        .post("/v3/group_types/{id}/group_specs", add_specs)
        .get("/v3/group_types/{id}/group_specs/{key}", spec)
        .put("/v3/group_types/{id}/group_specs/{key}", put_spec)
        .delete("/v3/group_types/{id}/group_specs/{key}", remove_spec)
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
    };
    SPECS = {
        "type": "object",
        "required": ["group_specs"],
        "additionalProperties": false,
        "properties": {"group_specs": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 255}}},
    };
    SPEC = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {"type": "string", "maxLength": 255},
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
    let made = group_types::create(&service, &cx, made).await?;
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
    let changed = group_types::update(&service, &cx, &policy::GROUP_TYPE_UPDATE, &id, edit).await?;
    Ok(http::ok(&json!({"group_type": views::group_type(&cx, &changed)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 11)?;
    group_types::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}

fn specs_of(service: &VolumeService, cx: &Ctx, rule: &'static Rule, id: &str) -> Result<BTreeMap<String, String>> {
    since(cx, 11)?;
    let _read = authorize_own(cx, rule)?;
    Ok(group_types::show(service, cx, id)?.specs.clone())
}

async fn specs(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"group_specs": specs_of(&service, &cx, &policy::GROUP_SPECS_GET_ALL, &id)?})))
}

async fn add_specs(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 11)?;
    let mut body: Value = body.read(&SPECS)?;
    let answer = body.clone();
    let more: BTreeMap<String, String> = http::from_value(body["group_specs"].take())?;
    let edit = move |t: &mut GroupType| {
        t.specs.extend(more.clone());
        Ok(())
    };
    group_types::update(&service, &cx, &policy::GROUP_SPECS_CREATE, &id, edit).await?;
    Ok(http::json_response(StatusCode::ACCEPTED, &answer))
}

fn no_spec(id: &str, key: &str) -> Error {
    Error::not_found(format!("Group Type {id} has no extra spec with key {key}."))
}

async fn spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let found = specs_of(&service, &cx, &policy::GROUP_SPECS_GET, &id)?;
    let value = found.get(&key).ok_or_else(|| no_spec(&id, &key))?;
    Ok(http::ok(&json!({key: value})))
}

async fn put_spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 11)?;
    let given: BTreeMap<String, String> = body.read(&SPEC)?;
    let value = item(given.get(&key).map(String::as_str))?;
    let answer = json!({key.clone(): value});
    let edit = move |t: &mut GroupType| {
        t.specs.insert(key.clone(), value.clone());
        Ok(())
    };
    group_types::update(&service, &cx, &policy::GROUP_SPECS_UPDATE, &id, edit).await?;
    Ok(http::ok(&answer))
}

async fn remove_spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    since(&cx, 11)?;
    let wanted = id.clone();
    let edit = move |t: &mut GroupType| t.specs.remove(&key).map(drop).ok_or_else(|| no_spec(&wanted, &key));
    group_types::update(&service, &cx, &policy::GROUP_SPECS_DELETE, &id, edit).await?;
    Ok(http::accepted())
}
