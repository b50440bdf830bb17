//! How records look to clients.

use super::href;
use crate::model::{Access, Container, ContainerConsumer, Order, Secret, SecretConsumer, SecretStore};
use http::BaseUrl;
use kernel::{Ctx, Timestamp};
use serde_json::{Value, json};

/// Without a zone, as Barbican writes times.
fn time(at: Timestamp) -> String {
    at.iso_z().trim_end_matches('Z').to_owned()
}

fn maybe(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| time(at).into())
}

pub(super) fn secret(cx: &Ctx, base: &BaseUrl, s: &Secret) -> Value {
    let mut out = json!({
        "secret_ref": href(base, "secrets", &s.id),
        "name": s.name,
        "status": "ACTIVE",
        "secret_type": s.kind.as_str(),
        "algorithm": s.algorithm,
        "bit_length": s.bit_length,
        "mode": s.mode,
        "expiration": maybe(s.expiration),
        "creator_id": s.creator,
        "created": time(s.created_at),
        "updated": time(s.updated_at),
    });
    if let Some(media) = s.media {
        out["content_types"] = json!({"default": media.as_str()});
    }
    if cx.version.since(1, 1) {
        out["consumers"] = s.consumers.iter().map(named).collect();
    }
    out
}

fn named(c: &SecretConsumer) -> Value {
    json!({"service": c.service, "resource_type": c.resource_type, "resource_id": c.resource_id})
}

pub(super) fn secret_consumer(c: &SecretConsumer) -> Value {
    let mut out = named(c);
    let at = time(c.created_at);
    (out["created"], out["updated"], out["status"]) = (at.clone().into(), at.into(), "ACTIVE".into());
    out
}

/// Without a list: what holds without one.
pub(super) fn access(access: Option<&Access>) -> Value {
    let Some(a) = access else { return json!({"read": {"project-access": true}}) };
    let (created, updated) = (time(a.created_at), time(a.updated_at));
    json!({"read": {"project-access": a.project, "users": a.users, "created": created, "updated": updated}})
}

pub(super) fn container(base: &BaseUrl, c: &Container) -> Value {
    let member = |m: &crate::model::Member| json!({"name": m.name, "secret_ref": href(base, "secrets", &m.secret)});
    let consumer = |c: &ContainerConsumer| json!({"name": c.name, "URL": c.url});
    json!({
        "container_ref": href(base, "containers", &c.id),
        "name": c.name,
        "type": c.kind.as_str(),
        "status": "ACTIVE",
        "creator_id": c.creator,
        "secret_refs": c.members.iter().map(member).collect::<Vec<_>>(),
        "consumers": c.consumers.iter().map(consumer).collect::<Vec<_>>(),
        "created": time(c.created_at),
        "updated": time(c.updated_at),
    })
}

pub(super) fn container_consumer(c: &ContainerConsumer) -> Value {
    let at = time(c.created_at);
    json!({"name": c.name, "URL": c.url, "status": "ACTIVE", "created": at, "updated": at})
}

pub(super) fn order(base: &BaseUrl, o: &Order) -> Value {
    let at = time(o.created_at);
    let mut out = json!({
        "order_ref": href(base, "orders", &o.id),
        "type": o.kind,
        "meta": o.meta,
        "status": if o.fault.is_some() { "ERROR" } else { "ACTIVE" },
        "creator_id": o.creator,
        "created": at,
        "updated": at,
    });
    if let Some(secret) = &o.secret {
        out["secret_ref"] = href(base, "secrets", secret).into();
    }
    if let Some(fault) = &o.fault {
        out["error_status_code"] = fault.status.to_string().into();
        out["error_reason"] = fault.reason.clone().into();
    }
    out
}

pub(super) fn store(base: &BaseUrl, s: &SecretStore) -> Value {
    let at = time(s.created_at);
    json!({
        "secret_store_ref": href(base, "secret-stores", &s.id),
        "name": s.name,
        "status": "ACTIVE",
        "global_default": true,
        "secret_store_plugin": "tstack",
        "crypto_plugin": Value::Null,
        "created": at,
        "updated": at,
    })
}
