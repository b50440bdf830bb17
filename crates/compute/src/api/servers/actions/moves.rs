//! What takes a server to another host or shape, or from its host.

use super::{Asked, guest::read};
use crate::{
    model::{DiskConfig, reshape},
    ops::servers::{self, Unshelve},
};
use axum::{
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use http::{StatusCode, accepted, no_content, ok};
use kernel::Result;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Resize {
    #[serde(rename = "flavorRef")]
    flavor: Value,
    #[serde(rename = "OS-DCF:diskConfig")]
    disk_config: Option<DiskConfig>,
    #[serde(rename = "tstack:way")]
    way: Option<reshape::Asked>,
}

pub(super) async fn resize(asked: Asked) -> Result<Response> {
    let body: Resize = read(asked.body)?;
    let flavor = body.flavor.as_str().map_or_else(|| body.flavor.to_string(), str::to_owned);
    let plan = servers::resize(&asked.c, &asked.cx, &asked.server, &flavor, body.disk_config, body.way).await?;
    Ok(told(accepted(), &plan))
}

/// Nova's answer has no body: which way it goes, and why, stand in headers.
fn told(mut answer: Response, plan: &reshape::Plan) -> Response {
    let manner = plan.manner.map_or("refused", reshape::Manner::as_str);
    for (name, value) in [("x-tstack-resize", manner.to_owned()), ("x-tstack-resize-why", plan.why.join("; "))] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

pub(super) async fn confirm_resize(asked: Asked) -> Result<Response> {
    servers::confirm_resize(&asked.c, &asked.cx, &asked.server).await?;
    Ok(no_content())
}

pub(super) async fn revert_resize(asked: Asked) -> Result<Response> {
    servers::revert_resize(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}

pub(super) async fn migrate(asked: Asked) -> Result<Response> {
    let host = asked.body["host"].as_str().map(str::to_owned);
    servers::migrate(&asked.c, &asked.cx, &asked.server, host).await?;
    Ok(accepted())
}

/// Before 2.14 the answer has the password, which nobody else was told.
pub(super) async fn evacuate(asked: Asked) -> Result<Response> {
    let admin_pass = servers::evacuate(&asked.c, &asked.cx, &asked.server, read(asked.body)?).await?;
    Ok(match asked.cx.version.since(2, 14) {
        true => StatusCode::OK.into_response(),
        false => ok(&json!({"adminPass": admin_pass})),
    })
}

pub(super) async fn shelve(asked: Asked) -> Result<Response> {
    servers::shelve(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}

pub(super) async fn shelve_offload(asked: Asked) -> Result<Response> {
    servers::shelve_offload(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}

pub(super) async fn unshelve(asked: Asked) -> Result<Response> {
    let chooses = asked.cx.version.since(2, 77) && !asked.body.is_null();
    let body: Unshelve = if chooses { read(asked.body)? } else { Unshelve::default() };
    servers::unshelve(&asked.c, &asked.cx, &asked.server, body).await?;
    Ok(accepted())
}
