//! `/v2.0/availability_zones`: the zone of the hosts, for networks and for routers.

use super::{
    resource::{Look, View, list},
    spec::{Attr, Spec},
};
use crate::{Network as Service, error::NetError, policy::service as rules};
use http::ApiRouter;
use policy::Authorize;
use serde_json::Value;
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "availability_zone",
    collection: "availability_zones",
    path: "/v2.0/availability_zones",
    attrs: &[&[Attr::shown("name").filtered(), Attr::shown("resource").filtered(), Attr::shown("state").filtered()]],
};

/// The zones that hosts are in; none while there is no host.
pub fn of(look: &Look<'_>) -> Vec<String> {
    if look.net.hosts().hosts().is_empty() { Vec::new() } else { vec![look.settings().availability_zone.clone()] }
}

struct Zone {
    key: String,
    name: String,
    resource: &'static str,
    available: bool,
}

impl View for Zone {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.key
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        Self::candidates(look).into_iter().find(|z| z.key == id)
    }
    fn not_found(id: &str) -> NetError {
        NetError::AvailabilityZoneNotFound { name: id.to_owned() }
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let available = look.net.hosts().hosts().iter().any(|h| h.connected);
        let zone = |name: &String, resource: &'static str| {
            Arc::new(Self { key: format!("{name}/{resource}"), name: name.clone(), resource, available })
        };
        of(look).iter().flat_map(|name| ["network", "router"].map(|resource| zone(name, resource))).collect()
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::ZONE_GET, &())
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "resource" => self.resource.into(),
            "state" => if self.available { "available" } else { "unavailable" }.into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new().get("/v2.0/availability_zones", list::<Zone>)
}
