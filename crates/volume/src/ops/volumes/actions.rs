//! Actions that begin a flow, and the administrator's reset.

use super::still;
use crate::{
    VolumeService, error,
    flows::{
        extend_volume::{self, ExtendVolume},
        upload_volume::{self, UploadVolume},
    },
    model::{Attachment, Volume, VolumeStatus},
    ops::encryption_keys::{self, IMAGE_KEY, IMAGE_KEY_POLICY},
    policy, quotas,
    service::authorize,
};
use flow::Start;
use kernel::{Ctx, Error, ImageId, Result};
use ports::NewImage;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub(crate) async fn extend(service: &VolumeService, cx: &Ctx, id: &str, to_gib: u64) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::EXTEND, &volume.project)?;
    // In use from 3.42 on.
    let in_use = cx.version.since(3, 42) && volume.status == VolumeStatus::InUse;
    let permit = if in_use { authorize(cx, &policy::EXTEND_ATTACHED, &volume.project)? } else { permit };
    let (inner, id, request_id, now) = (service.clone(), volume.id.clone(), cx.request_id.clone(), cx.now());
    let begin = move |tx: &mut store::Tx| {
        let volume = tx.get::<Volume>(&id).ok_or_else(|| error::no_volume(&id))?;
        let wanted = if in_use { VolumeStatus::InUse } else { VolumeStatus::Available };
        if volume.status != wanted {
            return Err(error::wrong_status("extend", "'{'available'}'", volume.status.as_str()));
        }
        still(tx, &id)?;
        if to_gib <= volume.size_gib {
            return Err(Error::bad_request(format!(
                "Invalid input received: New size for extend must be greater than current size. (current: {}, extended: {to_gib}).",
                volume.size_gib
            )));
        }
        quotas::check_size(tx, &volume.project, to_gib)?;
        let more = quotas::gib(to_gib - volume.size_gib);
        quotas::claim(tx, &volume.project, &volume.volume_type, &[("gigabytes", more)])?;
        tx.update::<Volume>(&id, |v| {
            (v.status, v.updated_at) = (VolumeStatus::Extending, now);
            v.generation += 1;
        });
        let state = extend_volume::State { volume: id.clone(), from_gib: volume.size_gib, to_gib };
        let start = Start::<ExtendVolume> { object: Volume::object(&id), state, request_id: &request_id, now };
        inner.0.starter.start(tx, start).map(drop)
    };
    service.write(permit, "volume.volume.extend", begin).await
}

/// What `os-volume_upload_image` asks for.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct UploadBody {
    pub(crate) image_name: String,
    pub(crate) disk_format: Option<String>,
    pub(crate) container_format: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) force: bool,
    pub(crate) visibility: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) protected: bool,
}

/// A boolean as clients send it.
fn flag<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<bool, D::Error> {
    let value = <Value as serde::Deserialize>::deserialize(d)?;
    crate::api::read_flag(&value, "flag").map_err(|e| serde::de::Error::custom(e.message()))
}

pub(crate) async fn upload(service: &VolumeService, cx: &Ctx, id: &str, body: UploadBody) -> Result<Value> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::UPLOAD, &volume.project)?;
    // Visibility and protection came with 3.1.
    let later = cx.version.since(3, 1);
    let visibility = body.visibility.clone().filter(|_| later).unwrap_or_else(|| "private".into());
    let permit = if visibility == "public" { authorize(cx, &policy::UPLOAD_PUBLIC, &volume.project)? } else { permit };
    let format = body.disk_format.clone().unwrap_or_else(|| "raw".into());
    if !matches!(format.as_str(), "raw" | "qcow2") {
        return Err(Error::bad_request(format!(
            "Invalid input received: disk_format {format} is not one of raw, qcow2"
        )));
    }
    let image = NewImage {
        id: ImageId::new(),
        name: body.image_name.clone(),
        owner: cx.project()?.clone(),
        disk_format: format.clone(),
        container_format: body.container_format.clone().unwrap_or_else(|| "bare".into()),
        min_disk_gib: volume.size_gib,
        min_ram_mib: 0,
        visibility: if later { visibility } else { "shared".into() },
        protected: later && body.protected,
        // What the image it was made of asks of those who boot it, is asked again.
        properties: kept_properties(&volume),
    };
    if volume.encryption_key.is_some() && (format != "raw" || image.container_format != "bare") {
        // Its bytes are uploaded as they are, encrypted.
        let text =
            "Invalid input received: an encrypted volume is uploaded with disk_format raw and container_format bare";
        return Err(Error::bad_request(text));
    }
    let (inner, id, cx2, image2, force) = (service.clone(), volume.id.clone(), cx.clone(), image.clone(), body.force);
    let begin = move |tx: &mut store::Tx| {
        let volume = tx.get::<Volume>(&id).ok_or_else(|| error::no_volume(&id))?;
        let ready = volume.status == VolumeStatus::Available || (volume.status == VolumeStatus::InUse && force);
        if !ready {
            return Err(error::wrong_status("upload", "available", volume.status.as_str()));
        }
        still(tx, &id)?;
        let mut image2 = image2.clone();
        image2.properties.extend(image_key(&inner, tx, &cx2, &volume, &image2.id)?);
        inner.0.images.create(tx, &cx2, &image2, false)?;
        let state = upload_volume::State {
            volume: id.clone(),
            image: image2.id.clone(),
            format: format.clone(),
            request_id: cx2.request_id.clone(),
        };
        let now = cx2.now();
        tx.update::<Volume>(&id, |v| (v.status, v.updated_at) = (VolumeStatus::Uploading, now));
        let start = Start::<UploadVolume> { object: Volume::object(&id), state, request_id: &cx2.request_id, now };
        inner.0.starter.start(tx, start)?;
        Ok(volume)
    };
    let volume = service.write(permit, "volume.volume.upload", begin).await?;
    let mut out = upload_view(&volume, &image);
    if later {
        out["os-volume_upload_image"]["visibility"] = json!(image.visibility);
        out["os-volume_upload_image"]["protected"] = json!(image.protected);
    }
    Ok(out)
}

/// The properties of the volume's image but for those that were facts of that image.
fn kept_properties(volume: &Volume) -> BTreeMap<String, String> {
    const FACTS: &[&str] =
        &["image_id", "image_name", "container_format", "disk_format", "min_disk", "min_ram", "size", "checksum"];
    let kept = volume.image_metadata.iter().filter(|(name, _)| !FACTS.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What an encrypted image says of its key, a copy of the volume's: that one goes with the volume.
fn image_key(
    service: &VolumeService,
    tx: &mut store::Tx,
    cx: &Ctx,
    volume: &Volume,
    image: &ImageId,
) -> Result<Vec<(String, String)>> {
    let Some(key) = &volume.encryption_key else { return Ok(Vec::new()) };
    let owner =
        encryption_keys::Owner { project: cx.project()?, user: &cx.credentials.user, what: format!("image {image}") };
    let copy = encryption_keys::copy(service, tx, key, &owner)?;
    let policy = (IMAGE_KEY_POLICY.to_owned(), "on_image_deletion".to_owned());
    Ok(vec![(IMAGE_KEY.to_owned(), copy), policy])
}

fn upload_view(volume: &Arc<Volume>, image: &NewImage) -> Value {
    json!({"os-volume_upload_image": {
        "id": volume.id,
        "image_id": image.id,
        "image_name": image.name,
        "status": "uploading",
        "size": volume.size_gib,
        "display_description": volume.description,
        "updated_at": volume.updated_at.iso_micros(),
        "volume_type": Value::Null,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
    }})
}

/// An administrator says what the status is, and whether it is attached or moving.
pub(crate) async fn reset_status(service: &VolumeService, cx: &Ctx, id: &str, args: &Value) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::RESET_STATUS, &volume.project)?;
    let given = |key: &str| args.get(key).and_then(Value::as_str);
    if given("status").is_none() && given("attach_status").is_none() && given("migration_status").is_none() {
        return Err(Error::bad_request("Must specify 'status', 'attach_status' or 'migration_status' for update."));
    }
    let status = given("status").map(|s| {
        VolumeStatus::parse(&s.to_lowercase())
            .ok_or_else(|| Error::bad_request(format!("Must specify a valid status, not {s}.")))
    });
    let status = status.transpose()?;
    if given("attach_status").is_some_and(|s| !matches!(s, "attached" | "detached")) {
        return Err(Error::bad_request("Must specify a valid attach status."));
    }
    if given("migration_status").is_some_and(|s| !MIGRATION.contains(&s)) {
        return Err(Error::bad_request("Must specify a valid migration status."));
    }
    let detach = given("attach_status") == Some("detached");
    let migration = given("migration_status").map(str::to_owned);
    let (id, now) = (volume.id.clone(), cx.now());
    let write = move |tx: &mut store::Tx| {
        if status == Some(VolumeStatus::InUse) && tx.by(Attachment::BY_VOLUME, &id).is_empty() {
            let text = "Cannot reset-state to in-use because volume does not have any attachments.";
            return Err(Error::bad_request(text));
        }
        if detach {
            for attachment in tx.by(Attachment::BY_VOLUME, &id) {
                tx.delete::<Attachment>(&attachment.id);
            }
        }
        if let Some(status) = status {
            // What an administrator says ends whatever was under way.
            for flow in tx.by(flow::FlowRecord::BY_OBJECT, &Volume::object(&id)) {
                flow::cancel(tx, &flow.id);
            }
            crate::flows::set_status(tx, &id, status, None, now);
        }
        if let Some(migration) = &migration {
            tx.update::<Volume>(&id, |v| v.migration = (migration != "none").then(|| migration.clone()));
        }
        Ok(())
    };
    service.write(permit, "volume.volume.reset_status", write).await
}

const MIGRATION: &[&str] = &["migrating", "error", "success", "completing", "none", "starting"];
