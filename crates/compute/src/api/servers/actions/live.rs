use super::Asked;
use crate::ops::servers::{self, LiveMigration};
use axum::response::Response;
use http::accepted;
use kernel::Result;

pub(super) async fn migrate_live(asked: Asked) -> Result<Response> {
    let wanted = LiveMigration { host: asked.body["host"].as_str().map(Into::into) };
    servers::migrate_live(&asked.c, &asked.cx, &asked.server, wanted).await?;
    Ok(accepted())
}
