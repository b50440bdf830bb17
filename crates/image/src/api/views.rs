//! How images look.

use crate::{Image, Member};
use serde_json::{Map, Value, json};

pub(super) fn image(image: &Image) -> Value {
    let mut out: Map<String, Value> = image.properties.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    let path = format!("/v2/images/{}", image.id);
    let stores: Vec<&str> = image.locations.iter().map(|l| l.store.as_str()).collect();
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
    Value::Object(out)
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
