//! What a server's host counts of its guest.

use super::Target;
use crate::{
    Compute, ComputeError,
    driver::VmStats,
    error::invalid,
    ops::servers::{in_state, on_host},
};
use kernel::{Error, Kind, Result, error::Doing};
use serde_json::json;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn diagnostics(c: &Compute, server: &Target) -> Result<VmStats> {
    use crate::model::ServerState as S;
    on_host(server)?;
    in_state(server, "get_diagnostics", &[S::Active, S::Paused, S::Rescued])?;
    let host = server.host.clone().ok_or_else(|| ComputeError::NotReady(server.id.clone()))?;
    let told = c.hosts.call(&host, "vm.stats", json!({"server": server.id}), WITHIN).await;
    let told = told.map_err(|e| match e.kind() {
        Kind::Unavailable => Error::conflict("the server's host cannot be reached now").with_source(e),
        Kind::NotFound => invalid(format!("Instance {} is not running.", server.id)),
        _ => e,
    })?;
    serde_json::from_value(told).doing("reading a guest's counters")
}
