//! `/v2.0/address-groups`

use super::{
    crud::{actions, create, delete, update, verbs, whole},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, NAME, STANDARD, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{AddressGroup, rbac, rbac::Action},
    ops::address_group::{self, addresses, create::NewAddressGroup, update::AddressGroupChanges},
};
use http::ApiRouter;
use ipnet::IpNet;
use serde_json::{Value, json};
use std::collections::BTreeSet;

static SPEC: Spec = Spec {
    resource: "address_group",
    collection: "address_groups",
    path: "/v2.0/address-groups",
    attrs: &[
        &[
            ID,
            NAME,
            Attr::new("addresses", Kind::CidrList, Default::EmptyList),
            Attr::shown("shared").of(Kind::Bool).filtered(),
        ],
        STANDARD,
    ],
};

impl Fields for AddressGroup {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "addresses" => json!(self.addresses),
            "shared" => rbac::grants(look.snapshot, &self.id, Action::Shared, look.reach.project.as_deref()).into(),
            _ => Value::Null,
        }
    }
}

verbs!(AddressGroup, NewAddressGroup, AddressGroupChanges, address_group);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/address-groups", list::<AddressGroup>)
        .post("/v2.0/address-groups", create::<AddressGroup>)
        .get("/v2.0/address-groups/{id}", show::<AddressGroup>)
        .put("/v2.0/address-groups/{id}", update::<AddressGroup>)
        .delete("/v2.0/address-groups/{id}", delete::<AddressGroup>)
        .put("/v2.0/address-groups/{id}/add_addresses", add_addresses)
        .put("/v2.0/address-groups/{id}/remove_addresses", remove_addresses)
}

/// The body of both actions, `{"addresses": […]}`: prefixes, or addresses that stand for themselves.
fn given(body: &Value) -> kernel::Result<BTreeSet<IpNet>> {
    let wrong = || NetError::request("Invalid input for addresses. Reason: a list of prefixes is needed.");
    let items = body.get("addresses").and_then(Value::as_array).ok_or_else(wrong)?;
    let read = |item: &Value| -> kernel::Result<IpNet> {
        let prefix = Kind::RemotePrefix.read("addresses", item)?;
        let prefix: IpNet = serde_json::from_value(prefix).map_err(|_| wrong())?;
        Ok(prefix.trunc())
    };
    items.iter().map(read).collect()
}

actions!(given, whole; add_addresses: addresses::add, remove_addresses: addresses::remove);
