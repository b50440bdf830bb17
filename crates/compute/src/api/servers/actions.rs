//! `POST /servers/{id}/action`: the body's one key names the action. Each is a row of [`ACTIONS`].

use super::{Asked, at, schema::action as schema};
use crate::{
    Compute,
    api::{bookmark_href, checked, until},
    error::invalid,
    model::ServerState,
    ops::{
        consoles,
        servers::{self, PowerVerb},
    },
};
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Path, State, StatusCode, accepted, json_response, ok};
use kernel::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PATH: &str = "/v2.1/servers/{server_id}/action";

type Handler = fn(Asked, JsonBody) -> BoxFuture<'static, Result<Response>>;

/// Name and handler of each action served.
const ACTIONS: &[(&str, Handler)] = &[
    ("os-start", |a, b| Box::pin(start(a, b))),
    ("os-stop", |a, b| Box::pin(stop(a, b))),
    ("reboot", |a, b| Box::pin(reboot(a, b))),
    ("pause", |a, b| Box::pin(pause(a, b))),
    ("unpause", |a, b| Box::pin(unpause(a, b))),
    ("lock", |a, b| Box::pin(lock(a, b))),
    ("unlock", |a, b| Box::pin(unlock(a, b))),
    ("createImage", |a, b| Box::pin(create_image(a, b))),
    ("os-resetState", |a, b| Box::pin(reset_state(a, b))),
    ("os-getConsoleOutput", |a, b| Box::pin(console_output(a, b))),
    ("os-getVNCConsole", |a, b| Box::pin(vnc_console(a, b))),
    ("addSecurityGroup", |a, b| Box::pin(add_group(a, b))),
    ("removeSecurityGroup", |a, b| Box::pin(remove_group(a, b))),
];

pub(super) fn routes() -> ApiRouter<Compute> {
    ACTIONS.iter().fold(ApiRouter::new().post(PATH, act), |routes, (name, _)| routes.action(PATH, name))
}

async fn act(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, base: BaseUrl, body: JsonBody) -> ApiResult {
    let keys: Vec<&String> = body.0.as_object().map(|o| o.keys().collect()).unwrap_or_default();
    let [name] = keys.as_slice() else { return Err(invalid("There is no such action.").into()) };
    let found = ACTIONS.iter().find(|(known, _)| known == name);
    let missing = || invalid(format!("There is no such action: {name}"));
    let (_, handler) = found.ok_or_else(missing)?;
    Ok(handler(Asked { c, cx, base, id }, body).await?)
}

async fn power(asked: Asked, verb: PowerVerb) -> Result<Response> {
    servers::change_power(&asked.c, &asked.cx, &asked.id, verb).await?;
    Ok(accepted())
}

async fn start(asked: Asked, body: JsonBody) -> Result<Response> {
    let _: Value = checked(&asked.cx, body, schema::START)?;
    power(asked, PowerVerb::Start).await
}

async fn stop(asked: Asked, body: JsonBody) -> Result<Response> {
    let _: Value = checked(&asked.cx, body, schema::STOP)?;
    power(asked, PowerVerb::Stop).await
}

async fn pause(asked: Asked, body: JsonBody) -> Result<Response> {
    let _: Value = checked(&asked.cx, body, schema::PAUSE)?;
    power(asked, PowerVerb::Pause).await
}

async fn unpause(asked: Asked, body: JsonBody) -> Result<Response> {
    let _: Value = checked(&asked.cx, body, schema::UNPAUSE)?;
    power(asked, PowerVerb::Unpause).await
}

async fn reboot(asked: Asked, body: JsonBody) -> Result<Response> {
    let body: Value = checked(&asked.cx, body, schema::REBOOT)?;
    let hard = body["reboot"]["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("hard"));
    power(asked, if hard { PowerVerb::RebootHard } else { PowerVerb::RebootSoft }).await
}

async fn lock(asked: Asked, body: JsonBody) -> Result<Response> {
    let body: Value = checked(&asked.cx, body, schema::LOCK)?;
    let reason = body["lock"]["locked_reason"].as_str().filter(|_| asked.cx.version.since(2, 73));
    servers::lock(&asked.c, &asked.cx, &asked.id, reason.map(str::to_owned)).await?;
    Ok(accepted())
}

async fn unlock(asked: Asked, body: JsonBody) -> Result<Response> {
    let _: Value = checked(&asked.cx, body, schema::UNLOCK)?;
    servers::unlock(&asked.c, &asked.cx, &asked.id).await?;
    Ok(accepted())
}

#[derive(Deserialize)]
struct CreateImage {
    name: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

async fn create_image(asked: Asked, body: JsonBody) -> Result<Response> {
    let mut body: BTreeMap<String, CreateImage> = checked(&asked.cx, body, schema::CREATE_IMAGE)?;
    let wanted = body.remove("createImage").ok_or_else(|| invalid("createImage is missing"))?;
    let image = servers::create_image(&asked.c, &asked.cx, &asked.id, &wanted.name, wanted.metadata).await?;
    if asked.cx.version.since(2, 45) {
        return Ok(json_response(StatusCode::ACCEPTED, &json!({"image_id": image})));
    }
    Ok(at(accepted(), &bookmark_href(&asked.base, "images", &image).replacen("/compute/", "/image/v2/", 1)))
}

async fn reset_state(asked: Asked, body: JsonBody) -> Result<Response> {
    let body: Value = checked(&asked.cx, body, schema::RESET_STATE)?;
    let state = match body["os-resetState"]["state"].as_str() {
        Some("active") => ServerState::Active,
        _ => ServerState::Error,
    };
    servers::reset_state(&asked.c, &asked.cx, &asked.id, state).await?;
    Ok(accepted())
}

async fn console_output(asked: Asked, body: JsonBody) -> Result<Response> {
    let body: Value = checked(&asked.cx, body, schema::CONSOLE_OUTPUT)?;
    let length = &body["os-getConsoleOutput"]["length"];
    let length = length.as_i64().or_else(|| length.as_str()?.parse().ok());
    // -1 is all, as is nothing.
    let lines = length.and_then(|n| u64::try_from(n).ok());
    let output = consoles::log(&asked.c, &asked.cx, &asked.id, lines).await?;
    Ok(ok(&json!({"output": output})))
}

async fn vnc_console(asked: Asked, body: JsonBody) -> Result<Response> {
    until(&asked.cx, 5)?;
    let body: Value = checked(&asked.cx, body, schema::VNC_CONSOLE)?;
    let kind = body["os-getVNCConsole"]["type"].as_str().unwrap_or_default();
    let url = consoles::remote(&asked.c, &asked.cx, &asked.id, kind, asked.base.as_str()).await?;
    Ok(ok(&json!({"console": {"type": kind, "url": url}})))
}

async fn add_group(asked: Asked, body: JsonBody) -> Result<Response> {
    let body: Value = checked(&asked.cx, body, schema::ADD_GROUP)?;
    let name = body["addSecurityGroup"]["name"].as_str().unwrap_or_default().to_owned();
    servers::change_group(&asked.c, &asked.cx, &asked.id, name, true).await?;
    Ok(accepted())
}

async fn remove_group(asked: Asked, body: JsonBody) -> Result<Response> {
    let body: Value = checked(&asked.cx, body, schema::REMOVE_GROUP)?;
    let name = body["removeSecurityGroup"]["name"].as_str().unwrap_or_default().to_owned();
    servers::change_group(&asked.c, &asked.cx, &asked.id, name, false).await?;
    Ok(accepted())
}
