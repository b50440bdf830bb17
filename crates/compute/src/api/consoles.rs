//! `/servers/{id}/remote-consoles`, from 2.6 on.

use super::{
    checked,
    schema::{by_version, object, only},
    since,
};
use crate::{
    Compute,
    ops::{consoles, servers},
    policy::REMOTE_CONSOLES,
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Path, State, ok};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().post("/v2.1/servers/{server_id}/remote-consoles", create)
}

by_version! { CREATE = create_schema: 6, 8, 99; }

/// Nova's table: which kinds each protocol has, what they are here or not.
fn create_schema(minor: u16) -> Value {
    let mut protocols = vec!["vnc", "spice", "rdp", "serial"];
    let mut kinds = vec!["novnc", "xvpvnc", "rdp-html5", "spice-html5", "serial"];
    if minor >= 8 {
        protocols.push("mks");
        kinds.push("webmks");
    }
    if minor >= 99 {
        kinds.push("spice-direct");
    }
    let properties =
        json!({"protocol": {"type": "string", "enum": protocols}, "type": {"type": "string", "enum": kinds}});
    only("remote_console", object(properties, &["protocol", "type"]))
}

async fn create(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    base: BaseUrl,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 6)?;
    let body: Value = checked(&cx, body, CREATE)?;
    let console = &body["remote_console"];
    let kind = console["type"].as_str().unwrap_or_default();
    let server = servers::target(&cx, &c.store.read().await?, &id, &REMOTE_CONSOLES)?;
    let url = consoles::remote(&c, &cx, &server, kind, base.as_str()).await?;
    Ok(ok(&json!({"remote_console": {"protocol": console["protocol"], "type": kind, "url": url}})))
}
