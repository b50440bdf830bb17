//! `/v2.0/subnets`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    query::Query,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, NAME, STANDARD, Spec, TAGS},
    tags,
};
use crate::{
    Network as Service,
    model::{Network, Subnet, rbac, rbac::Action},
    ops::subnet::{self, create::NewSubnet, update::SubnetChanges},
};
use http::ApiRouter;
use serde_json::{Value, json};
use std::sync::Arc;

const MODES: &[&str] = &["dhcpv6-stateful", "dhcpv6-stateless", "slaac"];

static SPEC: Spec = Spec {
    resource: "subnet",
    collection: "subnets",
    path: "/v2.0/subnets",
    attrs: &[
        &[
            ID,
            NAME,
            Attr::new("ip_version", Kind::IpVersion, Default::Required).sorted(),
            Attr::new("network_id", Kind::Uuid, Default::Required).sorted(),
            Attr::new("cidr", Kind::CidrOrNull, Default::Null).sorted(),
            Attr::new("prefixlen", Kind::NonNegative, Default::Unset).hidden(),
            Attr::new("gateway_ip", Kind::IpOrNull, Default::Unset).mutable().sorted(),
            Attr::new("allocation_pools", Kind::Pools, Default::Unset).mutable(),
            Attr::new("dns_nameservers", Kind::Addresses, Default::Unset).mutable(),
            Attr::new("host_routes", Kind::Routes, Default::Unset).mutable(),
            Attr::new("enable_dhcp", Kind::Bool, Default::Bool(true)).mutable().sorted(),
            Attr::new("ipv6_ra_mode", Kind::OneOfOrNull(MODES), Default::Null).sorted(),
            Attr::new("ipv6_address_mode", Kind::OneOfOrNull(MODES), Default::Null).sorted(),
            Attr::new("subnetpool_id", Kind::UuidOrNull, Default::Null).sorted(),
            Attr::new("use_default_subnetpool", Kind::Bool, Default::Bool(false)).hidden(),
            Attr::new("segment_id", Kind::UuidOrNull, Default::Null).mutable().sorted(),
            Attr::new("service_types", Kind::TextList, Default::Unset).mutable(),
            Attr::new("dns_publish_fixed_ip", Kind::Bool, Default::Bool(false)).mutable(),
            Attr::shown("shared").of(Kind::Bool).hidden().filtered(),
            Attr::shown("router:external").of(Kind::Bool).filtered(),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for Subnet {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "ip_version" => self.ip_version().into(),
            "network_id" => self.network.as_str().into(),
            "cidr" => self.cidr.to_string().into(),
            "gateway_ip" => json!(self.gateway),
            "allocation_pools" => json!(self.pools),
            "dns_nameservers" => json!(self.dns),
            "host_routes" => json!(self.routes),
            "enable_dhcp" => self.dhcp.into(),
            "ipv6_ra_mode" => self.ra_mode.map(|m| m.as_str()).into(),
            "ipv6_address_mode" => self.address_mode.map(|m| m.as_str()).into(),
            "subnetpool_id" => self.subnetpool.as_deref().into(),
            "segment_id" => self.segment.as_deref().into(),
            "service_types" => json!(self.service_types),
            "dns_publish_fixed_ip" => self.dns_published.into(),
            "shared" => {
                rbac::grants(look.snapshot, &self.network, Action::Shared, look.reach.project.as_deref()).into()
            }
            "router:external" => look.snapshot.get::<Network>(&self.network).is_some_and(|n| n.external).into(),
            _ => Value::Null,
        }
    }

    fn narrowed(look: &Look<'_>, query: &Query) -> Option<Vec<Arc<Self>>> {
        let networks = query.exact("network_id")?;
        let networks = networks.iter().filter_map(|id| look.snapshot.get::<Network>(id));
        Some(networks.flat_map(|n| n.subnets.clone()).filter_map(|id| look.snapshot.get(&id)).collect())
    }
}

verbs!(Subnet, NewSubnet, SubnetChanges, subnet);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/subnets", list::<Subnet>)
        .post("/v2.0/subnets", create::<Subnet>)
        .get("/v2.0/subnets/{id}", show::<Subnet>)
        .put("/v2.0/subnets/{id}", update::<Subnet>)
        .delete("/v2.0/subnets/{id}", delete::<Subnet>)
        .merge(tags::routes::<Subnet>("/v2.0/subnets/{id}/tags", "/v2.0/subnets/{id}/tags/{tag}"))
}
