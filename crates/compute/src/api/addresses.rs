//! `/servers/{id}/ips`

use super::servers::view::AddressesView;
use crate::{
    Compute, ComputeError,
    ops::servers::permitted,
    policy::{IPS_INDEX, IPS_SHOW},
};
use http::{ApiResult, ApiRouter, Cx, Path, State, ok};
use kernel::Error;
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/servers/{server_id}/ips", list)
        .get("/v2.1/servers/{server_id}/ips/{network_label}", show)
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(&cx, &snapshot, &id, &IPS_INDEX)?;
    let view = AddressesView { all: c.ports.addresses(&snapshot, &server.id), extended: false };
    Ok(ok(&json!({"addresses": view})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path((id, network)): Path<(String, String)>) -> ApiResult {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(&cx, &snapshot, &id, &IPS_SHOW)?;
    let addresses = AddressesView { all: c.ports.addresses(&snapshot, &server.id), extended: false }.of(&network);
    if addresses.is_empty() {
        return Err(Error::from(ComputeError::NoNetworkOfServer(network, server.id.clone())).into());
    }
    Ok(ok(&json!({ network: addresses })))
}
