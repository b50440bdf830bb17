//! `/v2.0/service-providers`: who carries out routing.

use super::{
    kind::Kind,
    resource::{Look, View, list},
    spec::{Attr, Spec},
};
use crate::{Network as Service, error::NetError, policy::service as rules};
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

struct Provider {
    name: &'static str,
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
        vec![Arc::new(Self { name: look.net.backend().name() })]
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::PROVIDER_GET, &())
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "service_type" => "L3_ROUTER_NAT".into(),
            "name" => self.name.into(),
            "default" => true.into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new().get("/v2.0/service-providers", list::<Provider>)
}
