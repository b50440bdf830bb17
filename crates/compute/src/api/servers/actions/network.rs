use super::Asked;
use crate::{
    api::proxies::{self, Call},
    error::invalid,
    ops::servers::Target,
};
use axum::response::Response;
use http::accepted;
use kernel::Result;
use ports::neighbours::{Ask, Verb};
use serde_json::{Value, json};

fn split(asked: Asked) -> (Call, Target) {
    (Call::of(asked.c, asked.cx, asked.base, asked.token, asked.body), asked.server)
}

pub(super) async fn add_floating_ip(asked: Asked) -> Result<Response> {
    let (call, server) = split(asked);
    proxies::associate(call, &server).await
}

pub(super) async fn remove_floating_ip(asked: Asked) -> Result<Response> {
    let (call, server) = split(asked);
    proxies::disassociate(call, &server).await
}

/// Another address on the server's port of that network, from the same subnet.
pub(super) async fn add_fixed_ip(asked: Asked) -> Result<Response> {
    let network = asked.body["networkId"].as_str().unwrap_or_default();
    let snapshot = asked.c.store.snapshot();
    let ports = asked.c.ports.interfaces(&snapshot, &asked.server.id);
    let none = || invalid(format!("Network {network} is not attached to instance {}", asked.server.id));
    let port = ports.iter().find(|p| p.network.as_str() == network).ok_or_else(none)?;
    let mut fixed: Vec<Value> =
        port.fixed_ips.iter().map(|(subnet, ip)| json!({"subnet_id": subnet, "ip_address": ip})).collect();
    if let Some((subnet, _)) = port.fixed_ips.first() {
        fixed.push(json!({"subnet_id": subnet}));
    }
    set_addresses(&asked, &port.port, fixed).await
}

pub(super) async fn remove_fixed_ip(asked: Asked) -> Result<Response> {
    let address = asked.body["address"].as_str().unwrap_or_default();
    let snapshot = asked.c.store.snapshot();
    let ports = asked.c.ports.interfaces(&snapshot, &asked.server.id);
    let has = |p: &&ports::network::PortView| p.fixed_ips.iter().any(|(_, ip)| ip.to_string() == address);
    let none = || invalid(format!("Fixed IP {address} is not found on instance {}", asked.server.id));
    let port = ports.iter().find(has).ok_or_else(none)?;
    let left = port.fixed_ips.iter().filter(|(_, ip)| ip.to_string() != address);
    let fixed = left.map(|(subnet, ip)| json!({"subnet_id": subnet, "ip_address": ip})).collect();
    set_addresses(&asked, &port.port, fixed).await
}

async fn set_addresses(asked: &Asked, port: &str, fixed: Vec<Value>) -> Result<Response> {
    let (path, body) = (format!("/network/v2.0/ports/{port}"), json!({"port": {"fixed_ips": fixed}}));
    let ask = Ask { token: &asked.token, verb: Verb::Put, path: &path, body: Some(&body) };
    asked.c.neighbours.ask(ask).await.map_err(|e| invalid(e.message().to_owned()).with_source(e))?;
    Ok(accepted())
}
