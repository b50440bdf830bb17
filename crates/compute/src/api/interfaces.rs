//! `/servers/{id}/os-interface`

use super::{
    checked,
    schema::{by_version, ip, object, only, tag, uuid},
};
use crate::{
    Compute,
    ops::interfaces::{self, AttachInterface, Interface},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, accepted, ok};
use kernel::{Microversion, PortId};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/servers/{server_id}/os-interface";
    const ONE: &str = "/v2.1/servers/{server_id}/os-interface/{port_id}";
    ApiRouter::new().get(ALL, list).post(ALL, create).get(ONE, show).delete(ONE, delete)
}

by_version! { CREATE = create_schema: 1, 49; }

fn create_schema(minor: u16) -> Value {
    let address = object(json!({"ip_address": ip()}), &["ip_address"]);
    let mut properties = json!({
        // Nova's own quirk: an empty body is an interface on whatever network there is.
        "net_id": uuid(),
        "port_id": uuid(),
        "fixed_ips": {"type": "array", "minItems": 1, "maxItems": 1, "items": address},
    });
    if minor >= 49 {
        properties["tag"] = tag();
    }
    only("interfaceAttachment", object(properties, &[]))
}

fn view(interface: &Interface, v: Microversion) -> Value {
    let port = &interface.port;
    let fixed = port.fixed_ips.iter().map(|(subnet, ip)| json!({"subnet_id": subnet, "ip_address": ip}));
    let mut view = json!({
        "net_id": port.network,
        "port_id": port.port,
        "mac_addr": port.mac,
        "port_state": port.status,
        "fixed_ips": fixed.collect::<Vec<_>>(),
    });
    if v.since(2, 70) {
        view["tag"] = json!(interface.tag);
    }
    view
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let all = interfaces::list(&c, &cx, &id).await?;
    let views: Vec<_> = all.iter().map(|i| view(i, cx.version)).collect();
    Ok(ok(&json!({"interfaceAttachments": views})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path((id, port)): Path<(String, String)>) -> ApiResult {
    let found = interfaces::show(&c, &cx, &id, &port).await?;
    Ok(ok(&json!({"interfaceAttachment": view(&found, cx.version)})))
}

#[derive(Deserialize)]
struct CreateBody {
    #[serde(rename = "interfaceAttachment")]
    attachment: AttachInterface,
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let CreateBody { attachment } = checked(&cx, body, CREATE)?;
    let attached = interfaces::attach(&c, &cx, &id, attachment).await?;
    Ok(ok(&json!({"interfaceAttachment": view(&attached, cx.version)})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path((id, port)): Path<(String, PortId)>) -> ApiResult {
    interfaces::detach(&c, &cx, &id, port).await?;
    Ok(accepted())
}
