//! `/servers/{id}/remote-consoles`, from 2.6 on, and what the tokens that it gives out lead to: `/os-console-auth-tokens`.

use super::{
    check_query, checked,
    schema::{by_version, object, only, query},
    since,
};
use crate::{
    Compute,
    error::invalid,
    ops::{consoles, servers},
    policy::REMOTE_CONSOLES,
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Params, Path, State, ok};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .post("/v2.1/servers/{server_id}/remote-consoles", create)
        .get("/v2.1/os-console-auth-tokens/{console_token}", token)
}

by_version! {
    CREATE = create_schema: 6, 8, 99;
    TOKEN = token_schema: 31, 99;
}

fn token_schema(minor: u16) -> Value {
    query(json!({}), minor < 99)
}

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

/// Before 2.31 this told of consoles of a kind that has left Nova.
async fn token(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(token): Path<String>,
    params: Params,
    base: BaseUrl,
) -> ApiResult {
    if !cx.version.since(2, 31) {
        return Err(invalid(
            "The server could not comply with the request since it is either malformed or otherwise incorrect.",
        )
        .into());
    }
    check_query(&cx, &params, TOKEN)?;
    let (console, port) = consoles::token(&c, &cx, &token, base.as_str())?;
    Ok(ok(&json!({"console": {
        "instance_uuid": console.server,
        "host": console.host,
        "port": port,
        "internal_access_path": null,
    }})))
}
