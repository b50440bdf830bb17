use super::{Asked, at, guest::read};
use crate::{
    api::bookmark_href,
    ops::servers::{self, Rotation},
};
use axum::response::Response;
use http::{StatusCode, accepted, json_response};
use kernel::{ImageId, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct NewImage {
    name: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    backup_type: String,
    #[serde(default)]
    rotation: Value,
}

/// Where the image is: in the body from 2.45 on, before that in the header.
fn made(asked: &Asked, image: &ImageId) -> Response {
    if asked.cx.version.since(2, 45) {
        return json_response(StatusCode::ACCEPTED, &json!({"image_id": image}));
    }
    at(accepted(), &bookmark_href(&asked.base, "images", image).replacen("/compute/", "/image/v2/", 1))
}

pub(super) async fn create_image(mut asked: Asked) -> Result<Response> {
    let body: NewImage = read(asked.body.take())?;
    let image = servers::create_image(&asked.c, &asked.cx, &asked.server, &body.name, body.metadata, None).await?;
    Ok(made(&asked, &image))
}

pub(super) async fn create_backup(mut asked: Asked) -> Result<Response> {
    let body: NewImage = read(asked.body.take())?;
    let keep = body.rotation.as_u64().or_else(|| body.rotation.as_str()?.parse().ok()).unwrap_or_default();
    let rotation = Rotation { kind: body.backup_type, keep };
    let (c, cx) = (&asked.c, &asked.cx);
    let image = servers::create_image(c, cx, &asked.server, &body.name, body.metadata, Some(rotation)).await?;
    Ok(if keep == 0 && !cx.version.since(2, 45) { accepted() } else { made(&asked, &image) })
}
