use super::schema;
use crate::{Compute, api::checked, error::invalid, model::extra_specs, ops::flavors};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, ok};
use kernel::{Ctx, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/flavors/{flavor_id}/os-extra_specs";
    const ONE: &str = "/v2.1/flavors/{flavor_id}/os-extra_specs/{key}";
    ApiRouter::new().get(ALL, list).post(ALL, extend).get(ONE, show).put(ONE, set).delete(ONE, remove)
}

/// Numbers are kept as text, as everything that comes out of Nova's database is.
fn texts(values: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// From 2.86 on, what Nova knows must be as it knows it.
fn check(cx: &Ctx, specs: &BTreeMap<String, String>) -> Result<()> {
    if !cx.version.since(2, 86) {
        return Ok(());
    }
    specs.iter().try_for_each(|(name, value)| extra_specs::check(name, value).map_err(invalid))
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(ok(&json!({"extra_specs": flavors::specs(&c, &cx, &id, None).await?})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path((id, key)): Path<(String, String)>) -> ApiResult {
    Ok(ok(&flavors::specs(&c, &cx, &id, Some(&key)).await?))
}

async fn extend(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let body: Value = checked(&cx, body, schema::SPECS)?;
    let specs = texts(&body["extra_specs"]);
    check(&cx, &specs)?;
    flavors::extend_specs(&c, &cx, &id, specs.clone(), false).await?;
    Ok(ok(&json!({"extra_specs": specs})))
}

async fn set(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path((id, key)): Path<(String, String)>,
    body: JsonBody,
) -> ApiResult {
    let specs = texts(&checked(&cx, body, schema::SPEC)?);
    check(&cx, &specs)?;
    if !specs.contains_key(&key) {
        return Err(invalid("Request body and URI mismatch").into());
    }
    flavors::extend_specs(&c, &cx, &id, specs.clone(), true).await?;
    Ok(ok(&specs))
}

async fn remove(State(c): State<Compute>, Cx(cx): Cx, Path((id, key)): Path<(String, String)>) -> ApiResult {
    flavors::remove_spec(&c, &cx, &id, key).await?;
    Ok(ok(&Value::Null).map(|_| axum::body::Body::empty()))
}
