//! `/os-server-groups`

use super::{
    check_query, checked,
    schema::{by_version, name, object, only, paging, query, words},
};
use crate::{
    Compute,
    error::invalid,
    model::GroupPolicy,
    ops::groups::{self, Group, NewGroup},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State, no_content, ok};
use kernel::{Ctx, Result};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ALL: &str = "/v2.1/os-server-groups";
    const ONE: &str = "/v2.1/os-server-groups/{server_group_id}";
    ApiRouter::new().get(ALL, list).post(ALL, create).get(ONE, show).delete(ONE, delete)
}

by_version! {
    CREATE = create_schema: 1, 15, 64;
    LIST = list_schema: 1, 75;
}

fn create_schema(minor: u16) -> Value {
    let mut policies = vec!["anti-affinity", "affinity"];
    if minor >= 15 {
        policies.extend(["soft-anti-affinity", "soft-affinity"]);
    }
    let policy = json!({"type": "string", "enum": policies});
    let properties = if minor < 64 {
        let one = json!({"type": "array", "items": policy, "minItems": 1, "maxItems": 1, "uniqueItems": true});
        object(json!({"name": name(), "policies": one}), &["name", "policies"])
    } else {
        let limit = json!({"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1, "minLength": 1});
        let rules = object(json!({"max_server_per_host": limit}), &[]);
        object(json!({"name": name(), "policy": policy, "rules": rules}), &["name", "policy"])
    };
    only("server_group", properties)
}

fn list_schema(minor: u16) -> Value {
    let mut properties = json!({"all_projects": words(), "offset": words()});
    paging(&mut properties);
    query(properties, minor < 75)
}

fn view(cx: &Ctx, g: &Group) -> Value {
    let (v, group) = (cx.version, &g.group);
    let mut view = json!({"id": group.id, "name": group.name, "members": g.members});
    if v.since(2, 13) {
        view["project_id"] = json!(group.project);
        view["user_id"] = json!(group.user);
    }
    if v.since(2, 64) {
        view["policy"] = group.policy.as_str().into();
        view["rules"] = match group.max_server_per_host {
            Some(limit) => json!({"max_server_per_host": limit}),
            None => json!({}),
        };
    } else {
        // Older clients know no soft policies before 2.15, and show what they are given.
        view["policies"] = json!([group.policy.as_str()]);
        view["metadata"] = json!({});
    }
    view
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let found = groups::list(&c, &cx, &params).await?;
    Ok(ok(&json!({"server_groups": found.iter().map(|g| view(&cx, g)).collect::<Vec<_>>()})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let found = groups::show(&c, &cx, &id).await?;
    Ok(ok(&json!({"server_group": view(&cx, &found)})))
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let body: Value = checked(&cx, body, CREATE)?;
    let created = groups::create(&c, &cx, read(&body["server_group"])?).await?;
    Ok(ok(&json!({"server_group": view(&cx, &created)})))
}

fn read(group: &Value) -> Result<NewGroup> {
    let named = group["policy"].as_str().or(group["policies"][0].as_str()).unwrap_or_default();
    let policy = GroupPolicy::parse(named).ok_or_else(|| invalid(format!("There is no policy {named}")))?;
    let limit = &group["rules"]["max_server_per_host"];
    let limit = limit.as_u64().or_else(|| limit.as_str()?.parse().ok()).and_then(|n| u32::try_from(n).ok());
    if limit.is_some() && policy != GroupPolicy::AntiAffinity {
        return Err(invalid("Only anti-affinity policy supports rules."));
    }
    let name = group["name"].as_str().unwrap_or_default().trim().to_owned();
    Ok(NewGroup { name, policy, max_server_per_host: limit })
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    groups::delete(&c, &cx, &id).await?;
    Ok(no_content())
}
