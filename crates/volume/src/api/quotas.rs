//! `/v3/os-quota-sets` and `/v3/os-quota-class-sets`

use super::VolumeCx;
use crate::{
    VolumeService, policy, quotas,
    service::{QUOTAS, authorize},
};
use http::{ApiResult, ApiRouter, JsonBody, Params, Path, State};
use kernel::{Error, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use store::Snapshot as View;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/os-quota-sets/{id}", show)
        .put("/v3/os-quota-sets/{id}", put)
        .delete("/v3/os-quota-sets/{id}", delete)
        .get("/v3/os-quota-sets/{id}/defaults", defaults)
        .get("/v3/os-quota-class-sets/{id}", show_class)
        .put("/v3/os-quota-class-sets/{id}", put_class)
}

fn quota_set(key: &str, id: &str, fields: impl IntoIterator<Item = (String, Value)>) -> Value {
    let mut set: Map<String, Value> = fields.into_iter().collect();
    set.insert("id".into(), json!(id));
    json!({key: set})
}

fn plain(limits: BTreeMap<String, i64>) -> impl Iterator<Item = (String, Value)> {
    limits.into_iter().map(|(k, v)| (k, json!(v)))
}

async fn show(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    let _read = authorize(&cx, &policy::QUOTA_SHOW, &id.as_str().into())?;
    let view = service.view();
    let limits = quotas::limits(&view, &id);
    if !params.flag("usage")?.unwrap_or(false) {
        return Ok(http::ok(&quota_set("quota_set", &id, plain(limits))));
    }
    let used = quotas::used(&view, &id);
    let detailed = limits.into_iter().map(|(resource, limit)| {
        let in_use = used.get(&resource).copied().unwrap_or(0);
        (resource, json!({"limit": limit, "in_use": in_use, "reserved": 0, "allocated": 0}))
    });
    Ok(http::ok(&quota_set("quota_set", &id, detailed)))
}

async fn defaults(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let _read = authorize(&cx, &policy::QUOTA_SHOW, &id.as_str().into())?;
    Ok(http::ok(&quota_set("quota_set", &id, plain(quotas::defaults(&service.view())))))
}

/// Numbers from -1 up, for resources there are.
fn read(view: &View, body: &Value, key: &str) -> Result<BTreeMap<String, i64>> {
    let set = body
        .get(key)
        .and_then(Value::as_object)
        .ok_or_else(|| Error::bad_request(format!("Missing required element '{key}' in request body.")))?;
    let known = set.iter().filter(|(k, _)| !matches!(k.as_str(), "tenant_id" | "id" | "force"));
    known
        .map(|(resource, value)| {
            let number = value.as_i64().or_else(|| value.as_str().and_then(|t| t.parse().ok()));
            let wrong = || {
                Error::bad_request(format!(
                    "Invalid input for field/attribute {resource}. Value: {value}. It must be an integer from -1 up"
                ))
            };
            let kept = quotas::kept_name(view, resource);
            let kept = kept.ok_or_else(|| Error::bad_request(format!("Bad key(s) in quota set: {resource}")))?;
            Ok((kept, number.filter(|n| (-1..=2_147_483_647).contains(n)).ok_or_else(wrong)?))
        })
        .collect()
}

async fn put(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let permit = authorize(&cx, &policy::QUOTA_UPDATE, &id.as_str().into())?;
    let (changes, subject) = (read(&service.view(), &body, "quota_set")?, id.clone());
    let write = move |tx: &mut store::Tx| {
        quotas::check_limits(tx, &subject, &changes)?;
        QUOTAS.set_limits(tx, &subject, &changes);
        Ok(())
    };
    service.write(permit, "volume.quota.update", write).await?;
    Ok(http::ok(&json!({"quota_set": quotas::limits(&service.view(), &id)})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let permit = authorize(&cx, &policy::QUOTA_DELETE, &id.as_str().into())?;
    let write = move |tx: &mut store::Tx| {
        QUOTAS.reset_limits(tx, &id);
        Ok(())
    };
    service.write(permit, "volume.quota.delete", write).await?;
    Ok(http::done())
}

async fn show_class(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let _read = authorize(&cx, &policy::QUOTA_UPDATE, &Default::default())?;
    Ok(http::ok(&quota_set("quota_class_set", &id, plain(quotas::defaults(&service.view())))))
}

async fn put_class(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let permit = authorize(&cx, &policy::QUOTA_UPDATE, &Default::default())?;
    let (changes, subject) = (read(&service.view(), &body, "quota_class_set")?, format!("class:{id}"));
    let write = move |tx: &mut store::Tx| {
        QUOTAS.set_limits(tx, &subject, &changes);
        Ok(())
    };
    service.write(permit, "volume.quota.update_class", write).await?;
    Ok(http::ok(&json!({"quota_class_set": quotas::defaults(&service.view())})))
}
