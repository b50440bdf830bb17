//! `/os-aggregates`

use crate::{
    Compute,
    model::Aggregate,
    ops::aggregates::{self, Change},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use kernel::{Ctx, Error, Result, Timestamp};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-aggregates", index)
        .post("/v2.1/os-aggregates", create)
        .get("/v2.1/os-aggregates/{id}", show)
        .put("/v2.1/os-aggregates/{id}", update)
        .delete("/v2.1/os-aggregates/{id}", delete)
        .post("/v2.1/os-aggregates/{id}/action", action)
        .action("/v2.1/os-aggregates/{id}/action", "add_host")
        .action("/v2.1/os-aggregates/{id}/action", "remove_host")
        .action("/v2.1/os-aggregates/{id}/action", "set_metadata")
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["aggregate"],
        "additionalProperties": false,
        "properties": {
            "aggregate": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"},
                    "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255, "pattern": "^[^:]*$"},
                },
            },
        },
    };
    UPDATE = {
        "type": "object",
        "required": ["aggregate"],
        "additionalProperties": false,
        "properties": {
            "aggregate": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"},
                    "availability_zone": {"type": ["string", "null"], "minLength": 1, "maxLength": 255, "pattern": "^[^:]*$"},
                },
            },
        },
    };
    METADATA = {
        "type": "object",
        "required": ["metadata"],
        "additionalProperties": false,
        "properties": {"metadata": {"type": "object", "additionalProperties": {"type": ["string", "null"], "maxLength": 255}}},
    };
    HOST = {
        "type": "object",
        "required": ["host"],
        "additionalProperties": false,
        "properties": {"host": {"type": "string", "minLength": 1, "maxLength": 255}},
    };
}

fn view(cx: &Ctx, aggregate: &Aggregate) -> Value {
    let mut out = json!({
        "id": aggregate.number,
        "name": aggregate.name,
        "hosts": aggregate.hosts,
        "metadata": aggregate.metadata,
        "availability_zone": aggregate.zone(),
        "created_at": aggregate.created.iso_micros(),
        "updated_at": aggregate.updated.map(Timestamp::iso_micros),
        "deleted": false,
        "deleted_at": Value::Null,
    });
    if cx.version.since(2, 41) {
        out["uuid"] = json!(aggregate.uuid);
    }
    out
}

fn number(id: &str) -> Result<u64> {
    id.parse().map_err(|_| Error::bad_request(format!("Aggregate {id} is not an integer")))
}

async fn index(State(c): State<Compute>, Cx(cx): Cx) -> ApiResult {
    let rows: Vec<_> = aggregates::list(&c, &cx)?.iter().map(|a| view(&cx, a)).collect();
    Ok(http::ok(&json!({"aggregates": rows})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&json!({"aggregate": view(&cx, &*aggregates::show(&c, &cx, number(&id)?)?)})))
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let body: Value = body.read(&CREATE)?;
    let text = |key: &str| body["aggregate"][key].as_str().map(|t| t.trim().to_owned());
    let made = aggregates::create(&c, &cx, text("name").unwrap_or_default(), text("availability_zone")).await?;
    let mut out = view(&cx, &made);
    // Nova does not tell a new aggregate's hosts and metadata.
    if let Some(out) = out.as_object_mut() {
        out.remove("hosts");
        out.remove("metadata");
    }
    Ok(http::ok(&json!({"aggregate": out})))
}

async fn update(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let body: Value = body.read(&UPDATE)?;
    let new = &body["aggregate"];
    let name = new["name"].as_str().map(|t| t.trim().to_owned());
    let zone = new.get("availability_zone").map(|z| z.as_str().map(str::to_owned));
    let changed = aggregates::update(&c, &cx, number(&id)?, Change::Names { name, zone }).await?;
    Ok(http::ok(&json!({"aggregate": view(&cx, &changed)})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    aggregates::delete(&c, &cx, number(&id)?).await?;
    Ok(http::axum::response::IntoResponse::into_response(http::StatusCode::OK))
}

async fn action(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let (name, args) = body.action()?;
    let host = || {
        HOST.check(&args)?;
        Ok::<_, Error>(args["host"].as_str().unwrap_or_default().into())
    };
    let change = match name.as_str() {
        "add_host" => Change::AddHost(host()?),
        "remove_host" => Change::RemoveHost(host()?),
        "set_metadata" => {
            METADATA.check(&args)?;
            Change::Metadata(http::from_value(args["metadata"].clone())?)
        }
        other => return Err(Error::bad_request(format!("There is no such action: {other}")).into()),
    };
    let changed = aggregates::update(&c, &cx, number(&id)?, change).await?;
    Ok(http::ok(&json!({"aggregate": view(&cx, &changed)})))
}
