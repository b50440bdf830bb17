//! `/os-floating-ips`, `/os-floating-ip-pools` and the actions that join a floating IP to a server.

use super::{ANY, Call, items, not_found, percent, query, rows};
use crate::{
    error::invalid,
    model::Server,
    policy::{FLOATING_IP_POOLS, FLOATING_IPS_CREATE, FLOATING_IPS_DELETE, FLOATING_IPS_LIST, FLOATING_IPS_SHOW},
};
use axum::response::Response;
use http::{accepted, ok};
use kernel::{Error, Result};
use ports::{AddressKind, neighbours::Verb};
use serde_json::{Value, json};

rows! {
    GET "/v2.1/os-floating-ip-pools" ..=35 Some(&FLOATING_IP_POOLS), ANY => pools;
    GET "/v2.1/os-floating-ips" ..=35 Some(&FLOATING_IPS_LIST), ANY => list;
    POST "/v2.1/os-floating-ips" ..=35 Some(&FLOATING_IPS_CREATE), ANY => create;
    GET "/v2.1/os-floating-ips/{id}" ..=35 Some(&FLOATING_IPS_SHOW), ANY => show;
    DELETE "/v2.1/os-floating-ips/{id}" ..=35 Some(&FLOATING_IPS_DELETE), ANY => delete;
}

const IPS: &str = "/network/v2.0/floatingips";

async fn external(call: &Call) -> Result<Value> {
    call.get("/network/v2.0/networks?router:external=true").await
}

/// What Nova calls a pool is an external network.
fn view(ip: &Value, pools: &Value) -> Value {
    let pool = items(pools, "networks").find(|n| n["id"] == ip["floating_network_id"]);
    let pool = pool.map(|n| &n["name"]).filter(|name| **name != "").unwrap_or(&ip["floating_network_id"]);
    let server = ip["port_details"]["device_id"].as_str().filter(|id| !id.is_empty());
    json!({
        "id": ip["id"],
        "ip": ip["floating_ip_address"],
        "fixed_ip": ip["fixed_ip_address"],
        "instance_id": server,
        "pool": pool,
    })
}

async fn pools(call: Call) -> Result<Response> {
    let networks = external(&call).await?;
    let pools: Vec<_> = items(&networks, "networks").map(|n| json!({"name": n["name"]})).collect();
    Ok(ok(&json!({"floating_ip_pools": pools})))
}

async fn list(call: Call) -> Result<Response> {
    let own = query("project_id", call.cx.credentials.project().map_or("", |p| p.as_str()));
    let (ips, pools) = (call.get(&format!("{IPS}?{own}")).await?, external(&call).await?);
    let views: Vec<_> = items(&ips, "floatingips").map(|ip| view(ip, &pools)).collect();
    Ok(ok(&json!({"floating_ips": views})))
}

async fn one(call: &Call, id: &str) -> Result<Value> {
    let found = call.get(&format!("{IPS}/{}", percent(id))).await;
    Ok(found.map_err(not_found(format!("Floating IP not found for ID {id}")))?["floatingip"].take())
}

async fn show(call: Call) -> Result<Response> {
    let ip = one(&call, call.id("id")).await?;
    Ok(ok(&json!({"floating_ip": view(&ip, &external(&call).await?)})))
}

async fn create(call: Call) -> Result<Response> {
    let pools = external(&call).await?;
    let named = call.body["pool"].as_str();
    let is = |n: &&Value| named.is_none_or(|pool| n["name"] == pool || n["id"] == pool);
    let pool = items(&pools, "networks").find(is);
    let pool = pool.ok_or_else(|| Error::not_found("Floating IP pool not found."))?;
    let body = json!({"floatingip": {"floating_network_id": pool["id"]}});
    let made = call.ask(Verb::Post, IPS, Some(&body)).await?;
    Ok(ok(&json!({"floating_ip": view(&made["floatingip"], &pools)})))
}

async fn delete(call: Call) -> Result<Response> {
    one(&call, call.id("id")).await?;
    call.ask(Verb::Delete, &format!("{IPS}/{}", percent(call.id("id"))), None).await?;
    Ok(accepted())
}

async fn by_address(call: &Call, address: &str) -> Result<Value> {
    let found = call.get(&format!("{IPS}?{}", query("floating_ip_address", address))).await?;
    let ip = items(&found, "floatingips").next().cloned();
    ip.ok_or_else(|| Error::not_found("floating IP not found"))
}

/// `addFloatingIp`: joins a floating IP to a fixed address of a server, its first IPv4 address if none is named.
pub(in crate::api) async fn associate(call: Call, server: &Server) -> Result<Response> {
    let address = call.body["address"].as_str().unwrap_or_default();
    let snapshot = call.c.store.snapshot();
    let all = call.c.ports.addresses(&snapshot, &server.id);
    let fixed: Vec<_> = all.iter().filter(|a| a.kind == AddressKind::Fixed).collect();
    if fixed.is_empty() {
        return Err(invalid("No fixed IPs associated to instance"));
    }
    let chosen = match call.body["fixed_address"].as_str() {
        Some(named) => {
            let unknown = || invalid("Specified fixed address not assigned to instance");
            fixed.iter().find(|a| a.address.to_string() == named).ok_or_else(unknown)?
        }
        None => {
            let none = || {
                invalid(format!(
                    "Unable to associate floating IP {address} to any fixed IPs for instance {}. \
                     Instance has no fixed IPv4 addresses to associate.",
                    server.id
                ))
            };
            fixed.iter().find(|a| a.address.is_ipv4()).ok_or_else(none)?
        }
    };
    let ip = by_address(&call, address).await?;
    let path = format!("{IPS}/{}", ip["id"].as_str().unwrap_or_default());
    let body = json!({"floatingip": {"port_id": chosen.port, "fixed_ip_address": chosen.address}});
    call.ask(Verb::Put, &path, Some(&body)).await.map_err(|e| invalid(e.message().to_owned()).with_source(e))?;
    Ok(accepted())
}

/// `removeFloatingIp`.
pub(in crate::api) async fn disassociate(call: Call, server: &Server) -> Result<Response> {
    let address = call.body["address"].as_str().unwrap_or_default();
    let ip = by_address(&call, address).await?;
    let is_its = ip["port_details"]["device_id"].as_str() == Some(server.id.as_str());
    if !is_its {
        let (text, id) = ("Floating IP", &server.id);
        return Err(Error::conflict(format!("{text} {address} is not associated with instance {id}.")));
    }
    let path = format!("{IPS}/{}", ip["id"].as_str().unwrap_or_default());
    call.ask(Verb::Put, &path, Some(&json!({"floatingip": {"port_id": null}}))).await?;
    Ok(accepted())
}
