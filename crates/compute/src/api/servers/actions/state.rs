use super::Asked;
use crate::{model::ServerState, ops::servers};
use axum::response::Response;
use http::accepted;
use kernel::Result;

pub(super) async fn lock(asked: Asked) -> Result<Response> {
    let reason = asked.body["locked_reason"].as_str().filter(|_| asked.cx.version.since(2, 73));
    servers::lock(&asked.c, &asked.cx, &asked.server, reason.map(str::to_owned)).await?;
    Ok(accepted())
}

pub(super) async fn unlock(asked: Asked) -> Result<Response> {
    servers::unlock(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}

pub(super) async fn reset_state(asked: Asked) -> Result<Response> {
    let state = match asked.body["state"].as_str() {
        Some("active") => ServerState::Active,
        _ => ServerState::Error,
    };
    servers::reset_state(&asked.c, &asked.cx, &asked.server, state).await?;
    Ok(accepted())
}

pub(super) async fn inject_network_info(asked: Asked) -> Result<Response> {
    servers::inject_network_info(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}

pub(super) async fn force_delete(asked: Asked) -> Result<Response> {
    servers::force_delete(&asked.c, &asked.cx, &asked.server).await?;
    Ok(accepted())
}

pub(super) async fn restore(asked: Asked) -> Result<Response> {
    servers::restore(&asked.server)?;
    Ok(accepted())
}

pub(super) async fn add_group(asked: Asked) -> Result<Response> {
    change_group(asked, true).await
}

pub(super) async fn remove_group(asked: Asked) -> Result<Response> {
    change_group(asked, false).await
}

async fn change_group(asked: Asked, add: bool) -> Result<Response> {
    let name = asked.body["name"].as_str().unwrap_or_default().to_owned();
    servers::change_group(&asked.c, &asked.cx, &asked.server, name, add).await?;
    Ok(accepted())
}
