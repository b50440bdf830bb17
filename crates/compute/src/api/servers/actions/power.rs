use super::Asked;
use crate::ops::servers::{PowerVerb, change_power};
use axum::response::Response;
use http::accepted;
use kernel::Result;

async fn change(asked: Asked, verb: PowerVerb) -> Result<Response> {
    change_power(&asked.c, &asked.cx, &asked.server, verb).await?;
    Ok(accepted())
}

pub(super) async fn start(asked: Asked) -> Result<Response> {
    change(asked, PowerVerb::Start).await
}

pub(super) async fn stop(asked: Asked) -> Result<Response> {
    change(asked, PowerVerb::Stop).await
}

pub(super) async fn pause(asked: Asked) -> Result<Response> {
    change(asked, PowerVerb::Pause).await
}

pub(super) async fn unpause(asked: Asked) -> Result<Response> {
    change(asked, PowerVerb::Unpause).await
}

pub(super) async fn suspend(asked: Asked) -> Result<Response> {
    change(asked, PowerVerb::Suspend).await
}

pub(super) async fn resume(asked: Asked) -> Result<Response> {
    change(asked, PowerVerb::Resume).await
}

pub(super) async fn reboot(asked: Asked) -> Result<Response> {
    let hard = asked.body["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("hard"));
    change(asked, if hard { PowerVerb::RebootHard } else { PowerVerb::RebootSoft }).await
}
