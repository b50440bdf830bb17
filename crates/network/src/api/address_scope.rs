//! `/v2.0/address-scopes`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, NAME, PROJECT, Spec},
};
use crate::{
    Network as Service,
    model::{AddressScope, rbac, rbac::Action},
    ops::address_scope::{self, create::NewAddressScope, update::AddressScopeChanges},
};
use http::ApiRouter;
use serde_json::Value;

static SPEC: Spec = Spec {
    resource: "address_scope",
    collection: "address_scopes",
    path: "/v2.0/address-scopes",
    attrs: &[&[
        ID,
        NAME,
        PROJECT,
        Attr::new("shared", Kind::Bool, Default::Bool(false)).mutable().sorted(),
        Attr::new("ip_version", Kind::IpVersion, Default::Required).sorted(),
    ]],
};

impl Fields for AddressScope {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "shared" => rbac::grants(look.snapshot, &self.id, Action::Shared, look.reach.project.as_deref()).into(),
            "ip_version" => self.ip_version.into(),
            _ => Value::Null,
        }
    }
}

verbs!(AddressScope, NewAddressScope, AddressScopeChanges, address_scope);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/address-scopes", list::<AddressScope>)
        .post("/v2.0/address-scopes", create::<AddressScope>)
        .get("/v2.0/address-scopes/{id}", show::<AddressScope>)
        .put("/v2.0/address-scopes/{id}", update::<AddressScope>)
        .delete("/v2.0/address-scopes/{id}", delete::<AddressScope>)
}
