//! `/os-volumes_boot`: servers under the name that they once had when they booted from a volume. Nova still answers here, by the
//! same handlers.

use super::{servers, until};
use crate::Compute;
use axum::http::HeaderMap;
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Path, State};

const ACTION: &str = "/v2.1/os-volumes_boot/{server_id}/action";
/// Those that it ever had, until 2.102.
const ACTIONS: &[&str] = &[
    "confirmResize",
    "createImage",
    "os-start",
    "os-stop",
    "reboot",
    "rebuild",
    "resize",
    "revertResize",
    "trigger_crash_dump",
];

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/os-volumes_boot";
    const ONE: &str = "/v2.1/os-volumes_boot/{server_id}";
    let routes = ApiRouter::new()
        .get(ALL, servers::list)
        .post(ALL, servers::create)
        .get("/v2.1/os-volumes_boot/detail", servers::detail)
        .get(ONE, servers::show)
        .put(ONE, servers::update)
        .delete(ONE, delete)
        .post(ACTION, act);
    ACTIONS.iter().fold(routes, |routes, name| routes.action(ACTION, name))
}

async fn delete(state: State<Compute>, Cx(cx): Cx, id: Path<String>) -> ApiResult {
    until(&cx, 102)?;
    servers::delete(state, Cx(cx), id).await
}

async fn act(
    state: State<Compute>,
    Cx(cx): Cx,
    id: Path<String>,
    base: BaseUrl,
    headers: HeaderMap,
    body: JsonBody,
) -> ApiResult {
    until(&cx, 102)?;
    let known = body.0.as_object().is_some_and(|o| o.keys().all(|name| ACTIONS.contains(&name.as_str())));
    if !known {
        return Err(crate::error::invalid("There is no such action.").into());
    }
    servers::actions::act(state, Cx(cx), id, base, headers, body).await
}
