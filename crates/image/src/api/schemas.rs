//! `/v2/schemas/*`: what clients read to learn which attributes an image has.

use crate::{
    ImageService,
    ops::images::update::{CONTAINER_FORMATS, DISK_FORMATS},
};
use http::{ApiResult, ApiRouter, Cx};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/schemas/image", image)
        .get("/v2/schemas/images", images)
        .get("/v2/schemas/member", member)
        .get("/v2/schemas/members", members)
}

fn nullable(known: &[&str]) -> Vec<Value> {
    std::iter::once(Value::Null).chain(known.iter().map(|k| json!(k))).collect()
}

fn image_schema() -> Value {
    let text = |what: &str| json!({"type": ["null", "string"], "description": what, "maxLength": 255});
    let read = |kind: &str, what: &str| json!({"type": ["null", kind], "readOnly": true, "description": what});
    json!({
        "name": "image",
        "properties": {
            "id": {"type": "string", "description": "An identifier for the image", "pattern": "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"},
            "name": text("Descriptive name for the image"),
            "status": {"type": "string", "readOnly": true, "description": "Status of the image", "enum": ["queued", "saving", "uploading", "importing", "active", "deactivated"]},
            "visibility": {"type": "string", "description": "Scope of image accessibility", "enum": ["community", "public", "private", "shared"]},
            "protected": {"type": "boolean", "description": "If true, image will not be deletable."},
            "os_hidden": {"type": "boolean", "description": "If true, image will not appear in default image list response."},
            "checksum": read("string", "md5 hash of image contents."),
            "os_hash_algo": read("string", "Algorithm to calculate the os_hash_value"),
            "os_hash_value": read("string", "Hexdigest of the image contents using the algorithm specified by the os_hash_algo"),
            "owner": text("Owner of the image"),
            "size": read("integer", "Size of image file in bytes"),
            "virtual_size": read("integer", "Virtual size of image in bytes"),
            "container_format": {"type": ["null", "string"], "description": "Format of the container", "enum": nullable(CONTAINER_FORMATS)},
            "disk_format": {"type": ["null", "string"], "description": "Format of the disk", "enum": nullable(DISK_FORMATS)},
            "created_at": {"type": "string", "readOnly": true, "description": "Date and time of image registration"},
            "updated_at": {"type": "string", "readOnly": true, "description": "Date and time of the last image modification"},
            "tags": {"type": "array", "description": "List of strings related to the image", "items": {"type": "string", "maxLength": 255}},
            "stores": {"type": "string", "readOnly": true, "description": "Store in which image data resides."},
            "min_ram": {"type": "integer", "description": "Amount of ram (in MB) required to boot image."},
            "min_disk": {"type": "integer", "description": "Amount of disk space (in GB) required to boot image."},
            "self": {"type": "string", "readOnly": true, "description": "An image self url"},
            "file": {"type": "string", "readOnly": true, "description": "An image file url"},
            "schema": {"type": "string", "readOnly": true, "description": "An image schema url"},
        },
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

fn member_schema() -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    json!({
        "name": "member",
        "properties": {
            "image_id": text("An identifier for the image"),
            "member_id": text("An identifier for the image member (tenantId)"),
            "status": {"type": "string", "description": "The status of this image member", "enum": ["pending", "accepted", "rejected"]},
            "created_at": text("Date and time of image member creation"),
            "updated_at": text("Date and time of last modification of image member"),
            "schema": text("An image member schema url"),
        },
    })
}

pub(super) fn list_schema(name: &str, items: Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: {"type": "array", "items": items},
            "first": {"type": "string"}, "next": {"type": "string"}, "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"}, {"rel": "next", "href": "{next}"}, {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

async fn image(Cx(_): Cx) -> ApiResult {
    Ok(http::ok(&image_schema()))
}

async fn images(Cx(_): Cx) -> ApiResult {
    Ok(http::ok(&list_schema("images", image_schema())))
}

async fn member(Cx(_): Cx) -> ApiResult {
    Ok(http::ok(&member_schema()))
}

async fn members(Cx(_): Cx) -> ApiResult {
    Ok(http::ok(&list_schema("members", member_schema())))
}
