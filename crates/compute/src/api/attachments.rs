//! `/servers/{id}/os-volume_attachments`

use super::{
    check_query, checked,
    schema::{boolean, by_version, object, only, paging, pattern, query, tag, uuid},
};
use crate::{
    Compute,
    model::{BlockDevice, Server},
    ops::attachments::{self, Attach, UpdateAttachment},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State, accepted, ok};
use kernel::Microversion;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/servers/{server_id}/os-volume_attachments";
    const ONE: &str = "/v2.1/servers/{server_id}/os-volume_attachments/{volume_id}";
    ApiRouter::new().get(ALL, list).post(ALL, create).get(ONE, show).put(ONE, update).delete(ONE, delete)
}

by_version! {
    CREATE = create_schema: 1, 49, 79;
    UPDATE = update_schema: 1, 85;
    LIST = list_schema: 1, 75;
}

fn create_schema(minor: u16) -> Value {
    let device = pattern("(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$|^$|^auto$", 0, 255);
    let mut properties = json!({"volumeId": uuid(), "device": {"oneOf": [device, {"type": "null"}]}});
    if minor >= 49 {
        properties["tag"] = tag();
    }
    if minor >= 79 {
        properties["delete_on_termination"] = boolean();
    }
    only("volumeAttachment", object(properties, &["volumeId"]))
}

fn update_schema(minor: u16) -> Value {
    let mut properties = json!({"volumeId": uuid()});
    if minor >= 85 {
        let name = pattern("(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$", 0, 255);
        properties["device"] = json!({"oneOf": [name, {"type": "null"}]});
        properties["tag"] = tag();
        properties["delete_on_termination"] = boolean();
        properties["serverId"] = uuid();
        properties["id"] = uuid();
    }
    only("volumeAttachment", object(properties, &["volumeId"]))
}

fn list_schema(minor: u16) -> Value {
    let mut properties = json!({"offset": super::schema::words()});
    paging(&mut properties);
    query(properties, minor < 75)
}

fn view(server: &Server, device: &BlockDevice, v: Microversion) -> Option<Value> {
    let volume = device.volume()?;
    let mut view = json!({"volumeId": volume.volume, "serverId": server.id, "device": device.device});
    if !v.since(2, 89) {
        view["id"] = json!(volume.volume);
    }
    if v.since(2, 70) {
        view["tag"] = json!(device.tag);
    }
    if v.since(2, 79) {
        view["delete_on_termination"] = device.delete_on_termination.into();
    }
    if v.since(2, 89) {
        view["attachment_id"] = json!(volume.attachment);
        view["bdm_uuid"] = json!(device.id);
    }
    Some(view)
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let server = attachments::list(&c, &cx, &id).await?;
    let number = |key: &str| params.get(key).and_then(|n| n.parse::<usize>().ok());
    let all = server.devices.iter().filter_map(|d| view(&server, d, cx.version));
    let page = all.skip(number("offset").unwrap_or(0)).take(number("limit").unwrap_or(usize::MAX));
    Ok(ok(&json!({"volumeAttachments": page.collect::<Vec<_>>()})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path((id, volume)): Path<(String, String)>) -> ApiResult {
    let (server, device) = attachments::show(&c, &cx, &id, &volume).await?;
    Ok(ok(&json!({"volumeAttachment": view(&server, &device, cx.version)})))
}

#[derive(Deserialize)]
struct CreateBody {
    #[serde(rename = "volumeAttachment")]
    attachment: Attach,
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let CreateBody { attachment } = checked(&cx, body, CREATE)?;
    let device = attachments::attach(&c, &cx, &id, attachment.clone()).await?;
    if cx.version.since(2, 101) {
        return Ok(accepted());
    }
    let volume = &attachment.volume;
    let mut view = json!({"id": volume, "serverId": id, "volumeId": volume, "device": device});
    if cx.version.since(2, 70) {
        view["tag"] = json!(attachment.tag);
    }
    if cx.version.since(2, 79) {
        view["delete_on_termination"] = attachment.delete_on_termination.into();
    }
    Ok(ok(&json!({"volumeAttachment": view})))
}

#[derive(Deserialize)]
struct UpdateBody {
    #[serde(rename = "volumeAttachment")]
    attachment: UpdateAttachment,
}

async fn update(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path((id, volume)): Path<(String, String)>,
    body: JsonBody,
) -> ApiResult {
    let UpdateBody { attachment } = checked(&cx, body, UPDATE)?;
    attachments::update(&c, &cx, &id, volume, attachment).await?;
    Ok(accepted())
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path((id, volume)): Path<(String, String)>) -> ApiResult {
    attachments::detach(&c, &cx, &id, volume).await?;
    Ok(accepted())
}
