//! `/images` and their metadata: Glance's first API, out of its second.

use super::{ANY, Call, not_found, percent, query, rows};
use crate::{
    api::{
        bookmark_href, path_of,
        schema::{by_version, metadata, object, only},
        self_href,
    },
    error::invalid,
    model::QUOTAS,
};
use axum::response::Response;
use http::{no_content, ok};
use kernel::{Error, Kind, Result};
use ports::neighbours::Verb;
use serde_json::{Map, Value, json};

rows! {
    GET "/v2.1/images" ..=35 None, ANY => list;
    GET "/v2.1/images/detail" ..=35 None, ANY => detail;
    GET "/v2.1/images/{id}" ..=35 None, ANY => show;
    DELETE "/v2.1/images/{id}" ..=35 None, ANY => delete;
    GET "/v2.1/images/{id}/metadata" ..=38 None, ANY => list_metadata;
    POST "/v2.1/images/{id}/metadata" ..=38 None, METADATA => add_metadata;
    PUT "/v2.1/images/{id}/metadata" ..=38 None, METADATA => replace_metadata;
    GET "/v2.1/images/{id}/metadata/{key}" ..=38 None, ANY => show_item;
    PUT "/v2.1/images/{id}/metadata/{key}" ..=38 None, ITEM => set_item;
    DELETE "/v2.1/images/{id}/metadata/{key}" ..=38 None, ANY => delete_item;
}

by_version! {
    METADATA = metadata_schema: 1;
    ITEM = item_schema: 1;
}

fn metadata_schema(_: u16) -> Value {
    only("metadata", metadata())
}

fn item_schema(_: u16) -> Value {
    let mut item = metadata();
    item["minProperties"] = 1.into();
    item["maxProperties"] = 1.into();
    object(json!({"meta": item}), &["meta"])
}

const IMAGES: &str = "/image/v2/images";

/// What an image has of its own accord; all else is metadata.
const OWN: &[&str] = &[
    "id",
    "name",
    "status",
    "visibility",
    "protected",
    "os_hidden",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "size",
    "virtual_size",
    "owner",
    "container_format",
    "disk_format",
    "min_disk",
    "min_ram",
    "created_at",
    "updated_at",
    "tags",
    "self",
    "file",
    "schema",
    "locations",
    "direct_url",
    "stores",
];

/// Nova's filters by their names in Glance.
const FILTERS: &[(&str, &str)] = &[
    ("name", "name"),
    ("status", "status"),
    ("server", "instance_uuid"),
    ("type", "image_type"),
    ("minRam", "min_ram"),
    ("minDisk", "min_disk"),
    ("limit", "limit"),
    ("marker", "marker"),
];

fn properties(image: &Value) -> Map<String, Value> {
    let all = image.as_object().into_iter().flatten();
    let others = all.filter(|(key, _)| !OWN.contains(&key.as_str()));
    others.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn links(call: &Call, id: &str) -> Value {
    json!([
        {"rel": "self", "href": self_href(&call.base, "images", id)},
        {"rel": "bookmark", "href": bookmark_href(&call.base, "images", id)},
        {"rel": "alternate", "type": "application/vnd.openstack.image", "href": call.base.join(&format!("/image/images/{id}"))},
    ])
}

fn name_view(call: &Call, image: &Value) -> Value {
    let id = image["id"].as_str().unwrap_or_default();
    json!({"id": id, "name": image["name"], "links": links(call, id)})
}

fn view(call: &Call, image: &Value) -> Value {
    let id = image["id"].as_str().unwrap_or_default();
    let (status, progress) = match image["status"].as_str().unwrap_or_default() {
        "active" => ("ACTIVE", 100),
        "queued" => ("SAVING", 25),
        "saving" | "importing" | "uploading" => ("SAVING", 50),
        "deleted" | "pending_delete" => ("DELETED", 0),
        "killed" => ("ERROR", 0),
        _ => ("UNKNOWN", 0),
    };
    let metadata = properties(image);
    let mut view = json!({
        "id": id,
        "name": image["name"],
        "minRam": image["min_ram"].as_i64().unwrap_or(0),
        "minDisk": image["min_disk"].as_i64().unwrap_or(0),
        "created": image["created_at"],
        "updated": image["updated_at"],
        "status": status,
        "progress": progress,
        "OS-EXT-IMG-SIZE:size": image["size"].as_i64().unwrap_or(0),
        "links": links(call, id),
    });
    if let Some(server) = metadata.get("instance_uuid").and_then(Value::as_str) {
        view["server"] = json!({"id": server, "links": crate::api::links(&call.base, "servers", server)});
    }
    if let Some(auto) = metadata.get("auto_disk_config").and_then(Value::as_str) {
        view["OS-DCF:diskConfig"] = if auto.eq_ignore_ascii_case("true") { "AUTO" } else { "MANUAL" }.into();
    }
    view["metadata"] = metadata.into();
    view
}

async fn one(call: &Call) -> Result<Value> {
    call.get(&format!("{IMAGES}/{}", percent(call.id("id")))).await.map_err(not_found("Image not found."))
}

/// The caller's page of images, by Nova's filters.
async fn page(call: &Call) -> Result<Vec<Value>> {
    let mut asked: Vec<String> = Vec::new();
    for (theirs, ours) in FILTERS {
        let Some(value) = call.params.get(theirs) else { continue };
        let value = match *theirs {
            "server" => value.rsplit('/').next().unwrap_or(value).to_owned(),
            "status" => value.to_lowercase().replace("saving", "queued"),
            _ => value.to_owned(),
        };
        asked.push(query(ours, &value));
    }
    for (key, value) in &call.params.0 {
        if let Some(property) = key.strip_prefix("property-") {
            asked.push(query(property, value));
        }
    }
    if let Some(since) = call.params.get("changes-since") {
        asked.push(query("updated_at", &format!("gte:{since}")));
    }
    if !call.params.has("limit") {
        asked.push("limit=1000".into());
    }
    let mut found = call.get(&format!("{IMAGES}?{}", asked.join("&"))).await?;
    Ok(found["images"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

fn listed(call: &Call, path: &str, images: &[Value], view: fn(&Call, &Value) -> Value) -> Response {
    let mut body = json!({"images": images.iter().map(|image| view(call, image)).collect::<Vec<_>>()});
    let full =
        call.params.get("limit").and_then(|n| n.parse::<usize>().ok()).is_some_and(|n| n > 0 && images.len() == n);
    let marker = images.last().filter(|_| full).and_then(|image| image["id"].as_str());
    crate::api::with_next(&mut body, "images_links", &call.base, &path_of(path), &call.params, marker);
    ok(&body)
}

async fn list(call: Call) -> Result<Response> {
    let images = page(&call).await?;
    Ok(listed(&call, "images", &images, name_view))
}

async fn detail(call: Call) -> Result<Response> {
    let images = page(&call).await?;
    Ok(listed(&call, "images/detail", &images, view))
}

async fn show(call: Call) -> Result<Response> {
    Ok(ok(&json!({"image": view(&call, &one(&call).await?)})))
}

async fn delete(call: Call) -> Result<Response> {
    let path = format!("{IMAGES}/{}", percent(call.id("id")));
    let deleted = call.ask(Verb::Delete, &path, None).await.map_err(not_found("Image not found."));
    deleted.map_err(|e| match e.kind() {
        Kind::Forbidden => Error::forbidden("You are not allowed to delete the image.").with_source(e),
        _ => e,
    })?;
    Ok(no_content())
}

async fn list_metadata(call: Call) -> Result<Response> {
    Ok(ok(&json!({"metadata": properties(&one(&call).await?)})))
}

async fn show_item(call: Call) -> Result<Response> {
    let (image, key) = (one(&call).await?, call.id("key"));
    match properties(&image).get(key) {
        Some(value) => Ok(ok(&json!({"meta": {key: value}}))),
        None => Err(Error::not_found("The resource could not be found.")),
    }
}

/// Makes an image's metadata what it shall be; what it is then.
async fn change(call: &Call, before: &Value, after: Map<String, Value>) -> Result<Map<String, Value>> {
    let limit = QUOTAS.limits(&call.c.store.snapshot(), call.cx.project()?)["metadata_items"];
    if limit >= 0 && i64::try_from(after.len()).unwrap_or(i64::MAX) > limit {
        return Err(Error::over_quota("Image metadata limit exceeded"));
    }
    let old = properties(before);
    let pointer = |key: &str| format!("/{}", key.replace('~', "~0").replace('/', "~1"));
    let set = after.iter().filter(|(key, value)| old.get(*key) != Some(value)).map(|(key, value)| {
        let op = if old.contains_key(key) { "replace" } else { "add" };
        json!({"op": op, "path": pointer(key), "value": value})
    });
    let gone = old.keys().filter(|key| !after.contains_key(*key));
    let patch: Vec<Value> = set.chain(gone.map(|key| json!({"op": "remove", "path": pointer(key)}))).collect();
    if !patch.is_empty() {
        let path = format!("{IMAGES}/{}", percent(call.id("id")));
        call.ask(Verb::Patch, &path, Some(&patch.into())).await?;
    }
    Ok(after)
}

fn asked(call: &Call, key: &str) -> Map<String, Value> {
    call.body[key].as_object().cloned().unwrap_or_default()
}

async fn add_metadata(call: Call) -> Result<Response> {
    let image = one(&call).await?;
    let mut all = properties(&image);
    all.extend(asked(&call, "metadata"));
    Ok(ok(&json!({"metadata": change(&call, &image, all).await?})))
}

async fn replace_metadata(call: Call) -> Result<Response> {
    let image = one(&call).await?;
    Ok(ok(&json!({"metadata": change(&call, &image, asked(&call, "metadata")).await?})))
}

async fn set_item(call: Call) -> Result<Response> {
    let (meta, key) = (asked(&call, "meta"), call.id("key"));
    if !meta.contains_key(key) {
        return Err(invalid("Request body and URI mismatch"));
    }
    let image = one(&call).await?;
    let mut all = properties(&image);
    all.extend(meta.clone());
    change(&call, &image, all).await?;
    Ok(ok(&json!({"meta": meta})))
}

async fn delete_item(call: Call) -> Result<Response> {
    let image = one(&call).await?;
    let mut all = properties(&image);
    if all.remove(call.id("key")).is_none() {
        return Err(Error::not_found("Invalid metadata key"));
    }
    change(&call, &image, all).await?;
    Ok(no_content())
}
