//! `/v2.0/agents`

use super::{
    body,
    kind::Kind,
    resource::{Look, View, list, one, show},
    spec::{Attr, ID, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::agent::{Agent, AgentNote},
    ops::agent::{self, AgentChanges},
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
        Attr::shown("agent_type").sorted(),
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
            "topic" => "n/a".into(),
            "host" => self.host.as_str().into(),
            "alive" => self.alive.into(),
            "admin_state_up" => note.is_none_or(|n| n.admin_up).into(),
            "description" => note.map(|n| n.description.clone()).unwrap_or_default().into(),
            "availability_zone" => look.settings().availability_zone.as_str().into(),
            "created_at" | "started_at" | "heartbeat_timestamp" => time(self.last_seen),
            "configurations" => json!({}),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/agents", list::<Agent>)
        .get("/v2.0/agents/{id}", show::<Agent>)
        .put("/v2.0/agents/{id}", update)
}

async fn update(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let (_, changes) = body::update::<AgentChanges>(&SPEC, &cx, body)?;
    let agent = agent::update(&net, &cx, &id, changes).await?;
    Ok(http::ok(&one(&net, &cx, &agent, &[])))
}
