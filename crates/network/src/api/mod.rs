//! The HTTP face: Neutron's v2.0. One file per resource with its table of attributes, how it is shown, and its routes; what
//! they share (bodies, queries, lists, tags) is beside them.
//!
//! ```text
//!   JSON ─ body/kind against spec ─▶ Asked<NewX> + Set ─▶ ops ─▶ Arc<X> ─ View::field, policy ─▶ JSON
//! ```

mod address_group;
mod address_scope;
mod agents;
mod auto_topology;
mod body;
mod conntrack_helper;
mod crud;
mod default_rule;
mod discovery;
mod extensions;
mod flavor;
mod floatingip;
mod kind;
mod listing;
mod log;
mod metering;
mod ndp_proxy;
mod network;
mod pools;
mod port;
mod port_binding;
mod port_forwarding;
mod providers;
mod qos;
mod query;
mod quota;
mod rbac;
mod resource;
mod router;
mod security_group;
mod security_group_rule;
mod segment;
mod segment_range;
mod spec;
mod statefulness;
mod subnet;
mod subnetpool;
mod tags;
mod trunk;
mod usage;
mod zones;

use crate::Network;
use http::{ApiRouter, Deps, FaultStyle, Router, ServiceSpec};

/// Where the service lives.
pub(crate) const PREFIX: &str = "/network";

/// What the pipeline must know.
pub fn service() -> ServiceSpec {
    ServiceSpec { public: &["/", "/v2.0"], ..ServiceSpec::new("network", PREFIX, FaultStyle::Neutron) }
}

/// All routes, for `tstack routes` and for [`router`].
pub fn routes() -> ApiRouter<Network> {
    discovery::routes()
        .merge(network::routes())
        .merge(subnet::routes())
        .merge(subnetpool::routes())
        .merge(address_scope::routes())
        .merge(address_group::routes())
        .merge(port::routes())
        .merge(trunk::routes())
        .merge(qos::routes())
        .merge(router::routes())
        .merge(floatingip::routes())
        .merge(port_forwarding::routes())
        .merge(port_binding::routes())
        .merge(security_group::routes())
        .merge(security_group_rule::routes())
        .merge(default_rule::routes())
        .merge(rbac::routes())
        .merge(quota::routes())
        .merge(agents::routes())
        .merge(zones::routes())
        .merge(providers::routes())
        .merge(auto_topology::routes())
        .merge(conntrack_helper::routes())
        .merge(flavor::routes())
        .merge(log::routes())
        .merge(metering::routes())
        .merge(ndp_proxy::routes())
        .merge(pools::routes())
        .merge(segment::routes())
        .merge(segment_range::routes())
        .merge(statefulness::routes())
        .merge(usage::routes())
        .merge(extensions::routes())
}

impl Network {
    /// The service, ready to be merged with the others.
    pub fn router(&self, deps: Deps) -> Router {
        routes().finish(service(), self.clone(), deps)
    }
}
