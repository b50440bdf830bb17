//! `/v2.0/security-group-rules`

use super::{
    body,
    kind::Kind,
    query::Query,
    resource::{Fields, IfMatch, Look, list, made, show},
    spec::{Attr, Default, ID, STANDARD, Spec},
};
use crate::{
    Network as Service,
    model::{
        SecurityGroup, SecurityGroupRule,
        security_group::{Match, RemoteSpec},
    },
    ops::security_group_rule::{self, create::NewRule},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use serde_json::Value;
use std::sync::Arc;
use store::Unique;

/// What rules of groups and default rules have in common.
pub(super) const MATCH: &[Attr] = &[
    Attr::new("direction", Kind::OneOf(&["ingress", "egress"]), Default::Required).sorted(),
    Attr::new("ethertype", Kind::EtherType, Default::Text("IPv4")).sorted(),
    Attr::new("protocol", Kind::Protocol, Default::Null).sorted(),
    Attr::new("port_range_min", Kind::PortNumber, Default::Null).sorted(),
    Attr::new("port_range_max", Kind::PortNumber, Default::Null).sorted(),
    Attr::new("remote_ip_prefix", Kind::RemotePrefix, Default::Null).sorted(),
    Attr::new("remote_group_id", Kind::TextOrNull(64), Default::Null).sorted(),
    Attr::new("remote_address_group_id", Kind::UuidOrNull, Default::Null).sorted(),
];

static SPEC: Spec = Spec {
    resource: "security_group_rule",
    collection: "security_group_rules",
    path: "/v2.0/security-group-rules",
    attrs: &[
        &[
            ID,
            Attr::new("security_group_id", Kind::Text(36), Default::Required).sorted(),
            Attr::shown("normalized_cidr").sorted(),
            Attr::shown("belongs_to_default_sg").of(Kind::Bool).filtered(),
        ],
        MATCH,
        STANDARD,
    ],
};

/// A match's attribute as answers show it.
pub(super) fn matched(m: &Match, name: &str) -> Value {
    match name {
        "direction" => serde_json::to_value(m.direction).unwrap_or_default(),
        "ethertype" => m.ethertype.as_str().into(),
        "protocol" => m.protocol.as_deref().into(),
        "port_range_min" => m.min.into(),
        "port_range_max" => m.max.into(),
        "remote_ip_prefix" => match &m.remote {
            RemoteSpec::Prefix(net) => net.to_string().into(),
            _ => Value::Null,
        },
        "normalized_cidr" => match &m.remote {
            RemoteSpec::Prefix(net) => net.trunc().to_string().into(),
            _ => Value::Null,
        },
        "remote_group_id" => match &m.remote {
            RemoteSpec::Group(id) => id.as_str().into(),
            _ => Value::Null,
        },
        "remote_address_group_id" => match &m.remote {
            RemoteSpec::AddressGroup(id) => id.as_str().into(),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

impl Fields for SecurityGroupRule {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "security_group_id" => self.group.as_str().into(),
            "belongs_to_default_sg" => belongs_to_default(self, look).into(),
            other => matched(&self.matches, other),
        }
    }

    fn narrowed(look: &Look<'_>, query: &Query) -> Option<Vec<Arc<Self>>> {
        let groups = query.exact("security_group_id")?;
        Some(groups.iter().flat_map(|g| look.snapshot.by(Self::BY_GROUP, g).collect::<Vec<_>>()).collect())
    }
}

fn belongs_to_default(rule: &SecurityGroupRule, look: &Look<'_>) -> bool {
    let Some(group) = look.snapshot.get::<SecurityGroup>(&rule.group) else { return false };
    let claim = look.snapshot.get::<Unique>(&SecurityGroup::default_claim_key(&group.standard.project));
    claim.is_some_and(|c| c.owner == *group.id)
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/security-group-rules", list::<SecurityGroupRule>)
        .post("/v2.0/security-group-rules", create)
        .get("/v2.0/security-group-rules/{id}", show::<SecurityGroupRule>)
        .delete("/v2.0/security-group-rules/{id}", delete)
}

async fn create(State(net): State<Service>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    let created = body::create::<NewRule>(&SPEC, &cx, body)?;
    let rules = security_group_rule::create::create(&net, &cx, created.asked).await?;
    Ok(made(&net, &cx, &rules, created.bulk))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>, IfMatch(expect): IfMatch) -> ApiResult {
    security_group_rule::delete::delete(&net, &cx, &id, expect).await?;
    Ok(http::no_content())
}
