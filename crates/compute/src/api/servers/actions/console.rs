use super::Asked;
use crate::ops::consoles;
use axum::response::Response;
use http::ok;
use kernel::Result;
use serde_json::json;

pub(super) async fn output(asked: Asked) -> Result<Response> {
    let length = &asked.body["length"];
    let length = length.as_i64().or_else(|| length.as_str()?.parse().ok());
    // -1 is all, as is nothing.
    let lines = length.and_then(|n| u64::try_from(n).ok());
    let output = consoles::log(&asked.c, &asked.server, lines).await?;
    Ok(ok(&json!({"output": output})))
}

/// Consoles by action are of versions before 2.6; `remote-consoles` has taken their place.
pub(super) async fn remote(asked: Asked) -> Result<Response> {
    let kind = asked.body["type"].as_str().unwrap_or_default();
    let url = consoles::remote(&asked.c, &asked.cx, &asked.server, kind, asked.base.as_str()).await?;
    Ok(ok(&json!({"console": {"type": kind, "url": url}})))
}
