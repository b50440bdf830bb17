//! `/v2.0/networks`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{ADMIN_STATE, Attr, Default, ID, NAME, STANDARD, Spec, TAGS},
    tags, zones,
};
use crate::{
    Network as Service,
    model::{Network, address_scope, rbac, rbac::Action, segment::Segment},
    ops::network::{self, create::NewNetwork, update::NetworkChanges},
};
use http::ApiRouter;
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    resource: "network",
    collection: "networks",
    path: "/v2.0/networks",
    attrs: &[
        &[
            ID,
            NAME,
            ADMIN_STATE,
            Attr::shown("status").sorted(),
            Attr::shown("subnets"),
            Attr::new("shared", Kind::Bool, Default::Bool(false)).mutable().filtered(),
            Attr::new("router:external", Kind::Bool, Default::Bool(false)).mutable().filtered(),
            Attr::new("is_default", Kind::Bool, Default::Bool(false)).mutable().filtered(),
            Attr::new("mtu", Kind::NonNegative, Default::Unset).mutable().sorted(),
            Attr::new("port_security_enabled", Kind::Bool, Default::Bool(true)).mutable(),
            Attr::new("dns_domain", Kind::DnsDomain, Default::Text("")).mutable(),
            Attr::shown("ipv4_address_scope"),
            Attr::shown("ipv6_address_scope"),
            Attr::new("qos_policy_id", Kind::UuidOrNull, Default::Null).mutable().filtered(),
            Attr::shown("availability_zones"),
            Attr::new("availability_zone_hints", Kind::TextList, Default::EmptyList),
            Attr::new("provider:network_type", Kind::Text(32), Default::Unset).mutable().filtered(),
            Attr::new("provider:physical_network", Kind::TextOrNull(64), Default::Unset).mutable().filtered(),
            Attr::new("provider:segmentation_id", Kind::NonNegative, Default::Unset).mutable().filtered(),
            Attr::new("segments", Kind::Segments, Default::Unset),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for Network {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        // One shows by itself, several show as such.
        let several = self.segments.len() > 1;
        let segment = self.segments.first().filter(|_| !several);
        match name {
            "name" => self.name.as_str().into(),
            "admin_state_up" => self.admin_up.into(),
            "status" => "ACTIVE".into(),
            "subnets" => json!(self.subnets),
            "shared" => rbac::grants(look.snapshot, &self.id, Action::Shared, look.reach.project.as_deref()).into(),
            "router:external" => self.external.into(),
            // Means something for external networks only.
            "is_default" if self.external => self.is_default.into(),
            "mtu" => self.mtu.into(),
            "port_security_enabled" => self.port_security.into(),
            "dns_domain" => self.dns_domain.as_str().into(),
            "ipv4_address_scope" => address_scope::of_network(look.snapshot, self, 4).as_deref().into(),
            "ipv6_address_scope" => address_scope::of_network(look.snapshot, self, 6).as_deref().into(),
            "qos_policy_id" => self.qos.as_deref().into(),
            "availability_zones" => json!(zones::of(look)),
            "availability_zone_hints" => json!(self.zone_hints),
            "provider:network_type" => segment.map(|s| s.kind.as_str()).into(),
            "provider:physical_network" => segment.and_then(|s| s.physical.as_deref()).into(),
            "provider:segmentation_id" => segment.and_then(|s| s.number).into(),
            "segments" if several => self.segments.iter().map(shown).collect(),
            _ => Value::Null,
        }
    }

    fn is_absent(&self, name: &str) -> bool {
        let single = name.starts_with("provider:") && self.segments.len() > 1;
        single || name == "is_default" || name == "segments"
    }
}

fn shown(segment: &Segment) -> Value {
    json!({
        "provider:network_type": segment.kind.as_str(),
        "provider:physical_network": segment.physical,
        "provider:segmentation_id": segment.number,
    })
}

verbs!(Network, NewNetwork, NetworkChanges, network);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/networks", list::<Network>)
        .post("/v2.0/networks", create::<Network>)
        .get("/v2.0/networks/{id}", show::<Network>)
        .put("/v2.0/networks/{id}", update::<Network>)
        .delete("/v2.0/networks/{id}", delete::<Network>)
        .merge(tags::routes::<Network>("/v2.0/networks/{id}/tags", "/v2.0/networks/{id}/tags/{tag}"))
}
