//! `/v3/types` and their extra specs.

use super::{VolumeCx, views};
use crate::{VolumeService, VolumeType, ops::types};
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
        .get("/v3/types/{id}/extra_specs", specs)
        .post("/v3/types/{id}/extra_specs", add_specs)
        .get("/v3/types/{id}/extra_specs/{key}", spec)
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
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 255},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "os-volume-type-access:is_public": {"type": ["boolean", "string"]},
                    "extra_specs": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}},
                },
            },
        },
    };
    SPECS = {
        "type": "object",
        "required": ["extra_specs"],
        "properties": {"extra_specs": {"type": "object", "additionalProperties": {"type": ["string", "null"], "maxLength": 255}}},
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

async fn index(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx) -> ApiResult {
    let types: Vec<_> = types::list(&service, &cx)?.iter().map(|t| views::volume_type(&cx, t)).collect();
    Ok(http::ok(&json!({"volume_types": types})))
}

async fn create(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        volume_type: New,
    }
    let new = body.read::<Wrapped>(&CREATE)?.volume_type;
    let hidden = |v: &Value| v == &json!(false) || v.as_str().is_some_and(|t| t.eq_ignore_ascii_case("false"));
    let made = VolumeType {
        id: kernel::ids::uuid_dashed().to_string(),
        name: new.name,
        description: new.description,
        public: !new.public.as_ref().is_some_and(hidden),
        extra_specs: new.extra_specs.unwrap_or_default(),
        created_at: cx.now(),
    };
    let made = types::create(&service, &cx, made).await?;
    Ok(http::ok(&json!({"volume_type": views::volume_type(&cx, &made)})))
}

async fn show(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"volume_type": views::volume_type(&cx, &*types::show(&service, &cx, &id)?)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let edit = move |t: &mut VolumeType| {
        let new = &body["volume_type"];
        if let Some(name) = new.get("name").and_then(Value::as_str) {
            t.name = name.to_owned();
        }
        if let Some(description) = new.get("description") {
            t.description = description.as_str().map(str::to_owned);
        }
        if let Some(public) = new.get("is_public").and_then(Value::as_bool) {
            t.public = public;
        }
        Ok(())
    };
    let changed = types::update(&service, &cx, &id, edit).await?;
    Ok(http::ok(&json!({"volume_type": views::volume_type(&cx, &changed)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    types::delete(&service, &cx, &id).await?;
    Ok(http::accepted())
}

async fn specs(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"extra_specs": types::show(&service, &cx, &id)?.extra_specs})))
}

async fn add_specs(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let mut body: Value = body.read(&SPECS)?;
    let more: BTreeMap<String, String> = http::from_value(body["extra_specs"].take())?;
    let answer = json!({"extra_specs": more});
    let edit = move |t: &mut VolumeType| {
        t.extra_specs.extend(more.clone());
        Ok(())
    };
    types::update(&service, &cx, &id, edit).await?;
    Ok(http::ok(&answer))
}

fn no_spec(id: &str, key: &str) -> Error {
    Error::not_found(format!("Volume Type {id} has no extra specs with key {key}."))
}

async fn spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let found = types::show(&service, &cx, &id)?;
    let value = found.extra_specs.get(&key).ok_or_else(|| no_spec(&id, &key))?;
    Ok(http::ok(&json!({key: value})))
}

async fn remove_spec(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path((id, key)): Path<(String, String)>,
) -> ApiResult {
    let wanted = id.clone();
    let edit = move |t: &mut VolumeType| t.extra_specs.remove(&key).map(drop).ok_or_else(|| no_spec(&wanted, &key));
    types::update(&service, &cx, &id, edit).await?;
    Ok(http::accepted())
}
