//! `/os-aggregates`

use super::{
    checked,
    schema::{by_version, fqdn, metadata_with_null, name, object, only, uuid, zone_name},
    since,
};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::Aggregate,
    ops::aggregates::{self, Change},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, accepted, ok};
use kernel::{Ctx, Error, HostName, Result};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/os-aggregates";
    const ONE: &str = "/v2.1/os-aggregates/{aggregate_id}";
    const ACTION: &str = "/v2.1/os-aggregates/{aggregate_id}/action";
    const IMAGES: &str = "/v2.1/os-aggregates/{aggregate_id}/images";
    ApiRouter::new()
        .get(ALL, list)
        .post(ALL, create)
        .get(ONE, show)
        .put(ONE, update)
        .delete(ONE, delete)
        .post(IMAGES, images)
        .post(ACTION, act)
        .action(ACTION, "add_host")
        .action(ACTION, "remove_host")
        .action(ACTION, "set_metadata")
}

by_version! {
    CREATE = create_schema: 1;
    UPDATE = update_schema: 1;
    ADD_HOST = add_host_schema: 1;
    REMOVE_HOST = remove_host_schema: 1;
    SET_METADATA = set_metadata_schema: 1;
    IMAGES = images_schema: 81;
}

fn zone() -> Value {
    json!({"oneOf": [zone_name(), {"type": "null"}]})
}

fn create_schema(_: u16) -> Value {
    only("aggregate", object(json!({"name": name(), "availability_zone": zone()}), &["name"]))
}

fn update_schema(_: u16) -> Value {
    let mut properties = object(json!({"name": name(), "availability_zone": zone()}), &[]);
    properties["anyOf"] = json!([{"required": ["name"]}, {"required": ["availability_zone"]}]);
    only("aggregate", properties)
}

fn add_host_schema(_: u16) -> Value {
    only("add_host", only("host", fqdn()))
}

fn remove_host_schema(_: u16) -> Value {
    only("remove_host", only("host", fqdn()))
}

fn set_metadata_schema(_: u16) -> Value {
    only("set_metadata", only("metadata", metadata_with_null()))
}

fn images_schema(_: u16) -> Value {
    only("cache", json!({"type": "array", "minItems": 1, "items": only("id", uuid())}))
}

fn view(cx: &Ctx, a: &Aggregate) -> Value {
    let mut view = json!({
        "id": a.number,
        "name": a.name,
        "availability_zone": a.zone(),
        "hosts": a.hosts,
        "metadata": a.metadata,
        "created_at": a.created.iso_micros(),
        "updated_at": a.updated.map(kernel::Timestamp::iso_micros),
        "deleted": false,
        "deleted_at": null,
    });
    if cx.version.since(2, 41) {
        view["uuid"] = json!(a.uuid);
    }
    view
}

/// Aggregates are known by their number.
fn number(id: &str) -> Result<u64> {
    // A negative number is one, and no aggregate has it.
    if id.parse::<i64>().is_ok_and(|n| n < 0) {
        return Err(Error::not_found(format!("Aggregate {id} could not be found.")));
    }
    id.parse().map_err(|_| Error::bad_request(format!("Invalid ID: {id}")))
}

async fn list(State(c): State<Compute>, Cx(cx): Cx) -> ApiResult {
    let found = aggregates::list(&c, &cx).await?;
    Ok(ok(&json!({"aggregates": found.iter().map(|a| view(&cx, a)).collect::<Vec<_>>()})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let found = aggregates::show(&c, &cx, number(&id)?).await?;
    Ok(ok(&json!({"aggregate": view(&cx, &found)})))
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let body: Value = checked(&cx, body, CREATE)?;
    let aggregate = &body["aggregate"];
    let name = aggregate["name"].as_str().unwrap_or_default().trim().to_owned();
    let zone = aggregate["availability_zone"].as_str().map(str::to_owned);
    let created = aggregates::create(&c, &cx, name, zone).await?;
    let mut view = view(&cx, &created);
    // Nova's answer here comes before hosts and metadata are looked up.
    if let Some(view) = view.as_object_mut() {
        view.remove("hosts");
        view.remove("metadata");
    }
    Ok(ok(&json!({"aggregate": view})))
}

async fn update(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let body: Value = checked(&cx, body, UPDATE)?;
    let aggregate = &body["aggregate"];
    let name = aggregate["name"].as_str().map(|n| n.trim().to_owned());
    let zone = aggregate.get("availability_zone").map(|zone| zone.as_str().map(str::to_owned));
    let changed = aggregates::change(&c, &cx, number(&id)?, Change::Update { name, zone }).await?;
    Ok(ok(&json!({"aggregate": view(&cx, &changed)})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    aggregates::delete(&c, &cx, number(&id)?).await?;
    Ok(ok(&Value::Null).map(|_| axum::body::Body::empty()))
}

async fn images(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    since(&cx, 81)?;
    let body: Value = checked(&cx, body, IMAGES)?;
    let ids = body["cache"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str());
    aggregates::cache_images(&c, &cx, number(&id)?, ids.map(Into::into).collect()).await?;
    Ok(accepted())
}

async fn act(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let change = action(&cx, body)?;
    let missing = |e: Error| match &change {
        // What a body names and is not there is a bad request elsewhere; here Nova answers 404.
        Change::AddHost(host) if e.is(kernel::Kind::NotFound) => ComputeError::NoComputeHost(host.to_string()).into(),
        _ => e,
    };
    let changed = aggregates::change(&c, &cx, number(&id)?, change.clone()).await.map_err(missing)?;
    Ok(ok(&json!({"aggregate": view(&cx, &changed)})))
}

fn action(cx: &Ctx, body: JsonBody) -> Result<Change> {
    let host = |body: &Value, action: &str| HostName::from(body[action]["host"].as_str().unwrap_or_default());
    let name = body.0.as_object().and_then(|o| o.keys().next()).cloned().unwrap_or_default();
    match name.as_str() {
        "add_host" => {
            let body: Value = checked(cx, body, ADD_HOST)?;
            Ok(Change::AddHost(host(&body, "add_host")))
        }
        "remove_host" => {
            let body: Value = checked(cx, body, REMOVE_HOST)?;
            Ok(Change::RemoveHost(host(&body, "remove_host")))
        }
        "set_metadata" => {
            let body: Value = checked(cx, body, SET_METADATA)?;
            let items = body["set_metadata"]["metadata"].as_object().into_iter().flatten();
            Ok(Change::Metadata(items.map(|(k, v)| (k.clone(), v.as_str().map(str::to_owned))).collect()))
        }
        other => Err(invalid(format!("There is no such action: {other}"))),
    }
}
