//! `/v2/tasks`: the tasks API of old, for administrators.

use super::{images, views};
use crate::{
    ImageService,
    model::{Task, TaskStatus},
    ops::tasks::{self as ops, Filter, ImportTask},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use kernel::{Error, Result};
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/tasks", index)
        .post("/v2/tasks", create)
        .get("/v2/tasks/{id}", show)
        .delete("/v2/tasks/{id}", delete)
        .get("/v2/schemas/task", task_schema)
        .get("/v2/schemas/tasks", tasks_schema)
}

fn stub(task: &Task) -> Map<String, Value> {
    let whole = json!({
        "id": task.id,
        "type": task.kind.as_str(),
        "status": task.status.as_str(),
        "owner": task.owner,
        "image_id": task.image,
        "request_id": task.request_id,
        "user_id": task.user,
        "created_at": task.created_at.iso_z(),
        "updated_at": task.updated_at.iso_z(),
        "self": format!("/v2/tasks/{}", task.id),
        "schema": "/v2/schemas/task",
    });
    let mut out = match whole {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    if let Some(at) = task.expires_at {
        out.insert("expires_at".into(), json!(at.iso_z()));
    }
    out
}

/// A task with what was asked and what came of it.
pub(super) fn whole(task: &Task) -> Value {
    let mut out = stub(task);
    let result = (task.status == TaskStatus::Success).then(|| json!({"image_id": task.image}));
    out.insert("input".into(), task.input.clone());
    out.insert("message".into(), json!(task.message));
    out.insert("result".into(), json!(result));
    Value::Object(out)
}

fn filter(params: &Params) -> Result<Filter> {
    let status = match params.get("status") {
        None => None,
        Some(text) => {
            let bad = || Error::bad_request(format!("Invalid status value: {text}"));
            Some(TaskStatus::parse(text).ok_or_else(bad)?)
        }
    };
    Ok(Filter { status, kind: params.get("type").map(str::to_owned) })
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, params: Params) -> ApiResult {
    let found = ops::list_tasks(&service, &cx, &filter(&params)?, &images::page(&params)?)?;
    let mut out = json!({
        "tasks": found.items.iter().map(|t| stub(t)).collect::<Vec<_>>(),
        "first": format!("/v2/tasks{}", images::query(&params, None)),
        "schema": "/v2/schemas/tasks",
    });
    if let Some(last) = found.items.last().filter(|_| found.more) {
        out["next"] = json!(format!("/v2/tasks{}", images::query(&params, Some(&last.id))));
    }
    Ok(http::ok(&out))
}

/// Reads what an `import` task is made of.
fn read(body: Value) -> Result<ImportTask> {
    let bad = |text: &str| Error::bad_request(text);
    let kind = body.get("type").and_then(Value::as_str).ok_or_else(|| bad("Task type is required"))?;
    if kind != "import" {
        return Err(Error::bad_request(format!("Invalid type of task: {kind}; only import can be asked for")));
    }
    let input = body.get("input").filter(|i| i.is_object()).ok_or_else(|| bad("Task input is required"))?;
    for needed in ["import_from", "import_from_format", "image_properties"] {
        if input.get(needed).is_none() {
            return Err(Error::bad_request(format!("Input does not contain '{needed}' field")));
        }
    }
    let from = input["import_from"].as_str().ok_or_else(|| bad("'import_from' must be a text"))?.to_owned();
    let properties =
        input["image_properties"].as_object().ok_or_else(|| bad("'image_properties' must be an object"))?;
    let mut properties = properties.clone();
    properties.entry("disk_format").or_insert_with(|| input["import_from_format"].clone());
    Ok(ImportTask { from, properties, input: input.clone() })
}

async fn create(State(service): State<ImageService>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    ops::may_use(&cx)?;
    let task = ops::create_task(&service, &cx, read(body)?).await?;
    let mut response = http::created(&whole(&task));
    views::header(response.headers_mut(), "location", &format!("/v2/tasks/{}", task.id));
    Ok(response)
}

async fn show(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&whole(&*ops::show_task(&service, &cx, &id)?)))
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    ops::delete_task(&service, &cx, &id)?;
    Ok(http::no_content())
}

fn document(parts: &[&str]) -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    let all = json!({
        "id": text("An identifier for the task"),
        "type": {"type": "string", "description": "The type of task", "enum": ["import", "api_image_import", "location_import"]},
        "status": {"type": "string", "description": "The current status of this task", "enum": ["pending", "processing", "success", "failure"]},
        "input": {"type": ["null", "object"], "description": "The parameters required by task, JSON blob"},
        "result": {"type": ["null", "object"], "description": "The result of current task, JSON blob"},
        "owner": text("An identifier for the owner of this task"),
        "message": text("Why the task failed, if it did"),
        "image_id": text("Image associated with the task"),
        "request_id": text("The request that asked for it"),
        "user_id": text("User associated with the task"),
        "expires_at": {"type": ["null", "string"], "description": "When this task may be forgotten"},
        "created_at": text("When this task was created"),
        "updated_at": text("When this task was updated"),
        "self": {"readOnly": true, "type": "string"},
        "schema": {"readOnly": true, "type": "string"},
    });
    let kept: Map<String, Value> = all
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(k, _)| !parts.contains(&k.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    json!({"name": "task", "additionalProperties": false, "properties": kept})
}

async fn task_schema(Cx(_): Cx) -> ApiResult {
    Ok(http::ok(&document(&[])))
}

async fn tasks_schema(Cx(_): Cx) -> ApiResult {
    Ok(http::ok(&super::schemas::list_schema("tasks", document(&["input", "result", "message"]))))
}
