//! `/v2.0/agents`

use super::{
    body,
    kind::Kind,
    resource::{Look, View, list, many, one, show},
    spec::{Attr, ID, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{
        Network, Router,
        agent::{Agent, AgentKind, AgentNote},
    },
    ops::agent::{
        self, AgentChanges,
        schedule::{self, Scheduled},
    },
    policy::service as rules,
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use kernel::Timestamp;
use policy::Authorize;
use serde_json::{Value, json};
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "agent",
    collection: "agents",
    path: "/v2.0/agents",
    attrs: &[&[
        ID,
        Attr::shown("agent_type").of(Kind::AgentType).sorted(),
        Attr::shown("binary").sorted(),
        Attr::shown("topic").sorted(),
        Attr::shown("host").sorted(),
        Attr::shown("alive").of(Kind::Bool).sorted(),
        Attr::later("admin_state_up", Kind::Bool).sorted(),
        Attr::later("description", Kind::TextOrNull(255)).filtered(),
        Attr::shown("availability_zone").sorted(),
        Attr::shown("created_at"),
        Attr::shown("started_at"),
        Attr::shown("heartbeat_timestamp"),
        Attr::shown("configurations"),
        Attr::shown("resources_synced"),
    ]],
};

/// Neutron prints agents' times as its database has them.
fn time(at: Timestamp) -> Value {
    at.iso_micros().replace('T', " ").into()
}

impl View for Agent {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.id
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        agent::all(look.net).into_iter().find(|a| a.id == id).map(Arc::new)
    }
    fn not_found(id: &str) -> NetError {
        NetError::AgentNotFound { id: id.to_owned() }
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        agent::all(look.net).into_iter().map(Arc::new).collect()
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::AGENT_GET, &())
    }
    fn field(&self, name: &str, look: &Look<'_>) -> Value {
        let note = look.snapshot.get::<AgentNote>(&self.id);
        match name {
            "id" => self.id.as_str().into(),
            "agent_type" => self.kind.name().into(),
            "binary" => self.kind.binary().into(),
            "topic" => self.kind.topic().into(),
            "host" => self.host.as_str().into(),
            "alive" => self.alive.into(),
            "admin_state_up" => note.is_none_or(|n| n.admin_up).into(),
            "description" => note.map(|n| n.description.clone()).unwrap_or_default().into(),
            "availability_zone" => look.settings().availability_zone.as_str().into(),
            // Agents live and die with the process that shows them.
            "created_at" | "started_at" => time(look.net.started().min(self.last_seen)),
            "heartbeat_timestamp" => time(self.last_seen),
            "configurations" => configurations(self.kind),
            _ => Value::Null,
        }
    }
}

/// What clients read there before they schedule anything.
fn configurations(kind: AgentKind) -> Value {
    match kind {
        AgentKind::Controller | AgentKind::Metadata => json!({}),
        AgentKind::Dhcp => json!({"dhcp_driver": "ovn", "use_namespaces": false}),
        AgentKind::L3 => json!({"agent_mode": "dvr_snat", "handle_internal_only_routers": true}),
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/agents", list::<Agent>)
        .get("/v2.0/agents/{id}", show::<Agent>)
        .put("/v2.0/agents/{id}", update)
        .delete("/v2.0/agents/{id}", delete)
        .get("/v2.0/agents/{id}/dhcp-networks", of_agent::<Network>)
        .post("/v2.0/agents/{id}/dhcp-networks", add::<Network>)
        .delete("/v2.0/agents/{id}/dhcp-networks/{network_id}", remove::<Network>)
        .get("/v2.0/networks/{id}/dhcp-agents", agents::<Network>)
        .get("/v2.0/agents/{id}/l3-routers", of_agent::<Router>)
        .post("/v2.0/agents/{id}/l3-routers", add::<Router>)
        .delete("/v2.0/agents/{id}/l3-routers/{router_id}", remove::<Router>)
        .get("/v2.0/routers/{id}/l3-agents", agents::<Router>)
}

async fn update(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let (_, changes) = body::update::<AgentChanges>(&SPEC, &cx, body)?;
    let agent = agent::update(&net, &cx, &id, changes).await?;
    Ok(http::ok(&one(&net, &cx, &agent, &[])))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    agent::delete(&net, &cx, &id).await?;
    Ok(http::no_content())
}

async fn of_agent<R: Scheduled + View>(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&many(&net, &cx, &schedule::of_agent::<R>(&net, &cx, &id)?)))
}

async fn agents<R: Scheduled>(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    Ok(http::ok(&many(&net, &cx, &schedule::agents::<R>(&net, &cx, &id)?)))
}

/// `{"network_id": …}` or `{"router_id": …}`; Neutron answers with nothing, written as `null`.
async fn add<R: Scheduled>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(agent): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let name = format!("{}_id", R::NAME);
    let id = body::id_in(&body, &name)?;
    schedule::add::<R>(&net, &cx, &agent, &id).await?;
    Ok(http::created(&Value::Null))
}

async fn remove<R: Scheduled>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path((agent, id)): Path<(String, String)>,
) -> ApiResult {
    schedule::remove::<R>(&net, &cx, &agent, &id).await?;
    Ok(http::no_content())
}
