//! `/v2.0/service-providers`: who carries out routing.

use super::{
    kind::Kind,
    resource::{Look, View, list},
    spec::{Attr, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::flavor::{DRIVERS, ROUTERS},
    policy::service as rules,
};
use http::ApiRouter;
use policy::Authorize;
use serde_json::Value;
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "service_provider",
    collection: "service_providers",
    path: "/v2.0/service-providers",
    attrs: &[&[
        Attr::shown("service_type").filtered(),
        Attr::shown("name").filtered(),
        Attr::shown("default").of(Kind::Bool).filtered(),
    ]],
};

/// The back end, and Neutron's other names for a router, which it carries out too.
struct Provider {
    name: &'static str,
    default: bool,
}

impl View for Provider {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        self.name
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        Self::candidates(look).into_iter().find(|p| p.name == id)
    }
    fn not_found(_: &str) -> NetError {
        NetError::HTTPNotFound
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let own = Self { name: look.net.backend().name(), default: true };
        let others = DRIVERS.iter().map(|(name, _)| Self { name, default: false });
        std::iter::once(own).chain(others).map(Arc::new).collect()
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::PROVIDER_GET, &())
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "service_type" => ROUTERS.into(),
            "name" => self.name.into(),
            "default" => self.default.into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new().get("/v2.0/service-providers", list::<Provider>)
}
