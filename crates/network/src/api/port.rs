//! `/v2.0/ports`

use super::{
    crud::{actions, create, delete, update, verbs, whole},
    kind::Kind,
    query::Query,
    resource::{Fields, Look, list, show},
    spec::{ADMIN_STATE, Attr, Default, ID, NAME, STANDARD, Spec},
    tags,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, Port, PortExtras, logical::hostname, qos, resource_request, trunk::TrunkEnd},
    ops::port::{self, PairAsked, address_pairs, create::NewPort, update::PortChanges},
};
use http::ApiRouter;
use serde_json::{Value, json};
use std::sync::Arc;

/// Those that OVN can serve; the rest of Neutron's need hardware that no back end here drives.
pub(super) const VNIC_TYPES: &[&str] =
    &["normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder", "vdpa", "remote-managed"];

const NUMA_POLICIES: &[&str] = &["required", "preferred", "legacy", "socket"];

static SPEC: Spec = Spec {
    resource: "port",
    collection: "ports",
    path: "/v2.0/ports",
    attrs: &[
        &[
            ID,
            NAME,
            Attr::new("network_id", Kind::Uuid, Default::Required).sorted(),
            ADMIN_STATE,
            Attr::shown("status").sorted(),
            Attr::new("mac_address", Kind::Mac, Default::Unset).mutable().sorted(),
            Attr::new("fixed_ips", Kind::FixedIps, Default::Unset).mutable().filtered(),
            Attr::new("device_id", Kind::Text(255), Default::Text("")).mutable().sorted(),
            Attr::new("device_owner", Kind::Text(255), Default::Text("")).mutable().sorted(),
            Attr::new("security_groups", Kind::UuidList, Default::Unset).mutable().filtered(),
            Attr::new("port_security_enabled", Kind::Bool, Default::Unset).mutable(),
            Attr::new("allowed_address_pairs", Kind::AddressPairs, Default::Unset).mutable(),
            Attr::new("extra_dhcp_opts", Kind::DhcpOptions, Default::Unset).mutable(),
            Attr::new("dns_name", Kind::DnsName, Default::Text("")).mutable(),
            Attr::shown("dns_assignment"),
            Attr::new("binding:host_id", Kind::TextOrNull(255), Default::Unset).mutable().filtered(),
            Attr::new("binding:vnic_type", Kind::OneOf(VNIC_TYPES), Default::Text("normal")).mutable(),
            Attr::new("binding:profile", Kind::DictOrNull, Default::Unset).mutable(),
            Attr::shown("binding:vif_type"),
            Attr::shown("binding:vif_details"),
            Attr::shown("ip_allocation"),
            Attr::shown("trunk_details"),
            Attr::new("qos_policy_id", Kind::UuidOrNull, Default::Null).mutable().filtered(),
            Attr::shown("qos_network_policy_id"),
            Attr::shown("resource_request"),
            Attr::new("numa_affinity_policy", Kind::OneOfOrNull(NUMA_POLICIES), Default::Unset).mutable(),
            Attr::new("device_profile", Kind::TextOrNull(255), Default::Unset),
            Attr::new("hints", Kind::PortHints, Default::Unset).mutable(),
            Attr::new("trusted", Kind::Bool, Default::Unset).mutable(),
            Attr::new("hardware_offload_type", Kind::OneOf(&["switchdev"]), Default::Unset),
            Attr::later("data_plane_status", Kind::OneOfOrNull(&["ACTIVE", "DOWN"])),
            Attr::new("propagate_uplink_status", Kind::Bool, Default::Unset).mutable(),
            Attr::new("dns_domain", Kind::DnsDomain, Default::Unset).mutable(),
            Attr::new("tags", Kind::Tags, Default::EmptyList).filtered(),
            Attr::shown("tags-any").hidden().filtered(),
            Attr::shown("not-tags").hidden().filtered(),
            Attr::shown("not-tags-any").hidden().filtered(),
        ],
        STANDARD,
    ],
};

impl Fields for Port {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "network_id" => self.network.as_str().into(),
            "admin_state_up" => self.admin_up.into(),
            "status" => self.status_in(look.snapshot).as_str().into(),
            "mac_address" => self.mac.as_str().into(),
            "fixed_ips" => fixed_ips(self),
            "device_id" => self.device_id.as_str().into(),
            "device_owner" => self.device_owner.as_str().into(),
            "security_groups" => json!(self.security_groups),
            "port_security_enabled" => self.port_security.into(),
            "allowed_address_pairs" => {
                self.allowed_pairs.iter().map(|p| json!({"mac_address": p.mac, "ip_address": p.ip})).collect()
            }
            "extra_dhcp_opts" => dhcp_options(self),
            "dns_name" => self.dns_name.as_str().into(),
            "dns_assignment" => dns_assignment(self, look),
            "binding:host_id" => self.binding.host.as_deref().unwrap_or_default().into(),
            "binding:vnic_type" => self.binding.vnic_type.as_str().into(),
            "binding:profile" => profile(self).into(),
            "binding:vif_type" => self.vif_type().into(),
            "binding:vif_details" if self.vif_type() != "unbound" => vif_details(look),
            "binding:vif_details" => json!({}),
            "ip_allocation" => if self.fixed_ips.is_empty() { "none" } else { "immediate" }.into(),
            "qos_policy_id" => self.qos.as_deref().into(),
            "qos_network_policy_id" => qos::from_network(look.snapshot, self).as_deref().into(),
            "resource_request" => json!(resource_request::of(look.snapshot, self)),
            "trunk_details" => match &self.trunk {
                Some(TrunkEnd::Parent { trunk }) => {
                    look.snapshot.get(trunk).map_or(Value::Null, |t| super::trunk::details(&t, look))
                }
                _ => Value::Null,
            },
            other => extra(&self.extras, other),
        }
    }

    fn is_absent(&self, name: &str) -> bool {
        name == "trunk_details"
    }

    fn narrowed(look: &Look<'_>, query: &Query) -> Option<Vec<Arc<Self>>> {
        let by = |attr: &str, index| {
            let values = query.exact(attr)?;
            // An empty value is in no index.
            if values.iter().any(String::is_empty) {
                return None;
            }
            Some(values.iter().flat_map(|v| look.snapshot.by(index, v).collect::<Vec<_>>()).collect())
        };
        by("device_id", Self::BY_DEVICE)
            .or_else(|| by("security_groups", Self::BY_GROUP))
            .or_else(|| by("network_id", Self::BY_NETWORK))
            .or_else(|| by("binding:host_id", Self::BY_HOST))
    }
}

fn extra(extras: &PortExtras, name: &str) -> Value {
    match name {
        "numa_affinity_policy" => extras.numa_affinity_policy.as_deref().into(),
        "device_profile" => extras.device_profile.as_deref().into(),
        "hints" => json!(extras.hints),
        "trusted" => extras.trusted.into(),
        "hardware_offload_type" => extras.hardware_offload_type.as_deref().into(),
        "data_plane_status" => extras.data_plane_status.as_deref().into(),
        "propagate_uplink_status" => extras.uplink.unwrap_or(true).into(),
        "dns_domain" => extras.dns_domain.as_str().into(),
        _ => Value::Null,
    }
}

fn fixed_ips(port: &Port) -> Value {
    port.fixed_ips.iter().map(|ip| json!({"subnet_id": ip.subnet, "ip_address": ip.address})).collect()
}

fn dhcp_options(port: &Port) -> Value {
    let option = |o: &crate::model::port::DhcpOption| json!({"opt_name": o.name, "opt_value": o.value, "ip_version": o.ip_version});
    port.dhcp_options.iter().map(option).collect()
}

/// What each address is called.
fn dns_assignment(port: &Port, look: &Look<'_>) -> Value {
    let network = look.snapshot.get::<Network>(&port.network);
    let own = network.map(|n| n.dns_domain.clone()).filter(|d| !d.is_empty());
    let domain = own.unwrap_or_else(|| look.settings().dns_domain.clone());
    let assigned = |ip: &crate::model::port::FixedIp| {
        let alone = Port { fixed_ips: vec![ip.clone()], ..port.clone() };
        let hostname = hostname(&alone);
        json!({"ip_address": ip.address, "hostname": hostname, "fqdn": format!("{hostname}.{domain}")})
    };
    port.fixed_ips.iter().map(assigned).collect()
}

/// A subport's says where its packets go, as ML2/OVN has it.
fn profile(port: &Port) -> serde_json::Map<String, Value> {
    let mut profile = port.binding.profile.clone();
    profile.extend(port.extras.in_profile().map(|(key, value)| (key.to_owned(), value)));
    if let Some(TrunkEnd::Sub { parent, vlan, .. }) = &port.trunk {
        profile.extend([("parent_name".to_owned(), json!(parent)), ("tag".to_owned(), json!(vlan))]);
    }
    profile
}

pub(super) fn vif_details(look: &Look<'_>) -> Value {
    json!({
        "port_filter": true,
        "connectivity": "l2",
        "bridge_name": "br-int",
        "bound_drivers": {"0": look.net.backend().name()},
    })
}

/// The pairs in the body of both actions: `{"port": {"allowed_address_pairs": […]}}`.
fn pairs(body: &Value) -> kernel::Result<Vec<PairAsked>> {
    let given = body.get("port").and_then(|port| port.get("allowed_address_pairs"));
    let absent = || NetError::request("Unable to find 'allowed_address_pairs' in request body");
    let read = Kind::AddressPairs.read("allowed_address_pairs", given.ok_or_else(absent)?)?;
    serde_json::from_value(read).map_err(|e| kernel::Error::internal("reading address pairs").with_source(e))
}

actions!(pairs, whole; add_address_pairs: address_pairs::add, remove_address_pairs: address_pairs::remove);

verbs!(Port, NewPort, PortChanges, port);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/ports", list::<Port>)
        .post("/v2.0/ports", create::<Port>)
        .get("/v2.0/ports/{id}", show::<Port>)
        .put("/v2.0/ports/{id}", update::<Port>)
        .delete("/v2.0/ports/{id}", delete::<Port>)
        .put("/v2.0/ports/{id}/add_allowed_address_pairs", add_address_pairs)
        .put("/v2.0/ports/{id}/remove_allowed_address_pairs", remove_address_pairs)
        .merge(tags::routes::<Port>("/v2.0/ports/{id}/tags", "/v2.0/ports/{id}/tags/{tag}"))
}
