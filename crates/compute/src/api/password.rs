//! `/servers/{id}/os-server-password`

use crate::{Compute, ops::servers};
use http::{ApiResult, ApiRouter, Cx, Path, State, no_content, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Compute> {
    const PATH: &str = "/v2.1/servers/{server_id}/os-server-password";
    ApiRouter::new().get(PATH, show).delete(PATH, clear)
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(ok(&json!({"password": servers::password(&c, &cx, &id).await?})))
}

async fn clear(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    servers::clear_password(&c, &cx, &id).await?;
    Ok(no_content())
}
