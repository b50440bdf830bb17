//! How images look.

use crate::{Image, ImageService, Member};
use kernel::Ctx;
use serde_json::{Map, Value, json};

/// As the caller may see it.
pub(super) fn image(service: &ImageService, cx: &Ctx, image: &Image) -> Value {
    let readable = image.properties.iter().filter(|(name, _)| service.may_read(cx, name));
    let mut out: Map<String, Value> = readable.map(|(k, v)| (k.clone(), json!(v))).collect();
    let path = format!("/v2/images/{}", image.id);
    let stores: Vec<&str> = service.by_weight(image).into_iter().map(|l| l.store.as_str()).collect();
    let own = json!({
        "id": image.id,
        "name": image.name,
        "status": image.status.as_str(),
        "visibility": image.visibility.as_str(),
        "protected": image.protected,
        "os_hidden": image.hidden,
        "owner": image.owner,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "checksum": image.checksum,
        "os_hash_algo": image.hash.as_ref().map(|_| "sha512"),
        "os_hash_value": image.hash,
        "tags": image.tags,
        "created_at": image.created_at.iso_z(),
        "updated_at": image.updated_at.iso_z(),
        "self": path,
        "file": format!("{path}/file"),
        "schema": "/v2/schemas/image",
    });
    if let Value::Object(own) = own {
        out.extend(own);
    }
    if !stores.is_empty() {
        out.insert("stores".into(), json!(stores.join(",")));
    }
    for (name, stores) in
        [("os_glance_importing_to_stores", &image.importing_to), ("os_glance_failed_import", &image.failed_import)]
    {
        if let Some(stores) = stores {
            out.insert(name.into(), json!(stores.join(",")));
        }
    }
    if let Some(task) = &image.import_task {
        out.insert("os_glance_import_task".into(), json!(task));
    }
    Value::Object(out)
}

/// Sets a header whose text may not be fit for one; then it is left out.
pub(super) fn header(headers: &mut http::HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = http::HeaderValue::from_str(text) {
        headers.insert(http::HeaderName::from_static(name), value);
    }
}

pub(super) fn member(image: &Image, project: &str, member: &Member) -> Value {
    json!({
        "image_id": image.id,
        "member_id": project,
        "status": member.status.as_str(),
        "created_at": member.created_at.iso_z(),
        "updated_at": member.updated_at.iso_z(),
        "schema": "/v2/schemas/member",
    })
}
