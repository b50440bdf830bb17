//! Neutron's policy: its rule names with the defaults of its secure-RBAC personas.
//!
//! A table per resource. A rule named `create_network:shared` guards one attribute: it is asked when a request sets the
//! attribute to something else than its default, and `get_…` rules hide an attribute from those they refuse
//! ([`crate::ops::access`] asks them). Rules of attributes and operations that do not exist here are not declared.

use policy::ServicePolicy;

pub mod address_group;
pub mod address_scope;
pub mod auto_topology;
pub mod conntrack_helper;
pub mod flavor;
pub mod floatingip;
pub mod logging;
pub mod metering;
pub mod ndp_proxy;
pub mod network;
pub mod port;
pub mod port_binding;
pub mod port_forwarding;
pub mod qos;
pub mod quota;
pub mod rbac;
pub mod router;
pub mod security_group;
pub mod segment;
pub mod service;
pub mod subnet;
pub mod subnetpool;
pub mod trunk;

pub(crate) const ADMIN: &str = "rule:admin_only";
pub(crate) const ADMIN_OR_SERVICE: &str = "(rule:admin_only) or (rule:service_api)";
pub(crate) const ADMIN_OR_MEMBER: &str = "(rule:admin_only) or (role:member and project_id:%(project_id)s)";
pub(crate) const ADMIN_OR_MANAGER: &str = "(rule:admin_only) or (role:manager and project_id:%(project_id)s)";
pub(crate) const ADMIN_OR_READER: &str = "(rule:admin_only) or (role:reader and project_id:%(project_id)s)";
pub(crate) const READER: &str = "role:reader";

/// Names that are asked directly and that other rules build on.
pub mod who {
    policy::rules! {
        /// Sees and may refer to the objects of all projects.
        ADMIN = "context_is_admin", "role:admin", [Project];
        /// Works for all projects on behalf of an advanced service.
        ADVSVC = "context_is_advsvc", "role:advsvc", [Project];
        /// Another service of the cloud.
        SERVICE = "service_api", "role:service", [Project];
    }
}

const BASE: &[(&str, &str)] = &[
    ("owner", "project_id:%(project_id)s"),
    ("admin_or_owner", "rule:context_is_admin or rule:owner"),
    ("admin_or_network_owner", "rule:context_is_admin or project_id:%(network:project_id)s"),
    ("admin_owner_or_network_owner", "rule:owner or rule:admin_or_network_owner"),
    ("network_owner", "project_id:%(network:project_id)s"),
    ("admin_only", "rule:context_is_admin"),
    ("regular_user", ""),
    ("shared", "field:networks:shared=True"),
    ("default", "rule:admin_or_owner"),
    ("admin_or_ext_parent_owner", "rule:context_is_admin or project_id:%(ext_parent:project_id)s"),
    ("ext_parent_owner", "project_id:%(ext_parent:project_id)s"),
    ("sg_owner", "project_id:%(security_group:project_id)s"),
    ("external", "field:networks:router:external=True"),
    ("external_network", "field:subnets:router:external=True"),
    ("shared_address_groups", "field:address_groups:shared=True"),
    ("shared_address_scopes", "field:address_scopes:shared=True"),
    ("shared_qos_policy", "field:policies:shared=True"),
    ("shared_subnetpools", "field:subnetpools:shared=True"),
    ("network_device", "field:port:device_owner=~^network:"),
    ("compute_device", "field:port:device_owner=~^compute:"),
    ("baremetal_device", "field:port:device_owner=~^baremetal:"),
    ("manila_device", "field:port:device_owner=~^manila:"),
    ("admin_or_sg_owner", "rule:context_is_admin or project_id:%(security_group:project_id)s"),
    ("admin_owner_or_sg_owner", "rule:owner or rule:admin_or_sg_owner"),
    ("shared_security_group", "field:security_groups:shared=True"),
    ("rule_default_sg", "field:security_group_rules:belongs_to_default_sg=True"),
    (
        "restrict_wildcard",
        "(not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*) or rule:admin_only",
    ),
];

/// What `node` hands to `policy::Policies`.
pub static POLICY: ServicePolicy = ServicePolicy {
    service: "network",
    base: BASE,
    rules: &[
        who::ALL,
        network::ALL,
        subnet::ALL,
        subnetpool::ALL,
        address_scope::ALL,
        address_group::ALL,
        port::ALL,
        trunk::ALL,
        router::ALL,
        floatingip::ALL,
        port_binding::ALL,
        port_forwarding::ALL,
        security_group::ALL,
        rbac::ALL,
        qos::ALL,
        quota::ALL,
        auto_topology::ALL,
        conntrack_helper::ALL,
        flavor::ALL,
        logging::ALL,
        metering::ALL,
        ndp_proxy::ALL,
        segment::ALL,
        service::ALL,
    ],
    refusal: "{} is disallowed by policy",
};

#[cfg(test)]
mod tests {
    #[test]
    fn the_defaults_link() {
        let enforcer = policy::Enforcer::new(&super::POLICY).expect("no rule is malformed or refers to nothing");
        assert!(enforcer.checks().count() > 150);
    }
}
