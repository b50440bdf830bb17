use crate::{
    Compute, ComputeError,
    model::ServerState,
    ops::servers::{Target, on_host},
};
use kernel::{Error, Kind, Result};
use serde_json::json;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);

/// The console log's last lines, or all that the host has kept.
pub(crate) async fn log(c: &Compute, server: &Target, lines: Option<u64>) -> Result<String> {
    on_host(server)?;
    let building = server.state == ServerState::Building || server.host.is_none();
    let Some(host) = server.host.clone().filter(|_| !building) else {
        return Err(ComputeError::Conflict(format!("Instance {} is not ready", server.id)).into());
    };
    let answer = c.hosts.call(&host, "vm.console_log", json!({"server": server.id, "lines": lines}), WITHIN).await;
    let answer = answer.map_err(|e| match e.kind() {
        Kind::Unavailable => Error::conflict("the server's host cannot be reached now").with_source(e),
        // A guest that has never run has said nothing.
        Kind::NotFound => ComputeError::NotReady(server.id.clone()).into(),
        _ => e,
    })?;
    let text = answer.get("log").and_then(|log| log.as_str()).unwrap_or_default();
    // What XML and terminals choke on: control characters other than line ends and tabs, as Nova does.
    Ok(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect())
}
