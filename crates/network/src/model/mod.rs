//! What the network service stores, and what it decides about it: plain data and pure functions. No HTTP, no I/O.

pub mod address;
pub mod address_group;
pub mod address_scope;
pub mod agent;
pub mod auto_topology;
pub mod flavor;
pub mod floatingip;
pub mod log;
pub mod logical;
pub mod metering;
pub mod ndp_proxy;
pub mod network;
pub mod port;
pub mod port_extras;
pub mod port_forwarding;
pub mod qos;
pub mod quota;
pub mod rbac;
pub mod resource_request;
pub mod router;
pub mod security_group;
pub mod segment;
pub mod segment_range;
pub mod settings;
pub mod standard;
pub mod subnet;
pub mod subnetpool;
pub mod trunk;

pub use address_group::AddressGroup;
pub use address_scope::AddressScope;
pub use auto_topology::AutoTopology;
pub use flavor::{Flavor, ServiceProfile};
pub use floatingip::FloatingIp;
pub use log::Log;
pub use metering::{MeteringLabel, MeteringRule};
pub use ndp_proxy::NdpProxy;
pub use network::Network;
pub use port::Port;
pub use port_extras::PortExtras;
pub use port_forwarding::PortForwarding;
pub use qos::{QosPolicy, QosRule};
pub use rbac::RbacPolicy;
pub use router::Router;
pub use security_group::{DefaultRule, DefaultStatefulness, SecurityGroup, SecurityGroupRule};
pub use segment_range::SegmentRange;
pub use settings::{Physical, Settings};
pub use standard::{Resource, Standard};
pub use subnet::Subnet;
pub use subnetpool::SubnetPool;
pub use trunk::Trunk;

kernel::id_type! {
    AddressGroupId, AddressScopeId, SubnetPoolId, SecurityGroupRuleId, DefaultRuleId, RbacPolicyId, MeteringLabelId, MeteringRuleId, RouterFlavorId, ServiceProfileId, SegmentId, SegmentRangeId, LogId, NdpProxyId, ConntrackHelperId, StatefulnessId, TrunkId, QosPolicyId, QosRuleId, PortForwardingId,
}

/// Every kind of object this service stores.
pub fn schema(schema: store::Schema) -> store::Schema {
    schema
        .with::<Network>()
        .with::<Subnet>()
        .with::<SubnetPool>()
        .with::<AddressScope>()
        .with::<AddressGroup>()
        .with::<Port>()
        .with::<Trunk>()
        .with::<QosPolicy>()
        .with::<Router>()
        .with::<FloatingIp>()
        .with::<PortForwarding>()
        .with::<SecurityGroup>()
        .with::<SecurityGroupRule>()
        .with::<DefaultRule>()
        .with::<RbacPolicy>()
        .with::<MeteringLabel>()
        .with::<MeteringRule>()
        .with::<Flavor>()
        .with::<ServiceProfile>()
        .with::<SegmentRange>()
        .with::<Log>()
        .with::<NdpProxy>()
        .with::<DefaultStatefulness>()
        .with::<AutoTopology>()
        .with::<address::AddressClaim>()
        .with::<agent::AgentNote>()
        .with::<crate::traffic::PortTraffic>()
        .with::<crate::traffic::ProjectTraffic>()
        .with::<crate::traffic::NetworkExport>()
        .with::<crate::bootstrap::Bootstrapped>()
        .with::<::ports::quota::QuotaUsage>()
        .with::<::ports::quota::QuotaLimits>()
}
