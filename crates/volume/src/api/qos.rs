//! `/v3/qos-specs`

use super::{ListCx, VolumeCx, views};
use crate::{VolumeService, model::QosSpecs, ops::qos};
use http::{ApiResult, ApiRouter, BaseUrl, JsonBody, Params, Path, State};
use kernel::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/qos-specs", index)
        .post("/v3/qos-specs", create)
        .get("/v3/qos-specs/{id}", show)
        .put("/v3/qos-specs/{id}", put)
        .delete("/v3/qos-specs/{id}", delete)
        .put("/v3/qos-specs/{id}/delete_keys", delete_keys)
        .get("/v3/qos-specs/{id}/associations", associations)
        .get("/v3/qos-specs/{id}/associate", associate)
        .get("/v3/qos-specs/{id}/disassociate", disassociate)
        .get("/v3/qos-specs/{id}/disassociate_all", disassociate_all)
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["qos_specs"],
        "additionalProperties": false,
        "properties": {
            "qos_specs": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 255}},
                "additionalProperties": {"type": ["string", "integer", "number", "boolean"], "maxLength": 255},
            },
        },
    };
    SET = {
        "type": "object",
        "required": ["qos_specs"],
        "additionalProperties": false,
        "properties": {
            "qos_specs": {
                "type": "object",
                "additionalProperties": false,
                "patternProperties": {"^[a-zA-Z0-9-_:. /]{1,255}$": {"type": "string", "maxLength": 255}},
            },
        },
    };
    UNSET = {
        "type": "object",
        "required": ["keys"],
        "additionalProperties": false,
        "properties": {"keys": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255}, "uniqueItems": true}},
    }
}

async fn index(State(service): State<VolumeService>, list: ListCx) -> ApiResult {
    let listed = qos::list(&service, &list.cx, &list.query()?)?;
    list.show("/volume/v3/qos-specs", "qos_specs", &listed, views::qos)
}

fn detail(base: &BaseUrl, specs: &QosSpecs) -> Value {
    json!({"qos_specs": views::qos(specs), "links": views::links(base, "qos-specs", &specs.id)})
}

/// Numbers and booleans are kept as texts.
fn texts(specs: &Value) -> BTreeMap<String, String> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    specs.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect()
}

async fn create(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    body: JsonBody,
) -> ApiResult {
    let body: Value = body.read(&CREATE)?;
    let mut specs = texts(&body["qos_specs"]);
    let name = specs.remove("name").unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        return Err(Error::bad_request("Invalid input for field/attribute name: a name has 1 to 255 characters").into());
    }
    let consumer = qos::take_consumer(&mut specs)?.unwrap_or_else(|| "back-end".to_owned());
    let id = kernel::ids::uuid_dashed().to_string();
    let made = qos::create(&service, &cx, QosSpecs { id, name, consumer, specs, created_at: cx.now() }).await?;
    Ok(http::ok(&detail(&base, &made)))
}

async fn show(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    base: BaseUrl,
    Path(id): Path<String>,
) -> ApiResult {
    Ok(http::ok(&detail(&base, &*qos::show(&service, &cx, &id)?)))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let body: Value = body.read(&SET)?;
    qos::update(&service, &cx, &id, texts(&body["qos_specs"])).await?;
    Ok(http::ok(&body))
}

async fn delete(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    qos::delete(&service, &cx, &id, params.flag("force")?.unwrap_or(false)).await?;
    Ok(http::accepted())
}

async fn delete_keys(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<String>,
    }
    qos::delete_keys(&service, &cx, &id, body.read::<Keys>(&UNSET)?.keys).await?;
    Ok(http::accepted())
}

async fn associations(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    let found = qos::associations(&service, &cx, &id)?;
    let row =
        |t: &std::sync::Arc<crate::VolumeType>| json!({"id": t.id, "name": t.name, "association_type": "volume_type"});
    Ok(http::ok(&json!({"qos_associations": found.iter().map(row).collect::<Vec<_>>()})))
}

fn type_of(params: &Params) -> Result<&str> {
    let id = params.get("vol_type_id").filter(|id| !id.is_empty());
    id.ok_or_else(|| Error::bad_request("Volume Type id must not be None."))
}

async fn associate(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    qos::associate(&service, &cx, &id, type_of(&params)?, true).await?;
    Ok(http::accepted())
}

async fn disassociate(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    qos::associate(&service, &cx, &id, type_of(&params)?, false).await?;
    Ok(http::accepted())
}

async fn disassociate_all(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    qos::disassociate_all(&service, &cx, &id).await?;
    Ok(http::accepted())
}
