//! `/v3/default-types` (3.62)

use super::{VolumeCx, since};
use crate::{VolumeService, model::ProjectDefault, ops::default_types};
use http::{ApiResult, ApiRouter, JsonBody, Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/default-types", index)
        .get("/v3/default-types/{id}", show)
        .put("/v3/default-types/{id}", put)
        .delete("/v3/default-types/{id}", delete)
}

http::schema! {
    SET = {
        "type": "object",
        "required": ["default_type"],
        "properties": {
            "default_type": {
                "type": "object",
                "required": ["volume_type"],
                "additionalProperties": false,
                "properties": {"volume_type": {"type": "string", "minLength": 1, "maxLength": 255}},
            },
        },
    }
}

fn view(found: &ProjectDefault) -> Value {
    json!({"project_id": found.project, "volume_type_id": found.volume_type})
}

async fn index(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx) -> ApiResult {
    since(&cx, 62)?;
    let rows: Vec<_> = default_types::list(&service, &cx)?.iter().map(|d| view(d)).collect();
    Ok(http::ok(&json!({"default_types": rows})))
}

async fn show(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 62)?;
    Ok(http::ok(&json!({"default_type": view(&*default_types::show(&service, &cx, &id)?)})))
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        default_type: Wanted,
    }
    #[derive(Deserialize)]
    struct Wanted {
        volume_type: String,
    }
    since(&cx, 62)?;
    let wanted = body.read::<Wrapped>(&SET)?.default_type.volume_type;
    Ok(http::ok(&json!({"default_type": view(&*default_types::set(&service, &cx, &id, wanted).await?)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 62)?;
    default_types::unset(&service, &cx, &id).await?;
    Ok(http::no_content())
}
