//! `/v2.0/metering/metering-labels` and `/v2.0/metering/metering-label-rules`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, PROJECT, Spec},
};
use crate::{
    Network as Service,
    model::{MeteringLabel, MeteringRule},
    ops::{
        common::NoChanges,
        metering_label::{self, NewMeteringLabel},
        metering_rule::{self, NewMeteringRule},
    },
};
use http::ApiRouter;
use serde_json::{Value, json};

static LABEL: Spec = Spec {
    resource: "metering_label",
    collection: "metering_labels",
    path: "/v2.0/metering/metering-labels",
    attrs: &[&[
        ID,
        Attr::new("name", Kind::Name(255), Default::Text("")).sorted(),
        Attr::new("description", Kind::Text(1024), Default::Text("")).sorted(),
        PROJECT,
        Attr::new("shared", Kind::Bool, Default::Bool(false)).sorted(),
    ]],
};

static RULE: Spec = Spec {
    resource: "metering_label_rule",
    collection: "metering_label_rules",
    path: "/v2.0/metering/metering-label-rules",
    attrs: &[&[
        ID,
        PROJECT,
        Attr::new("metering_label_id", Kind::Uuid, Default::Required).sorted(),
        Attr::new("direction", Kind::OneOf(&["ingress", "egress"]), Default::Required).sorted(),
        Attr::new("excluded", Kind::Bool, Default::Bool(false)).sorted(),
        Attr::new("remote_ip_prefix", Kind::RemotePrefix, Default::Null).sorted(),
        Attr::new("source_ip_prefix", Kind::RemotePrefix, Default::Null).sorted(),
        Attr::new("destination_ip_prefix", Kind::RemotePrefix, Default::Null).sorted(),
    ]],
};

impl Fields for MeteringLabel {
    fn spec() -> &'static Spec {
        &LABEL
    }
    fn own(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "shared" => self.shared.into(),
            _ => Value::Null,
        }
    }
}

impl Fields for MeteringRule {
    fn spec() -> &'static Spec {
        &RULE
    }
    fn own(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "metering_label_id" => self.label.as_str().into(),
            "direction" => json!(self.direction),
            "excluded" => self.excluded.into(),
            "remote_ip_prefix" => json!(self.remote),
            "source_ip_prefix" => json!(self.source),
            "destination_ip_prefix" => json!(self.destination),
            _ => Value::Null,
        }
    }
}

verbs!(MeteringLabel, NewMeteringLabel, NoChanges, in metering_label);
verbs!(MeteringRule, NewMeteringRule, NoChanges, in metering_rule);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/metering/metering-labels", list::<MeteringLabel>)
        .post("/v2.0/metering/metering-labels", create::<MeteringLabel>)
        .get("/v2.0/metering/metering-labels/{id}", show::<MeteringLabel>)
        .put("/v2.0/metering/metering-labels/{id}", update::<MeteringLabel>)
        .delete("/v2.0/metering/metering-labels/{id}", delete::<MeteringLabel>)
        .get("/v2.0/metering/metering-label-rules", list::<MeteringRule>)
        .post("/v2.0/metering/metering-label-rules", create::<MeteringRule>)
        .get("/v2.0/metering/metering-label-rules/{id}", show::<MeteringRule>)
        .put("/v2.0/metering/metering-label-rules/{id}", update::<MeteringRule>)
        .delete("/v2.0/metering/metering-label-rules/{id}", delete::<MeteringRule>)
}
