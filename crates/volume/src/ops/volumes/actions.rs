//! Actions that begin a flow, and the administrator's reset.

use crate::{
    VolumeService, error,
    flows::{
        extend_volume::{self, ExtendVolume},
        upload_volume::{self, UploadVolume},
    },
    model::{Volume, VolumeStatus},
    policy,
    service::{QUOTAS, authorize},
};
use flow::Start;
use kernel::{Ctx, Error, ImageId, Result};
use ports::NewImage;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) async fn extend(service: &VolumeService, cx: &Ctx, id: &str, to_gib: u64) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::EXTEND, &volume.project)?;
    let (inner, id, request_id, now) = (service.clone(), volume.id.clone(), cx.request_id.clone(), cx.now());
    let begin = move |tx: &mut store::Tx| {
        let volume = tx.get::<Volume>(&id).ok_or_else(|| error::no_volume(&id))?;
        if volume.status != VolumeStatus::Available {
            return Err(error::wrong_status("extend", "'{'available'}'", volume.status.as_str()));
        }
        if to_gib <= volume.size_gib {
            return Err(Error::bad_request(format!(
                "Invalid input received: New size for extend must be greater than current size. (current: {}, extended: {to_gib}).",
                volume.size_gib
            )));
        }
        let more = i64::try_from(to_gib - volume.size_gib).unwrap_or(i64::MAX);
        QUOTAS.claim(tx, &volume.project, &[("gigabytes", more)])?;
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
    pub(crate) force: Option<bool>,
    pub(crate) visibility: Option<String>,
}

pub(crate) async fn upload(service: &VolumeService, cx: &Ctx, id: &str, body: UploadBody) -> Result<Value> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::UPLOAD, &volume.project)?;
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
        visibility: body.visibility.clone().unwrap_or_else(|| "shared".into()),
        properties: Default::default(),
    };
    let (inner, id, cx2, image2, force) =
        (service.clone(), volume.id.clone(), cx.clone(), image.clone(), body.force.unwrap_or(false));
    let begin = move |tx: &mut store::Tx| {
        let volume = tx.get::<Volume>(&id).ok_or_else(|| error::no_volume(&id))?;
        let ready = volume.status == VolumeStatus::Available || (volume.status == VolumeStatus::InUse && force);
        if !ready {
            return Err(error::wrong_status("upload", "available", volume.status.as_str()));
        }
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
    Ok(upload_view(&volume, &image))
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
        "visibility": image.visibility,
        "protected": false,
    }})
}

/// An administrator says what the status is.
pub(crate) async fn reset_status(service: &VolumeService, cx: &Ctx, id: &str, status: &str) -> Result<()> {
    let volume = service.find_volume(cx, id)?;
    let permit = authorize(cx, &policy::RESET_STATUS, &volume.project)?;
    let status = VolumeStatus::parse(status)
        .ok_or_else(|| Error::bad_request(format!("Invalid volume: {status} is no status of a volume")))?;
    if status.is_transitional() {
        return Err(Error::bad_request(format!(
            "Invalid volume: no operation is under way that would end {}",
            status.as_str()
        )));
    }
    let (id, now) = (volume.id.clone(), cx.now());
    let write = move |tx: &mut store::Tx| {
        crate::flows::set_status(tx, &id, status, None, now);
        Ok(())
    };
    service.write(permit, "volume.volume.reset_status", write).await
}
