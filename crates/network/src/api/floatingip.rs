//! `/v2.0/floatingips`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    port_forwarding,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, STANDARD, Spec, TAGS},
    tags,
};
use crate::{
    Network as Service,
    model::{FloatingIp, Network, Port},
    ops::floatingip::{self, create::NewFloatingIp, update::FloatingIpChanges},
};
use http::ApiRouter;
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    resource: "floatingip",
    collection: "floatingips",
    path: "/v2.0/floatingips",
    attrs: &[
        &[
            ID,
            Attr::new("floating_ip_address", Kind::IpOrNull, Default::Null).sorted(),
            Attr::new("subnet_id", Kind::UuidOrNull, Default::Null).hidden(),
            Attr::new("floating_network_id", Kind::Uuid, Default::Required).sorted(),
            Attr::new("router_id", Kind::UuidOrNull, Default::Null).mutable().sorted(),
            Attr::new("port_id", Kind::UuidOrNull, Default::Null).mutable().filtered(),
            Attr::new("fixed_ip_address", Kind::IpOrNull, Default::Null).mutable().sorted(),
            Attr::shown("status").sorted(),
            Attr::shown("port_details"),
            Attr::shown("port_forwardings"),
            Attr::new("qos_policy_id", Kind::UuidOrNull, Default::Null).mutable().filtered(),
            Attr::shown("qos_network_policy_id"),
            Attr::new("dns_name", Kind::DnsName, Default::Text("")),
            Attr::new("dns_domain", Kind::DnsDomain, Default::Text("")),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for FloatingIp {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        let target = self.target.as_ref();
        match name {
            "floating_ip_address" => self.address.to_string().into(),
            "floating_network_id" => self.network.as_str().into(),
            "router_id" => self.router().map(|r| r.as_str()).into(),
            "port_id" => target.map(|t| t.port.as_str()).into(),
            "fixed_ip_address" => target.map(|t| t.fixed.to_string()).into(),
            "status" => self.status().into(),
            "port_details" => target.and_then(|t| look.snapshot.get::<Port>(&t.port)).map(|p| details(&p, look)).into(),
            "port_forwardings" => {
                let ids = self.forwards.iter().flat_map(|f| &f.ids);
                ids.filter_map(|id| look.snapshot.get(id)).map(|pf| port_forwarding::in_floatingip(&pf)).collect()
            }
            "qos_policy_id" => self.qos.as_deref().into(),
            "qos_network_policy_id" => {
                look.snapshot.get::<Network>(&self.network).and_then(|n| n.qos.clone()).as_deref().into()
            }
            "dns_name" => self.dns_name.as_str().into(),
            "dns_domain" => self.dns_domain.as_str().into(),
            _ => Value::Null,
        }
    }
}

fn details(port: &Port, look: &Look<'_>) -> Value {
    json!({
        "name": port.name,
        "network_id": port.network,
        "mac_address": port.mac,
        "admin_state_up": port.admin_up,
        "status": port.status_in(look.snapshot).as_str(),
        "device_id": port.device_id,
        "device_owner": port.device_owner,
    })
}

verbs!(FloatingIp, NewFloatingIp, FloatingIpChanges, floatingip);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/floatingips", list::<FloatingIp>)
        .post("/v2.0/floatingips", create::<FloatingIp>)
        .get("/v2.0/floatingips/{id}", show::<FloatingIp>)
        .put("/v2.0/floatingips/{id}", update::<FloatingIp>)
        .delete("/v2.0/floatingips/{id}", delete::<FloatingIp>)
        .merge(tags::routes::<FloatingIp>("/v2.0/floatingips/{id}/tags", "/v2.0/floatingips/{id}/tags/{tag}"))
}
