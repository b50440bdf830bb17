use super::{
    Asked, at,
    view::{Detail, Lens},
};
use crate::{
    api::self_href,
    ops::servers::{self, Rebuild, Rescue},
};
use axum::response::Response;
use http::{StatusCode, accepted, json_response, ok};
use kernel::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What the schema has let through is read so; a null is an empty object.
pub(super) fn read<T: DeserializeOwned>(body: Value) -> Result<T> {
    let body = if body.is_null() { json!({}) } else { body };
    serde_json::from_value(body).map_err(|e| Error::bad_request("malformed body").with_internal(e.to_string()))
}

pub(super) async fn rebuild(asked: Asked) -> Result<Response> {
    let body: Rebuild = read(asked.body)?;
    let (c, cx, base) = (&asked.c, &asked.cx, &asked.base);
    let (server, snapshot, password) = servers::rebuild(c, cx, &asked.server, body).await?;
    let lens = Lens::new(c, cx, base, &snapshot, Detail::Rebuild, &server.project);
    let mut view = serde_json::to_value(lens.view(&server, None)).map_err(|e| Error::internal(e.to_string()))?;
    view["adminPass"] = password.into();
    let answer = json_response(StatusCode::ACCEPTED, &json!({"server": view}));
    Ok(at(answer, &self_href(base, "servers", &server.id)))
}

pub(super) async fn rescue(asked: Asked) -> Result<Response> {
    let body: Rescue = read(asked.body)?;
    let password = servers::rescue(&asked.c, &asked.cx, &asked.server, body).await?;
    Ok(ok(&json!({"adminPass": password})))
}

pub(super) async fn unrescue(asked: Asked) -> Result<Response> {
    servers::unrescue(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}

pub(super) async fn change_password(asked: Asked) -> Result<Response> {
    let password = asked.body["adminPass"].as_str().unwrap_or_default();
    servers::change_password(&asked.c, &asked.cx, &asked.server, password).await?;
    Ok(accepted())
}

pub(super) async fn crash_dump(asked: Asked) -> Result<Response> {
    servers::trigger_crash_dump(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}
