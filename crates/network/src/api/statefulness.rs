//! `/v2.0/security-groups-default-statefulness`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, PROJECT, Spec},
};
use crate::{
    Network as Service,
    model::DefaultStatefulness,
    ops::statefulness::{self, NewStatefulness, StatefulnessChanges},
};
use http::ApiRouter;
use serde_json::Value;

/// One and many have the same name, as in Neutron.
static SPEC: Spec = Spec {
    resource: "security_groups_default_statefulness",
    collection: "security_groups_default_statefulness",
    path: "/v2.0/security-groups-default-statefulness",
    attrs: &[&[ID, PROJECT, Attr::new("stateful", Kind::Bool, Default::Bool(true)).mutable().sorted()]],
};

impl Fields for DefaultStatefulness {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn own(&self, name: &str, _: &Look<'_>) -> Value {
        if name == "stateful" { self.stateful.into() } else { Value::Null }
    }
}

verbs!(DefaultStatefulness, NewStatefulness, StatefulnessChanges, in statefulness);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/security-groups-default-statefulness", list::<DefaultStatefulness>)
        .post("/v2.0/security-groups-default-statefulness", create::<DefaultStatefulness>)
        .get("/v2.0/security-groups-default-statefulness/{id}", show::<DefaultStatefulness>)
        .put("/v2.0/security-groups-default-statefulness/{id}", update::<DefaultStatefulness>)
        .delete("/v2.0/security-groups-default-statefulness/{id}", delete::<DefaultStatefulness>)
}
