//! `/v2.0/ndp-proxies`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, NAME, STANDARD, Spec},
};
use crate::{
    Network as Service,
    model::NdpProxy,
    ops::ndp_proxy::{self, NdpProxyChanges, NewNdpProxy},
};
use http::ApiRouter;
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    resource: "ndp_proxy",
    collection: "ndp_proxies",
    path: "/v2.0/ndp-proxies",
    attrs: &[
        &[
            ID,
            NAME,
            Attr::new("router_id", Kind::Uuid, Default::Required).sorted(),
            Attr::new("port_id", Kind::Uuid, Default::Required).sorted(),
            Attr::new("ip_address", Kind::IpOrNull, Default::Null).sorted(),
        ],
        STANDARD,
    ],
};

impl Fields for NdpProxy {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn own(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "router_id" => self.router.as_str().into(),
            "port_id" => self.port.as_str().into(),
            "ip_address" => json!(self.address),
            _ => Value::Null,
        }
    }
}

verbs!(NdpProxy, NewNdpProxy, NdpProxyChanges, in ndp_proxy);

/// Clients write it with an underscore, Neutron's own table of routes with a hyphen.
pub fn routes() -> ApiRouter<Service> {
    of("/v2.0/ndp-proxies", "/v2.0/ndp-proxies/{id}").merge(of("/v2.0/ndp_proxies", "/v2.0/ndp_proxies/{id}"))
}

fn of(all: &'static str, single: &'static str) -> ApiRouter<Service> {
    ApiRouter::new()
        .get(all, list::<NdpProxy>)
        .post(all, create::<NdpProxy>)
        .get(single, show::<NdpProxy>)
        .put(single, update::<NdpProxy>)
        .delete(single, delete::<NdpProxy>)
}
