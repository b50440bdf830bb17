//! `/os-networks` and `/os-tenant-networks`: names and ids, all that is left of what nova-network told.

use super::{ANY, Call, items, not_found, rows};
use crate::policy::{NETWORKS_LIST, NETWORKS_SHOW, TENANT_NETWORKS_LIST, TENANT_NETWORKS_SHOW};
use axum::response::Response;
use http::ok;
use kernel::Result;
use serde_json::{Map, Value, json};

rows! {
    GET "/v2.1/os-networks" ..=35 Some(&NETWORKS_LIST), ANY => list;
    GET "/v2.1/os-networks/{id}" ..=35 Some(&NETWORKS_SHOW), ANY => show;
    GET "/v2.1/os-tenant-networks" ..=35 Some(&TENANT_NETWORKS_LIST), ANY => tenant_list;
    GET "/v2.1/os-tenant-networks/{id}" ..=35 Some(&TENANT_NETWORKS_SHOW), ANY => tenant_show;
}

/// Nova's: all null but two.
const FIELDS: &[&str] =
    &["cidr", "netmask", "gateway", "broadcast", "dns1", "dns2", "cidr_v6", "gateway_v6", "netmask_v6"];
const ADMIN_FIELDS: &[&str] = &[
    "created_at",
    "updated_at",
    "deleted_at",
    "deleted",
    "injected",
    "bridge",
    "vlan",
    "vpn_public_address",
    "vpn_public_port",
    "vpn_private_address",
    "dhcp_start",
    "project_id",
    "host",
    "bridge_interface",
    "multi_host",
    "priority",
    "rxtx_base",
    "mtu",
    "dhcp_server",
    "enable_dhcp",
    "share_address",
];

fn view(call: &Call, network: &Value) -> Value {
    let more = if call.cx.is_admin() { ADMIN_FIELDS } else { &[] };
    let empty = FIELDS.iter().chain(more).map(|field| ((*field).to_owned(), Value::Null));
    let mut view: Map<String, Value> = empty.collect();
    view.insert("id".into(), network["id"].clone());
    view.insert("label".into(), network["name"].clone());
    view.into()
}

fn tenant_view(network: &Value) -> Value {
    json!({"id": network["id"], "label": network["name"], "cidr": "None"})
}

async fn all(call: &Call) -> Result<Value> {
    call.get("/network/v2.0/networks").await
}

async fn one(call: &Call) -> Result<Value> {
    let found = call.get(&format!("/network/v2.0/networks/{}", super::percent(call.id("id")))).await;
    Ok(found.map_err(not_found("Network not found"))?["network"].take())
}

async fn list(call: Call) -> Result<Response> {
    let networks: Vec<_> = items(&all(&call).await?, "networks").map(|n| view(&call, n)).collect();
    Ok(ok(&json!({"networks": networks})))
}

async fn show(call: Call) -> Result<Response> {
    Ok(ok(&json!({"network": view(&call, &one(&call).await?)})))
}

async fn tenant_list(call: Call) -> Result<Response> {
    let networks: Vec<_> = items(&all(&call).await?, "networks").map(tenant_view).collect();
    Ok(ok(&json!({"networks": networks})))
}

async fn tenant_show(call: Call) -> Result<Response> {
    Ok(ok(&json!({"network": tenant_view(&one(&call).await?)})))
}
