//! `/v3/attachments` (3.27, complete from 3.44 on)

use super::{VolumeCx, since, views};
use crate::{
    Attachment, VolumeService,
    ops::attachments,
    policy,
    service::{authorize, authorize_own},
};
use http::{ApiResult, ApiRouter, JsonBody, Params, Path, State};
use kernel::{AttachmentId, Error, Result, ServerId, VolumeId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/attachments", index)
        .get("/v3/attachments/detail", index)
        .post("/v3/attachments", create)
        .get("/v3/attachments/{id}", show)
        .put("/v3/attachments/{id}", connect)
        .delete("/v3/attachments/{id}", delete)
        .post("/v3/attachments/{id}/action", action)
        .action("/v3/attachments/{id}/action", "os-complete")
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["attachment"],
        "properties": {
            "attachment": {
                "type": "object",
                "required": ["volume_uuid"],
                "properties": {
                    "volume_uuid": {"type": "string", "format": "uuid"},
                    "instance_uuid": {"type": ["string", "null"], "format": "uuid"},
                    "connector": {"type": ["object", "null"]},
                    "mode": {"type": "string", "enum": ["rw", "ro"]},
                },
            },
        },
    };
    CONNECT = {
        "type": "object",
        "required": ["attachment"],
        "properties": {"attachment": {"type": "object", "required": ["connector"], "properties": {"connector": {"type": "object"}}}},
    }
}

#[derive(Deserialize)]
struct New {
    volume_uuid: VolumeId,
    instance_uuid: Option<ServerId>,
    connector: Option<Value>,
    mode: Option<String>,
}

async fn index(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    since(&cx, 27)?;
    let _read = authorize_own(&cx, &policy::ATTACHMENT_GET)?;
    let view = service.view();
    let all = cx.is_admin() && params.flag("all_tenants")?.unwrap_or(false);
    let found: Vec<Arc<Attachment>> =
        if all { view.all::<Attachment>().collect() } else { view.by(Attachment::BY_PROJECT, cx.project()?).collect() };
    let wanted = |a: &&Arc<Attachment>| {
        params.get("volume_id").is_none_or(|v| a.volume == *v)
            && params.get("instance_id").is_none_or(|i| a.server.as_ref().is_some_and(|s| *s == *i))
    };
    let shown: Vec<_> = found.iter().filter(wanted).map(|a| views::attachment(a, None)).collect();
    Ok(http::ok(&json!({"attachments": shown})))
}

async fn create(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    #[derive(Deserialize)]
    struct Wrapped {
        attachment: New,
    }
    since(&cx, 27)?;
    let new = body.read::<Wrapped>(&CREATE)?.attachment;
    let volume = service.find_volume(&cx, &new.volume_uuid)?;
    let permit = authorize(&cx, &policy::ATTACHMENT_CREATE, &volume.project)?;
    let reserve = attachments::Reserve {
        attachment: AttachmentId::new(),
        volume: volume.id.clone(),
        server: new.instance_uuid,
        read_only: new.mode.as_deref() == Some("ro"),
        holder: attachments::Holder::Caller,
        project: volume.project.clone(),
        now: cx.now(),
    };
    let made = service.write(permit, "volume.attachment.create", move |tx| attachments::reserve(tx, &reserve)).await?;
    let made = match &new.connector {
        Some(connector) => attachments::connect(&service, &made.id, &host_of(connector)?).await?.0,
        None => made,
    };
    Ok(http::ok(&json!({"attachment": views::attachment(&made, Some(&service.view()))})))
}

fn host_of(connector: &Value) -> Result<kernel::HostName> {
    let host = connector.get("host").and_then(Value::as_str);
    host.map(Into::into).ok_or_else(|| Error::bad_request("Invalid input received: the connector names no host"))
}

async fn show(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 27)?;
    let found = service.find_attachment(&cx, &id)?;
    let _read = authorize(&cx, &policy::ATTACHMENT_GET, &found.project)?;
    Ok(http::ok(&json!({"attachment": views::attachment(&found, Some(&service.view()))})))
}

async fn connect(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 27)?;
    let body: Value = body.read(&CONNECT)?;
    let found = service.find_attachment(&cx, &id)?;
    let _permit = authorize(&cx, &policy::ATTACHMENT_UPDATE, &found.project)?;
    let host = host_of(&body["attachment"]["connector"])?;
    let (made, _) = attachments::connect(&service, &found.id, &host).await?;
    Ok(http::ok(&json!({"attachment": views::attachment(&made, Some(&service.view()))})))
}

async fn delete(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 27)?;
    let found = service.find_attachment(&cx, &id)?;
    let permit = authorize(&cx, &policy::ATTACHMENT_DELETE, &found.project)?;
    attachments::may_end(&cx, &found)?;
    attachments::disconnect(&service, &found.id).await?;
    let (id, volume, now) = (found.id.clone(), found.volume.clone(), cx.now());
    let remove = move |tx: &mut store::Tx| {
        attachments::release(tx, &id, now);
        Ok(())
    };
    service.write(permit, "volume.attachment.delete", remove).await?;
    let view = service.view();
    let left: Vec<_> = view.by(Attachment::BY_VOLUME, &volume).map(|a| views::attachment(&a, None)).collect();
    Ok(http::ok(&json!({"attachments": left})))
}

async fn action(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 44)?;
    let (name, _) = body.action()?;
    if name != "os-complete" {
        return Err(Error::bad_request(format!("There is no such action: {name}")).into());
    }
    let found = service.find_attachment(&cx, &id)?;
    let permit = authorize(&cx, &policy::ATTACHMENT_COMPLETE, &found.project)?;
    let (id, now) = (found.id.clone(), cx.now());
    service.write(permit, "volume.attachment.complete", move |tx| attachments::complete(tx, &id, None, now)).await?;
    Ok(http::no_content())
}
