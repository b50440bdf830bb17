//! `/os-server-groups`

use crate::{
    Compute,
    model::{ServerGroup, group::GroupPolicy},
    ops::groups,
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use kernel::{Ctx, Error, Result};
use serde_json::{Value, json};
use store::Snapshot;

const MAX: usize = 1000;

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-server-groups", index)
        .post("/v2.1/os-server-groups", create)
        .get("/v2.1/os-server-groups/{id}", show)
        .delete("/v2.1/os-server-groups/{id}", delete)
}

http::schema! {
    CREATE = {
        "type": "object",
        "required": ["server_group"],
        "additionalProperties": false,
        "properties": {
            "server_group": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"},
                    "policies": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
                    "policy": {"type": "string", "enum": ["anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity"]},
                    "rules": {
                        "type": "object",
                        "additionalProperties": false,
                        "properties": {"max_server_per_host": {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1}},
                    },
                },
            },
        },
    };
}

fn view(cx: &Ctx, snapshot: &Snapshot, group: &ServerGroup) -> Value {
    let mut out = json!({"id": group.id, "name": group.name, "members": groups::members(snapshot, group)});
    if cx.version.since(2, 64) {
        out["policy"] = json!(group.policy.as_str());
        out["rules"] = group.max_server_per_host.map_or_else(|| json!({}), |n| json!({"max_server_per_host": n}));
    } else {
        out["policies"] = json!([group.policy.as_str()]);
        out["metadata"] = json!({});
    }
    if cx.version.since(2, 13) {
        out["project_id"] = json!(group.project);
        out["user_id"] = json!(group.user);
    }
    out
}

async fn index(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    let all = groups::list(&c, &cx, params.has("all_projects"))?;
    let offset = params.get("offset").and_then(|o| o.parse().ok()).unwrap_or(0);
    let limit = params.page(MAX)?.limit.unwrap_or(MAX);
    let view_of = c.store.snapshot();
    let rows: Vec<_> = all.iter().skip(offset).take(limit).map(|g| view(&cx, &view_of, g)).collect();
    Ok(http::ok(&json!({"server_groups": rows})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let group = groups::show(&c, &cx, &id)?;
    Ok(http::ok(&json!({"server_group": view(&cx, &c.store.snapshot(), &group)})))
}

/// `policies` until 2.63, `policy` and `rules` from 2.64 on.
fn read(cx: &Ctx, body: &Value) -> Result<(GroupPolicy, Option<u32>)> {
    let new = cx.version.since(2, 64);
    let (wanted, foreign) = if new { ("policy", "policies") } else { ("policies", "policy") };
    let refuse = |text: String| Error::bad_request(format!("Invalid input for field/attribute server_group. {text}"));
    if body.get(foreign).is_some() || (!new && body.get("rules").is_some()) {
        return Err(refuse(format!("Additional properties are not allowed ('{foreign}' was unexpected)")));
    }
    let name = if new { body["policy"].as_str() } else { body["policies"][0].as_str() };
    let name = name.ok_or_else(|| refuse(format!("'{wanted}' is a required property")))?;
    let rule = GroupPolicy::parse(name).ok_or_else(|| refuse(format!("'{name}' is not a policy")))?;
    if rule.is_soft() && !cx.version.since(2, 15) {
        return Err(refuse(format!("'{name}' is not one of ['anti-affinity', 'affinity']")));
    }
    let most = &body["rules"]["max_server_per_host"];
    let most = most.as_u64().or_else(|| most.as_str().and_then(|t| t.parse().ok())).and_then(|n| u32::try_from(n).ok());
    if most.is_some() && rule != GroupPolicy::AntiAffinity {
        return Err(Error::bad_request("Only anti-affinity policy supports rules."));
    }
    Ok((rule, most))
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, body: JsonBody) -> ApiResult {
    let body: Value = body.read(&CREATE)?;
    let body = &body["server_group"];
    let (rule, most) = read(&cx, body)?;
    let name = body["name"].as_str().unwrap_or_default().trim().to_owned();
    let group = groups::create(&c, &cx, name, rule, most).await?;
    Ok(http::ok(&json!({"server_group": view(&cx, &c.store.snapshot(), &group)})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    groups::delete(&c, &cx, &id).await?;
    Ok(http::no_content())
}
