//! Changes attributes and properties of an image by a patch.

use crate::{
    Image, ImageService, Visibility, error,
    model::{Change, Status},
    policy,
    protections::Verb,
    service::authorize,
};
use kernel::{Ctx, Error, Kind, Result};
use serde_json::Value;
use std::sync::Arc;

/// Attributes that clients read and cannot write.
const READ_ONLY: &[&str] = &[
    "id",
    "status",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "created_at",
    "updated_at",
    "self",
    "file",
    "schema",
    "direct_url",
    "stores",
];
/// Names that belong to the service.
const RESERVED: &[&str] = &["deleted", "deleted_at", "is_public"];
const RESERVED_PREFIX: &str = "os_glance_";

/// Those that are used most come first, as clients offer them in this order.
pub(crate) const DISK_FORMATS: &[&str] =
    &["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso", "ploop", "gpt", "ami", "ari", "aki"];
pub(crate) const CONTAINER_FORMATS: &[&str] = &["bare", "ovf", "ova", "docker", "compressed", "ami", "ari", "aki"];

pub(crate) async fn update_image(
    service: &ImageService,
    cx: &Ctx,
    id: &str,
    changes: Vec<Change>,
) -> Result<Arc<Image>> {
    let found = service.find(cx, &service.0.store.snapshot(), id)?;
    let permit = authorize(cx, &policy::MODIFY_IMAGE, &found)?;
    let mut trial = Image::clone(&found);
    apply(service, cx, &mut trial, &changes)?;
    if trial.visibility != found.visibility {
        match trial.visibility {
            Visibility::Public => authorize(cx, &policy::PUBLICIZE_IMAGE, &found).map(drop)?,
            Visibility::Community => authorize(cx, &policy::COMMUNITIZE_IMAGE, &found).map(drop)?,
            Visibility::Private | Visibility::Shared => {}
        }
    }
    if trial.owner != found.owner && !cx.is_admin() {
        return Err(Error::forbidden("You are not permitted to change the owner of this image."));
    }
    let (id, now, service_, cx_) = (found.id.clone(), cx.now(), service.clone(), cx.clone());
    let write = move |tx: &mut store::Tx| {
        let mut image = Image::clone(&*tx.get::<Image>(&id).ok_or_else(|| error::not_found(&id))?);
        apply(&service_, &cx_, &mut image, &changes)?;
        image.updated_at = now;
        Ok(tx.put(image))
    };
    service.write(permit, "image.image.update", write).await
}

fn apply(service: &ImageService, cx: &Ctx, image: &mut Image, changes: &[Change]) -> Result<()> {
    for change in changes {
        let name = change.name();
        if name == "locations" {
            return Err(Error::forbidden("Image locations are managed by the service."));
        }
        match change {
            Change::Add(name, value) | Change::Replace(name, value) => {
                if set_attribute(image, name, value)? {
                    continue;
                }
                check_property(name, value)?;
                let there = image.properties.contains_key(name) && service.may_read(cx, name);
                protect(service, cx, name, if there { Verb::Update } else { Verb::Create })?;
                if matches!(change, Change::Replace(..)) && !there {
                    return Err(Error::conflict(format!("Property {name} does not exist.")));
                }
                if let Value::String(value) = value {
                    image.properties.insert(name.clone(), value.clone());
                }
            }
            Change::Remove(name) => remove(service, cx, image, name)?,
        }
    }
    Ok(())
}

/// Refuses what the property protections do.
pub(crate) fn protect(service: &ImageService, cx: &Ctx, name: &str, verb: Verb) -> Result<()> {
    if service.0.properties.allows(cx, name, verb) { Ok(()) } else { Err(error::reserved(name)) }
}

fn remove(service: &ImageService, cx: &Ctx, image: &mut Image, name: &str) -> Result<()> {
    if is_attribute(name) || READ_ONLY.contains(&name) {
        return Err(Error::forbidden(format!("Property {name} may not be removed.")));
    }
    if RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX) {
        return Err(error::reserved(name));
    }
    let there = image.properties.contains_key(name) && service.may_read(cx, name);
    if there {
        protect(service, cx, name, Verb::Delete)?;
    }
    match image.properties.remove(name).filter(|_| there) {
        Some(_) => Ok(()),
        None => Err(Error::conflict(format!("Property {name} does not exist."))),
    }
}

fn is_attribute(name: &str) -> bool {
    [
        "name",
        "visibility",
        "disk_format",
        "container_format",
        "min_disk",
        "min_ram",
        "protected",
        "os_hidden",
        "tags",
        "owner",
    ]
    .contains(&name)
}

/// A property that is no attribute: a string under a name that is free.
pub(crate) fn check_property(name: &str, value: &Value) -> Result<()> {
    if READ_ONLY.contains(&name) {
        return Err(error::read_only(name));
    }
    if RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX) {
        return Err(error::reserved(name));
    }
    if name.chars().count() > 255 {
        return Err(Error::bad_request(format!("Property name {name} is too long")));
    }
    match value {
        Value::String(text) if text.len() <= 65_535 => Ok(()),
        Value::String(_) => Err(Error::bad_request(format!("The value of {name} is too long"))),
        other => Err(Error::bad_request(format!(
            "Provided object does not match schema 'image': {other} is not of type 'string'"
        ))),
    }
}

fn mismatch(value: &Value, wanted: &str) -> Error {
    Error::bad_request(format!("Provided object does not match schema 'image': {value} is not of type {wanted}"))
}

fn one_of(name: &str, value: &Value, known: &[&str]) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if known.contains(&text.as_str()) => Ok(Some(text.clone())),
        other => Err(Error::bad_request(format!("Invalid {name} {other}: it must be one of {}", known.join(", ")))),
    }
}

fn number(value: &Value) -> Result<u64> {
    match value.as_i64() {
        Some(n @ 0..=2_147_483_647) => Ok(n.unsigned_abs()),
        Some(n) => {
            Err(Error::bad_request(format!("{n} is less than the minimum of 0 or more than the maximum of 2147483647")))
        }
        None => Err(mismatch(value, "'integer'")),
    }
}

/// Sets an attribute that clients may write; false if `name` is none.
pub(crate) fn set_attribute(image: &mut Image, name: &str, value: &Value) -> Result<bool> {
    let flag = || value.as_bool().ok_or_else(|| mismatch(value, "'boolean'"));
    let frozen = |image: &Image| image.status != Status::Queued;
    match name {
        "name" => image.name = short_text(value)?,
        "visibility" => {
            let parsed = value.as_str().and_then(Visibility::parse);
            image.visibility =
                parsed.ok_or_else(|| Error::bad_request(format!("Invalid visibility value: {value}")))?;
        }
        "disk_format" | "container_format" if frozen(image) => {
            return Err(Error::forbidden(format!("Attribute {name} can be only replaced for a queued image.")));
        }
        "disk_format" => image.disk_format = one_of("disk_format", value, DISK_FORMATS)?,
        "container_format" => image.container_format = one_of("container_format", value, CONTAINER_FORMATS)?,
        "min_disk" => image.min_disk = number(value)?,
        "min_ram" => image.min_ram = number(value)?,
        "protected" => image.protected = flag()?,
        "os_hidden" => image.hidden = flag()?,
        "owner" => image.owner = value.as_str().ok_or_else(|| mismatch(value, "'string'"))?.into(),
        "tags" => {
            let items = value.as_array().ok_or_else(|| mismatch(value, "'array'"))?;
            image.tags = items.iter().map(tag).collect::<Result<_>>()?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn short_text(value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() <= 255 => Ok(Some(text.clone())),
        Value::String(_) => {
            Err(Error::of(Kind::BadRequest, "Provided object does not match schema 'image': the text is too long"))
        }
        other => Err(mismatch(other, "'null', 'string'")),
    }
}

/// One tag: at most 255 characters.
pub(crate) fn tag(value: &Value) -> Result<String> {
    let text = value.as_str().ok_or_else(|| mismatch(value, "'string'"))?;
    if text.chars().count() > 255 { Err(Error::bad_request("the tag is too long")) } else { Ok(text.to_owned()) }
}
