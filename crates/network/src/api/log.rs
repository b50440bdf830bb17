//! `/v2.0/log/logs` and `/v2.0/log/loggable-resources`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, View, list, show},
    spec::{Attr, Default, ID, NAME, STANDARD, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::Log,
    ops::log::{self, LogChanges, NewLog, SECURITY_GROUP},
    policy::logging as rules,
};
use http::ApiRouter;
use policy::Authorize;
use serde_json::{Value, json};
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "log",
    collection: "logs",
    path: "/v2.0/log/logs",
    attrs: &[
        &[
            ID,
            NAME,
            Attr::new("resource_type", Kind::Text(255), Default::Required).sorted(),
            Attr::new("resource_id", Kind::UuidOrNull, Default::Null).sorted(),
            Attr::new("target_id", Kind::UuidOrNull, Default::Null).sorted(),
            Attr::new("event", Kind::OneOf(&["ACCEPT", "DROP", "ALL"]), Default::Text("ALL")).filtered(),
            Attr::new("enabled", Kind::Bool, Default::Bool(true)).mutable().sorted(),
        ],
        STANDARD,
    ],
};

static LOGGABLE: Spec = Spec {
    resource: "loggable_resource",
    collection: "loggable_resources",
    path: "/v2.0/log/loggable-resources",
    attrs: &[&[Attr::shown("type")]],
};

impl Fields for Log {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn own(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "resource_type" => SECURITY_GROUP.into(),
            "resource_id" => self.group.as_deref().into(),
            "target_id" => self.port.as_deref().into(),
            "event" => json!(self.event),
            "enabled" => self.enabled.into(),
            _ => Value::Null,
        }
    }
}

/// What can be logged: security groups.
struct Loggable;

impl View for Loggable {
    fn spec() -> &'static Spec {
        &LOGGABLE
    }
    fn key(&self) -> &str {
        SECURITY_GROUP
    }
    fn find(_: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        (id == SECURITY_GROUP).then(|| Arc::new(Self))
    }
    fn not_found(_: &str) -> NetError {
        NetError::HTTPNotFound
    }
    fn candidates(_: &Look<'_>) -> Vec<Arc<Self>> {
        vec![Arc::new(Self)]
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        let project = look.reach.project.clone().unwrap_or_default();
        look.cx.allows(&rules::LOGGABLE_GET, &crate::ops::access::On::new(look.snapshot, look.reach, &project))
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        if name == "type" { SECURITY_GROUP.into() } else { Value::Null }
    }
}

verbs!(Log, NewLog, LogChanges, in log);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/log/loggable-resources", list::<Loggable>)
        .get("/v2.0/log/logs", list::<Log>)
        .post("/v2.0/log/logs", create::<Log>)
        .get("/v2.0/log/logs/{id}", show::<Log>)
        .put("/v2.0/log/logs/{id}", update::<Log>)
        .delete("/v2.0/log/logs/{id}", delete::<Log>)
}
