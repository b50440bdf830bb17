//! `/os-security-groups`, their rules, and those of a server: incoming rules only, in EC2's words.

use super::{ANY, Call, items, limited, not_found, percent, query, rows};
use crate::{
    api::schema::{by_version, open_object},
    error::invalid,
    ops::servers,
    policy::{
        GROUP_LIST, SECURITY_GROUPS_CREATE, SECURITY_GROUPS_DELETE, SECURITY_GROUPS_GET, SECURITY_GROUPS_RULE_CREATE,
        SECURITY_GROUPS_RULE_DELETE, SECURITY_GROUPS_SHOW, SECURITY_GROUPS_UPDATE,
    },
};
use axum::response::Response;
use http::{accepted, ok};
use kernel::Result;
use ports::neighbours::Verb;
use serde_json::{Value, json};
use std::collections::BTreeMap;

rows! {
    GET "/v2.1/os-security-groups" ..=35 Some(&SECURITY_GROUPS_GET), ANY => list;
    POST "/v2.1/os-security-groups" ..=35 Some(&SECURITY_GROUPS_CREATE), GROUP => create;
    GET "/v2.1/os-security-groups/{id}" ..=35 Some(&SECURITY_GROUPS_SHOW), ANY => show;
    PUT "/v2.1/os-security-groups/{id}" ..=35 Some(&SECURITY_GROUPS_UPDATE), GROUP => update;
    DELETE "/v2.1/os-security-groups/{id}" ..=35 Some(&SECURITY_GROUPS_DELETE), ANY => delete;
    POST "/v2.1/os-security-group-rules" ..=35 Some(&SECURITY_GROUPS_RULE_CREATE), RULE => create_rule;
    DELETE "/v2.1/os-security-group-rules/{id}" ..=35 Some(&SECURITY_GROUPS_RULE_DELETE), ANY => delete_rule;
    GET "/v2.1/servers/{server_id}/os-security-groups" ..=65535 None, ANY => of_server;
}

by_version! {
    GROUP = group_schema: 1;
    RULE = rule_schema: 1;
}

fn group_schema(_: u16) -> Value {
    let text = || json!({"type": "string", "minLength": 0, "maxLength": 255});
    let group = open_object(json!({"name": text(), "description": text()}), &["name", "description"]);
    open_object(json!({"security_group": group}), &["security_group"])
}

fn rule_schema(_: u16) -> Value {
    let properties = json!({
        "group_id": {"type": ["string", "null"], "format": "uuid"},
        "parent_group_id": {"type": "string", "format": "uuid"},
    });
    let rule = open_object(properties, &["parent_group_id"]);
    open_object(json!({"security_group_rule": rule}), &["security_group_rule"])
}

const GROUPS: &str = "/network/v2.0/security-groups";
const RULES: &str = "/network/v2.0/security-group-rules";

/// Ids are judged before they are looked for.
fn checked_id(id: &str) -> Result<&str> {
    let is_uuid = uuid::Uuid::try_parse(id).is_ok();
    if is_uuid { Ok(id) } else { Err(invalid("Security group id should be uuid")) }
}

async fn one(call: &Call, id: &str) -> Result<Value> {
    let found = call.get(&format!("{GROUPS}/{}", percent(id))).await;
    let missing = not_found(format!("Security group {id} not found."));
    Ok(found.map_err(missing)?["security_group"].take())
}

/// Name and project of the groups that rules name.
async fn sources(call: &Call, groups: &[&Value]) -> BTreeMap<String, Value> {
    let remote =
        groups.iter().flat_map(|g| items(g, "security_group_rules")).filter_map(|r| r["remote_group_id"].as_str());
    let named = |g: &Value| json!({"name": g["name"], "tenant_id": g["tenant_id"]});
    let mut known: BTreeMap<String, Value> =
        groups.iter().filter_map(|g| Some((g["id"].as_str()?.to_owned(), named(g)))).collect();
    for id in remote {
        if !known.contains_key(id)
            && let Ok(group) = one(call, id).await
        {
            known.insert(id.to_owned(), named(&group));
        }
    }
    known
}

/// `None` for a rule whose source group is gone.
fn rule_view(rule: &Value, sources: &BTreeMap<String, Value>) -> Option<Value> {
    let protocol = rule["protocol"].as_str();
    let (from, to) = match (protocol, rule["port_range_min"].is_null() && rule["port_range_max"].is_null()) {
        (Some("tcp" | "udp"), true) => (json!(1), json!(65535)),
        (Some(_), true) => (json!(-1), json!(-1)),
        _ => (rule["port_range_min"].clone(), rule["port_range_max"].clone()),
    };
    let mut view = json!({
        "id": rule["id"],
        "parent_group_id": rule["security_group_id"],
        "ip_protocol": protocol,
        "from_port": from,
        "to_port": to,
        "ip_range": {},
        "group": {},
    });
    match (rule["remote_group_id"].as_str(), rule["remote_ip_prefix"].as_str()) {
        (Some(group), _) => view["group"] = sources.get(group)?.clone(),
        (None, Some(cidr)) => view["ip_range"] = json!({"cidr": cidr}),
        (None, None) => {
            let any = if rule["ethertype"] == "IPv6" { "::/0" } else { "0.0.0.0/0" };
            view["ip_range"] = json!({"cidr": any});
        }
    }
    Some(view)
}

fn view(group: &Value, sources: &BTreeMap<String, Value>) -> Value {
    let incoming = items(group, "security_group_rules").filter(|rule| rule["direction"] == "ingress");
    json!({
        "id": group["id"],
        "name": group["name"],
        "description": group["description"],
        "tenant_id": group["tenant_id"],
        "rules": incoming.filter_map(|rule| rule_view(rule, sources)).collect::<Vec<_>>(),
    })
}

async fn views(call: &Call, groups: &[&Value]) -> Vec<Value> {
    let sources = sources(call, groups).await;
    let mut views: Vec<Value> = groups.iter().map(|group| view(group, &sources)).collect();
    views.sort_by_key(|g| [&g["tenant_id"], &g["name"]].map(|v| v.as_str().unwrap_or_default().to_owned()));
    views
}

async fn answer(call: &Call, group: &Value) -> Result<Response> {
    let view = views(call, &[group]).await.pop();
    Ok(ok(&json!({"security_group": view})))
}

/// The project's, or with `all_tenants` an administrator's everything.
async fn list(call: Call) -> Result<Response> {
    let everything = call.cx.is_admin() && call.params.has("all_tenants");
    let own = query("tenant_id", call.cx.credentials.project().map_or("", |p| p.as_str()));
    let path = if everything { GROUPS.to_owned() } else { format!("{GROUPS}?{own}") };
    let groups = call.get(&path).await?;
    let shown = limited(&call.params, items(&groups, "security_groups"));
    Ok(ok(&json!({"security_groups": views(&call, &shown).await})))
}

async fn show(call: Call) -> Result<Response> {
    let group = one(&call, checked_id(call.id("id"))?).await?;
    answer(&call, &group).await
}

/// Name and description as Nova takes them: with the blanks around them, but the name is more than those.
fn asked(call: &Call) -> Result<Value> {
    let text = |key: &str| call.body["security_group"][key].as_str().unwrap_or_default().to_owned();
    let name = text("name");
    if name.trim().is_empty() {
        return Err(invalid("Security group name cannot be empty."));
    }
    Ok(json!({"security_group": {"name": name, "description": text("description")}}))
}

async fn create(call: Call) -> Result<Response> {
    let made = call.ask(Verb::Post, GROUPS, Some(&asked(&call)?)).await?;
    answer(&call, &made["security_group"]).await
}

async fn update(call: Call) -> Result<Response> {
    let id = checked_id(call.id("id"))?;
    one(&call, id).await?;
    let changed = call.ask(Verb::Put, &format!("{GROUPS}/{id}"), Some(&asked(&call)?)).await?;
    answer(&call, &changed["security_group"]).await
}

/// A group that is in use is a bad request here.
async fn delete(call: Call) -> Result<Response> {
    let id = checked_id(call.id("id"))?;
    one(&call, id).await?;
    let deleted = call.ask(Verb::Delete, &format!("{GROUPS}/{id}"), None).await;
    deleted.map_err(|e| if e.is(kernel::Kind::Conflict) { invalid(e.message().to_owned()) } else { e })?;
    Ok(accepted())
}

async fn create_rule(call: Call) -> Result<Response> {
    let asked = &call.body["security_group_rule"];
    let parent = one(&call, asked["parent_group_id"].as_str().unwrap_or_default()).await?;
    if let Some(group) = asked["group_id"].as_str() {
        one(&call, group).await?;
    }
    let body = json!({"security_group_rule": neutron_rule(asked)?});
    let made = call.ask(Verb::Post, RULES, Some(&body)).await;
    let made = made.map_err(|e| if e.is(kernel::Kind::Conflict) { invalid(e.message().to_owned()) } else { e })?;
    let rule = &made["security_group_rule"];
    let holder = json!({"id": parent["id"], "name": parent["name"], "tenant_id": parent["tenant_id"], "security_group_rules": [rule]});
    let sources = sources(&call, &[&holder]).await;
    Ok(ok(&json!({"security_group_rule": rule_view(rule, &sources)})))
}

/// The rule in the network service's words; what makes none is refused as Nova does.
fn neutron_rule(asked: &Value) -> Result<Value> {
    let port = |key: &str| asked[key].as_i64().or_else(|| asked[key].as_str()?.parse().ok());
    let protocol = asked["ip_protocol"].as_str().map(str::to_lowercase);
    let (from, to) = (port("from_port"), port("to_port"));
    if (asked["from_port"].is_string() && from.is_none()) || (asked["to_port"].is_string() && to.is_none()) {
        return Err(invalid("Invalid port range"));
    }
    let cidr = asked["cidr"].as_str().filter(|c| !c.is_empty());
    let net: Option<ipnet::IpNet> = cidr
        .map(|c| c.parse())
        .transpose()
        .map_err(|_| invalid(format!("Invalid cidr {}", cidr.unwrap_or_default())))?;
    let group = asked["group_id"].as_str();
    if protocol.is_none() && group.is_none() {
        return Err(invalid("Not enough parameters to build a valid rule."));
    }
    if let Some(protocol) = &protocol {
        if !matches!(protocol.as_str(), "tcp" | "udp" | "icmp") {
            return Err(invalid(format!("Invalid IP protocol {protocol}.")));
        }
        let (Some(from), Some(to)) = (from, to) else {
            return Err(invalid("Invalid port range: both ends must be given."));
        };
        let within =
            if protocol == "icmp" { (-1..=255).contains(&from) } else { 1 <= from && from <= to && to <= 65535 };
        if !within {
            return Err(invalid(format!("Invalid port range {from}:{to}. Valid TCP ports should be between 1-65535")));
        }
    }
    let known = |n: Option<i64>| n.filter(|n| *n >= 0);
    Ok(json!({
        "security_group_id": asked["parent_group_id"],
        "direction": "ingress",
        "ethertype": if net.is_some_and(|n| n.addr().is_ipv6()) { "IPv6" } else { "IPv4" },
        "protocol": protocol,
        "port_range_min": known(from),
        "port_range_max": known(to),
        "remote_group_id": group,
        "remote_ip_prefix": if group.is_some() { None } else { cidr },
    }))
}

async fn delete_rule(call: Call) -> Result<Response> {
    let id = checked_id(call.id("id"))?;
    let deleted = call.ask(Verb::Delete, &format!("{RULES}/{id}"), None).await;
    deleted.map_err(not_found(format!("Rule ({id}) not found")))?;
    Ok(accepted())
}

/// The groups on a server's ports, in all versions.
async fn of_server(call: Call) -> Result<Response> {
    let server = servers::target(&call.cx, &call.c.store.read().await?, call.id("server_id"), &GROUP_LIST)?;
    let ports = call.get(&format!("/network/v2.0/ports?{}", query("device_id", &server.id))).await?;
    let mut ids: Vec<String> = items(&ports, "ports")
        .flat_map(|p| items(p, "security_groups"))
        .filter_map(|g| Some(g.as_str()?.to_owned()))
        .collect();
    ids.sort();
    ids.dedup();
    let mut groups = Vec::new();
    for id in &ids {
        groups.push(one(&call, id).await?);
    }
    let shown: Vec<&Value> = groups.iter().collect();
    Ok(ok(&json!({"security_groups": views(&call, &shown).await})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_go_there_and_come_back() {
        let made = |asked: Value| neutron_rule(&asked).map_err(|e| e.message().to_owned());
        let tcp = json!({"parent_group_id": "g", "ip_protocol": "TCP", "from_port": "22", "to_port": 23, "cidr": "10.0.0.0/8"});
        let rule = made(tcp).unwrap();
        assert_eq!(
            (&rule["protocol"], &rule["port_range_min"], &rule["port_range_max"]),
            (&json!("tcp"), &json!(22), &json!(23))
        );
        let all = json!({"parent_group_id": "g", "ip_protocol": "icmp", "from_port": -1, "to_port": -1});
        assert_eq!(made(all).unwrap()["port_range_min"], Value::Null);
        for bad in [
            json!({"ip_protocol": "xyz", "from_port": 1, "to_port": 2}),
            json!({"ip_protocol": "tcp", "from_port": 70000, "to_port": 2}),
            json!({"ip_protocol": "tcp", "from_port": 5, "to_port": 2}),
            json!({"ip_protocol": "tcp"}),
            json!({"ip_protocol": "tcp", "from_port": 1, "to_port": 2, "cidr": "10.0.0/8"}),
            json!({}),
        ] {
            assert!(made(bad.clone()).is_err(), "{bad}");
        }
        let shown = rule_view(&json!({"id": "r", "protocol": "udp", "ethertype": "IPv4"}), &BTreeMap::new()).unwrap();
        assert_eq!((&shown["from_port"], &shown["ip_range"]["cidr"]), (&json!(1), &json!("0.0.0.0/0")));
        assert_eq!(rule_view(&json!({"remote_group_id": "gone"}), &BTreeMap::new()), None);
    }
}
