//! `/v2.0/qos/policies`

use super::rule;
use crate::{
    Network as Service,
    api::{
        crud::{create, delete, update, verbs},
        kind::Kind,
        resource::{Fields, Look, list, show},
        spec::{Attr, Default, ID, NAME, STANDARD, Spec, TAGS},
        tags,
    },
    model::{QosPolicy, rbac, rbac::Action},
    ops::qos::policy::{self, create::NewQosPolicy, update::QosPolicyChanges},
};
use http::ApiRouter;
use serde_json::Value;

static SPEC: Spec = Spec {
    resource: "policy",
    collection: "policies",
    path: "/v2.0/qos/policies",
    attrs: &[
        &[
            ID,
            NAME,
            Attr::new("shared", Kind::Bool, Default::Bool(false)).mutable().filtered(),
            Attr::new("is_default", Kind::Bool, Default::Bool(false)).mutable().sorted(),
            Attr::shown("rules"),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for QosPolicy {
    /// Mirrors Neutron, whose suite asks as one project for the page after another's policy.
    const TAKES_ANY_MARKER: bool = true;

    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "shared" => rbac::grants(look.snapshot, &self.id, Action::Shared, look.reach.project.as_deref()).into(),
            "is_default" => self.is_default.into(),
            "rules" => self.rules.iter().map(|r| rule::in_policy(self, r)).collect(),
            _ => Value::Null,
        }
    }
}

verbs!(QosPolicy, NewQosPolicy, QosPolicyChanges, policy);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/qos/policies", list::<QosPolicy>)
        .post("/v2.0/qos/policies", create::<QosPolicy>)
        .get("/v2.0/qos/policies/{id}", show::<QosPolicy>)
        .put("/v2.0/qos/policies/{id}", update::<QosPolicy>)
        .delete("/v2.0/qos/policies/{id}", delete::<QosPolicy>)
        .merge(tags::routes::<QosPolicy>("/v2.0/qos/policies/{id}/tags", "/v2.0/qos/policies/{id}/tags/{tag}"))
        // Where Neutron has them: its tags know nothing of prefixes.
        .merge(tags::routes::<QosPolicy>("/v2.0/policies/{id}/tags", "/v2.0/policies/{id}/tags/{tag}"))
}
