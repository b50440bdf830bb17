//! `/v2.0/trunks`

use super::{
    crud::{actions, create, delete, update, verbs},
    kind::{Kind, sub_ports},
    resource::{Fields, Look, list, one, show},
    spec::{ADMIN_STATE, Attr, Default, ID, NAME, STANDARD, Spec, TAGS},
    tags,
};
use crate::{
    Network as Service,
    model::{Port, Trunk, trunk::SubPort},
    ops::trunk::{self, SubPortAsked, create::NewTrunk, subports, update::TrunkChanges},
};
use http::{ApiResult, ApiRouter, Cx, Path, State};
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    resource: "trunk",
    collection: "trunks",
    path: "/v2.0/trunks",
    attrs: &[
        &[
            ID,
            NAME,
            ADMIN_STATE,
            Attr::new("port_id", Kind::Uuid, Default::Required).sorted(),
            Attr::shown("status").sorted(),
            Attr::new("sub_ports", Kind::SubPorts, Default::EmptyList),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for Trunk {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "admin_state_up" => self.admin_up.into(),
            "port_id" => self.port.as_str().into(),
            "status" => self.status(look.snapshot).into(),
            "sub_ports" => self.sub_ports.iter().map(sub_port).collect(),
            _ => Value::Null,
        }
    }
}

fn sub_port(sub: &SubPort) -> Value {
    json!({"port_id": sub.port, "segmentation_type": "vlan", "segmentation_id": sub.vlan})
}

/// `trunk_details` of a trunk's parent port.
pub(super) fn details(trunk: &Trunk, look: &Look<'_>) -> Value {
    let with_mac = |sub: &SubPort| {
        let mut view = sub_port(sub);
        view["mac_address"] = look.snapshot.get::<Port>(&sub.port).map(|p| p.mac.clone()).into();
        view
    };
    json!({"trunk_id": trunk.id, "sub_ports": trunk.sub_ports.iter().map(with_mac).collect::<Vec<_>>()})
}

verbs!(Trunk, NewTrunk, TrunkChanges, trunk);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/trunks", list::<Trunk>)
        .post("/v2.0/trunks", create::<Trunk>)
        .get("/v2.0/trunks/{id}", show::<Trunk>)
        .put("/v2.0/trunks/{id}", update::<Trunk>)
        .delete("/v2.0/trunks/{id}", delete::<Trunk>)
        .get("/v2.0/trunks/{id}/get_subports", get_subports)
        .put("/v2.0/trunks/{id}/add_subports", add_subports)
        .put("/v2.0/trunks/{id}/remove_subports", remove_subports)
        .merge(tags::routes::<Trunk>("/v2.0/trunks/{id}/tags", "/v2.0/trunks/{id}/tags/{tag}"))
}

/// The body of both actions: `{"sub_ports": […]}`.
fn given(body: &Value) -> kernel::Result<Vec<SubPortAsked>> {
    let read = sub_ports(body.get("sub_ports").unwrap_or(&Value::Null))?;
    serde_json::from_value(read).map_err(|e| kernel::Error::internal("reading subports").with_source(e))
}

/// Neutron answers actions with the trunk itself, not with an object that has one.
fn bare(net: &Service, cx: &kernel::Ctx, trunk: &Trunk) -> Value {
    one(net, cx, trunk, &[])["trunk"].take()
}

async fn get_subports(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let trunk = subports::list(&net, &cx, &id)?;
    Ok(http::ok(&json!({"sub_ports": trunk.sub_ports.iter().map(sub_port).collect::<Vec<_>>()})))
}

actions!(given, bare; add_subports: subports::add, remove_subports: subports::remove);
