//! Where an image's bytes are, for services that reach the stores themselves.
//!
//! A location can be added only in a store that serves bytes it did not take in itself (Glance's `http` store, or one that
//! another service shares). There is no such store here: what enters a store has passed the inspector. So adding one ends as it
//! does in a Glance without such stores.

use crate::{ImageService, Status, policy, service::authorize};
use kernel::{Ctx, Error, Result};
use serde_json::Value;

/// Addresses of an image's bytes with the stores that they are in.
pub(crate) fn list_locations(service: &ImageService, cx: &Ctx, id: &str) -> Result<Vec<(String, String)>> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    authorize(cx, &policy::FETCH_IMAGE_LOCATION, &image).map(drop)?;
    let address = |l: &crate::model::Location| {
        let path = service.store_named(&l.store).ok().and_then(|s| s.path(&l.blob));
        let url = path.map_or_else(|| format!("{}://{}", l.store, l.blob), |path| format!("file://{}", path.display()));
        (url, l.store.clone())
    };
    Ok(image.locations.iter().map(address).collect())
}

/// Algorithms a client may name, with the length of their digests in hex.
const HASHES: &[(&str, usize)] = &[("sha224", 56), ("sha256", 64), ("sha384", 96), ("sha512", 128), ("md5", 32)];

pub(crate) fn add_location(service: &ImageService, cx: &Ctx, id: &str, body: &Value) -> Result<()> {
    let image = service.find(cx, &service.0.store.snapshot(), id)?;
    if image.status != Status::Queued {
        return Err(Error::conflict(format!(
            "It's not allowed to add locations if image status is {}.",
            image.status.as_str()
        )));
    }
    authorize(cx, &policy::ADD_IMAGE_LOCATION, &image).map(drop)?;
    let url = body.get("url").and_then(Value::as_str);
    let url = url.ok_or_else(|| {
        Error::bad_request("Provided object does not match schema 'location': 'url' is a required property")
    })?;
    if !cx.credentials.roles.iter().any(|r| r == "service") {
        return Err(Error::forbidden("http store must be enabled to use location API by normal user."));
    }
    check_hash(body.get("validation_data").unwrap_or(&Value::Null))?;
    Err(Error::bad_request(format!("Invalid location: no store serves {url}")))
}

fn check_hash(data: &Value) -> Result<()> {
    if data.is_null() {
        return Ok(());
    }
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let (Some(algorithm), Some(value)) = (text("os_hash_algo"), text("os_hash_value")) else {
        return Err(Error::bad_request("Both os_hash_algo and os_hash_value need to be given"));
    };
    let known = HASHES.iter().find(|(name, _)| *name == algorithm);
    let (_, length) = known.ok_or_else(|| Error::bad_request(format!("os_hash_algo: {algorithm} is not known")))?;
    if value.len() != *length || !value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::bad_request(format!("os_hash_value is no {algorithm} in hexadecimal digits")));
    }
    Ok(())
}
