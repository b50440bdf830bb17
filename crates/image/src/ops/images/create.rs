//! Makes the record of an image; its bytes come later.

use super::update::{check_property, protect, set_attribute};
use crate::{
    ImageService, error,
    model::{Image, Status, Visibility},
    ops::usage,
    policy,
    protections::Verb,
    service::authorize,
};
use kernel::{Ctx, Error, ImageId, Result, Timestamp};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A record without anything yet.
pub(crate) fn blank(id: ImageId, owner: kernel::ProjectId, now: Timestamp) -> Image {
    Image {
        id,
        name: None,
        owner,
        status: Status::Queued,
        visibility: Visibility::Shared,
        disk_format: None,
        container_format: None,
        min_disk: 0,
        min_ram: 0,
        protected: false,
        hidden: false,
        size: None,
        virtual_size: None,
        checksum: None,
        hash: None,
        tags: BTreeSet::new(),
        properties: BTreeMap::new(),
        members: BTreeMap::new(),
        locations: Vec::new(),
        saving: None,
        staged: None,
        import_task: None,
        importing_to: None,
        failed_import: None,
        created_at: now,
        updated_at: now,
    }
}

pub(crate) async fn create_image(service: &ImageService, cx: &Ctx, body: Map<String, Value>) -> Result<Arc<Image>> {
    let image = read_body(cx, body)?;
    for name in image.properties.keys() {
        protect(service, cx, name, Verb::Create)?;
    }
    let permit = authorize(cx, &policy::ADD_IMAGE, &image)?;
    if image.visibility == Visibility::Public {
        authorize(cx, &policy::PUBLICIZE_IMAGE, &image).map(drop)?;
    }
    let limits = service.clone();
    let insert = move |tx: &mut store::Tx| {
        if tx.get::<Image>(&image.id).is_some() {
            return Err(Error::conflict(format!("Image ID {} already exists!", image.id)));
        }
        usage::may_add(&limits, tx.view(), &image.owner)?;
        Ok(tx.put(image.clone()))
    };
    service.write(permit, "image.image.create", insert).await
}

/// With its dashes, as Glance's schema has it.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

pub(crate) fn read_body(cx: &Ctx, mut body: Map<String, Value>) -> Result<Image> {
    let text = |v: Value| v.as_str().map(str::to_owned);
    let id = match body.remove("id") {
        Some(id) => text(id).filter(|id| is_uuid(id)).map(|id| ImageId::from(id.to_lowercase())),
        None => Some(ImageId::new()),
    };
    let id = id.ok_or_else(|| Error::bad_request("Invalid image id format"))?;
    let own = || cx.project().cloned();
    let owner = match body.remove("owner").and_then(text) {
        Some(owner) => owner.into(),
        None => own()?,
    };
    let mut image = blank(id, owner, cx.now());
    for (name, value) in body {
        if !set_attribute(&mut image, &name, &value)? {
            check_property(&name, &value)?;
            let Value::String(value) = value else { return Err(error::read_only(&name)) };
            image.properties.insert(name, value);
        }
    }
    Ok(image)
}
