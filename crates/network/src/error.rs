//! Neutron's refusals. Clients see the variant's name as `type` and its text as `message`; the status follows from the kind.
//! Mapped once, here, to [`kernel::Error`].

use kernel::{Error, Kind};
use std::net::IpAddr;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])* $name:ident $({ $($field:ident: $type:ty),+ $(,)? })? => $kind:ident, $text:literal;)+) => {
        /// One refusal.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum NetError {
            $($(#[doc = $doc])* #[error($text)] $name $({ $($field: $type),+ })?,)+
        }

        impl NetError {
            /// Neutron's name of the exception.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => stringify!($name),)+ }
            }

            pub fn kind(&self) -> Kind {
                match self { $(Self::$name { .. } => Kind::$kind,)+ }
            }
        }
    };
}

impl From<NetError> for Error {
    fn from(error: NetError) -> Self {
        Self::of(error.kind(), error.to_string()).with_code(error.code())
    }
}

refusals! {
    // What is not there, or not for the caller's eyes.
    NetworkNotFound { id: String } => NotFound, "Network {id} could not be found.";
    SubnetNotFound { id: String } => NotFound, "Subnet {id} could not be found.";
    SubnetPoolNotFound { id: String } => NotFound, "Subnet pool {id} could not be found.";
    AddressGroupNotFound { id: String } => NotFound, "Address group {id} could not be found.";
    AddressesNotFound { addresses: String, group: String } =>
        NotFound, "Addresses {addresses} not found in the address group {group}.";
    AddressScopeNotFound { id: String } => NotFound, "Address scope {id} could not be found.";
    PortNotFound { id: String } => NotFound, "Port {id} could not be found.";
    TrunkNotFound { id: String } => NotFound, "Trunk {id} could not be found.";
    SubPortNotFound { trunk: String, port: String } => NotFound, "SubPort {port} on trunk {trunk} could not be found.";
    QosPolicyNotFound { id: String } => NotFound, "QoS policy {id} could not be found.";
    QosRuleNotFound { rule: String, policy: String } =>
        NotFound, "QoS rule {rule} for policy {policy} could not be found.";
    PortBindingNotFound { port: String, host: String } =>
        NotFound, "Binding for port {port} for host {host} could not be found.";
    PortForwardingNotFound { id: String } => NotFound, "Port Forwarding {id} could not be found.";
    RouterNotFound { id: String } => NotFound, "Router {id} could not be found";
    RouterInterfaceNotFound { router: String, port: String } =>
        NotFound, "Router {router} does not have an interface with id {port}";
    RouterInterfaceNotFoundForSubnet { router: String, subnet: String } =>
        NotFound, "Router {router} has no interface on subnet {subnet}";
    FloatingIPNotFound { id: String } => NotFound, "Floating IP {id} could not be found";
    SecurityGroupNotFound { id: String } => NotFound, "Security group {id} does not exist";
    SecurityGroupRuleNotFound { id: String } => NotFound, "Security group rule {id} does not exist";
    DefaultSecurityGroupRuleNotFound { id: String } => NotFound, "Default Security Group rule {id} does not exist";
    RbacPolicyNotFound { id: String } => NotFound, "RBAC policy of type None with ID {id} not found";
    AgentNotFound { id: String } => NotFound, "Agent {id} could not be found.";
    InvalidDHCPAgent { id: String } => NotFound, "Agent {id} is not a valid DHCP Agent or has been disabled.";
    MeteringLabelNotFound { id: String } => NotFound, "Metering label '{id}' does not exist.";
    MeteringLabelRuleNotFound { id: String } => NotFound, "Metering label rule '{id}' does not exist.";
    FlavorNotFound { id: String } => NotFound, "Flavor {id} could not be found.";
    ServiceProfileNotFound { id: String } => NotFound, "Service Profile {id} could not be found.";
    FlavorServiceProfileBindingNotFound { profile: String, flavor: String } =>
        NotFound, "Service Profile {profile} is not associated with flavor {flavor}.";
    ServiceProfileDriverNotFound { driver: String } => NotFound, "Service Profile driver {driver} could not be found.";
    SegmentNotFound { id: String } => NotFound, "Segment {id} could not be found.";
    NetworkSegmentRangeNotFound { id: String } => NotFound, "Network Segment Range {id} could not be found.";
    LogResourceNotFound { id: String } => NotFound, "Log resource {id} could not be found.";
    TargetResourceNotFound { id: String } => NotFound, "Target resource {id} could not be found.";
    ResourceNotFound { id: String } => NotFound, "Resource {id} could not be found.";
    NDPProxyNotFound { id: String } => NotFound, "Ndp proxy {id} could not be found.";
    ConntrackHelperNotFound { id: String } => NotFound, "Conntrack Helper {id} could not be found.";
    SecurityGroupDefaultStatefulnessNotFound { id: String } =>
        NotFound, "Security group default statefulness {id} could not be found.";
    AvailabilityZoneNotFound { name: String } => NotFound, "AvailabilityZone {name} could not be found.";
    TagNotFound { tag: String } => NotFound, "Tag {tag} could not be found.";
    ExtensionNotFound { alias: String } => NotFound, "Extension with alias {alias} does not exist";
    ExternalGatewayForFloatingIPNotFound { network: String, subnet: String, port: String } => NotFound,
        "External network {network} is not reachable from subnet {subnet}.  Therefore, cannot associate Port {port} with a Floating IP.";
    /// What a caller gets for another project's object.
    HTTPNotFound => NotFound, "The resource could not be found.";

    // Requests that cannot be.
    HTTPBadRequest { reason: String } => BadRequest, "{reason}";
    InvalidInput { reason: String } => BadRequest, "Invalid input for operation: {reason}.";
    BadRequest { resource: &'static str, reason: String } => BadRequest, "Bad {resource} request: {reason}.";
    InvalidCIDR { input: String } => BadRequest, "Invalid CIDR {input} given as IP prefix.";
    InvalidAllocationPool { pool: String } => BadRequest, "The allocation pool {pool} is not valid.";
    OutOfBoundsAllocationPool { pool: String, cidr: String } =>
        BadRequest, "The allocation pool {pool} spans beyond the subnet cidr {cidr}.";
    InvalidIpForNetwork { address: IpAddr } =>
        BadRequest, "IP address {address} is not a valid IP for any of the subnets on the specified network.";
    InvalidIpForSubnet { address: IpAddr } =>
        BadRequest, "IP address {address} is not a valid IP for the specified subnet.";
    AllocationOnAutoAddressSubnet { address: IpAddr, subnet: String } => BadRequest,
        "IPv6 address {address} can not be directly assigned to a port on subnet {subnet} as the subnet is configured for automatic addresses";
    SubnetMismatchForPort { port: String, subnet: String } =>
        BadRequest, "Subnet on port {port} does not match the requested subnet {subnet}.";
    DNSNameServersExhausted { subnet: String, quota: usize } => BadRequest,
        "Unable to complete operation for {subnet}. The number of DNS nameservers exceeds the limit {quota}.";
    HostRoutesExhausted { subnet: String, quota: usize } => BadRequest,
        "Unable to complete operation for {subnet}. The number of host routes exceeds the limit {quota}.";
    RoutesExhausted { router: String, quota: usize } => BadRequest,
        "Unable to complete operation for {router}. The number of routes exceeds the maximum {quota}.";
    InvalidRoutes { routes: String, reason: String } => BadRequest, "Invalid format for routes: {routes}, {reason}";
    AllowedAddressPairExhausted { quota: usize } =>
        BadRequest, "The number of allowed address pair exceeds the maximum {quota}.";
    AllowedAddressPairsMissingIP => BadRequest, "AllowedAddressPair must contain ip_address";
    DuplicateAddressPairInRequest { mac: String, ip: String } =>
        BadRequest, "Request contains duplicate address pair: mac_address {mac} ip_address {ip}.";
    PortSecurityAndIPRequiredForSecurityGroups => BadRequest,
        "Port security must be enabled and port must have an IP address in order to use security groups.";
    InvalidSubnetServiceType { service_type: String } =>
        BadRequest, "Subnet service type {service_type} does not correspond to a valid device owner.";
    EmptySubnetPoolPrefixList => BadRequest, "Empty subnet pool prefix list.";
    PrefixVersionMismatch => BadRequest, "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.";
    IllegalSubnetPoolPrefixBounds { what: &'static str, len: u8, base: &'static str, base_len: u8 } =>
        BadRequest, "Illegal prefix bounds: {what}={len}, {base}={base_len}.";
    IllegalSubnetPoolUpdate { reason: String } => BadRequest, "Illegal subnetpool update : {reason}.";
    IllegalSubnetPoolIpVersionAssociationToAddressScope { pool: String, scope: String, ip_version: u8 } => BadRequest,
        "Illegal subnetpool association: subnetpool {pool} cannot associate with address scope {scope} because subnetpool ip_version is not {ip_version}.";
    AddressesAlreadyExist { addresses: String, group: String } =>
        BadRequest, "Addresses {addresses} already exist in the address group {group}.";
    AddressScopeUpdateError { id: String, reason: String } =>
        BadRequest, "Unable to update address scope {id} : {reason}.";
    NetworkAddressScopeAffinityError => BadRequest,
        "Subnets of the same address family hosted on the same network must all participate in the same address scope.";
    IllegalSubnetPoolPrefixUpdate { reason: String } => BadRequest, "Illegal update to prefixes: {reason}.";
    MinPrefixSubnetAllocationError { len: u8, min: u8 } =>
        BadRequest, "Unable to allocate subnet with prefix length {len}, minimum allowed prefix is {min}.";
    MaxPrefixSubnetAllocationError { len: u8, max: u8 } =>
        BadRequest, "Unable to allocate subnet with prefix length {len}, maximum allowed prefix is {max}.";
    NetworkSubnetPoolAffinityError =>
        BadRequest, "Subnets hosted on the same network must be allocated from the same subnet pool.";
    SubnetPoolDeleteError { reason: String } => BadRequest, "Unable to delete subnet pool: {reason}.";
    ExternalIpAddressExhausted { network: String } =>
        BadRequest, "Unable to find any IP address on external network {network}.";
    SecurityGroupInvalidPortRange =>
        BadRequest, "For TCP/UDP protocols, port_range_min must be <= port_range_max";
    SecurityGroupInvalidPortValue { port: String } => BadRequest, "Invalid value for port {port}";
    SecurityGroupInvalidIcmpValue { field: &'static str, attr: &'static str, value: u16 } =>
        BadRequest, "Invalid value for ICMP {field} ({attr}) {value}. It must be 0 to 255.";
    SecurityGroupMissingIcmpType { value: u16 } =>
        BadRequest, "ICMP code (port-range-max) {value} is provided but ICMP type (port-range-min) is missing.";
    SecurityGroupInvalidProtocolForPort { protocol: String } =>
        BadRequest, "Invalid protocol {protocol} for port range, only supported for TCP, UDP, UDPLITE, SCTP and DCCP.";
    SecurityGroupProtocolRequiredWithPorts => BadRequest, "Must also specify protocol if port range is given.";
    SecurityGroupRuleInvalidProtocol { protocol: String } => BadRequest,
        "Security group rule protocol {protocol} not supported. Only known protocol names and integer representations [0 to 255] are supported.";
    SecurityGroupRuleInvalidEtherType { ethertype: String } => BadRequest,
        "Security group rule for ethertype '{ethertype}' not supported. Allowed values are ['IPv4', 'IPv6'].";
    SecurityGroupRuleParameterConflict { ethertype: &'static str, cidr: String } =>
        BadRequest, "Conflicting value ethertype {ethertype} for CIDR {cidr}";
    SecurityGroupEthertypeConflictWithProtocol { ethertype: &'static str, protocol: String } =>
        BadRequest, "Invalid ethertype {ethertype} for protocol {protocol}.";
    SecurityGroupMultipleRemoteEntites => BadRequest,
        "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.";
    SecurityGroupNotSingleGroupRules => BadRequest, "Only allowed to update rules for one security profile at a time";
    SecurityGroupRulesNotSingleProject =>
        BadRequest, "Multiple project_ids in bulk security group rule create not allowed";
    ServiceProfileEmpty => BadRequest, "Service Profile needs either a driver or metainfo.";
    InvalidLogResourceType { resource_type: String } => BadRequest, "Invalid log resource_type: {resource_type}.";
    InvalidResourceConstraint { group: String, port: String } => BadRequest,
        "Invalid resource constraint between resource (security_group {group}) and target resource (port {port}).";
    ConntrackHelperNotAllowed { helper: String } => BadRequest, "Conntrack Helper {helper} is not allowed.";
    InvalidProtocolForHelper { helper: String, protocol: String, supported: String } => BadRequest,
        "Conntrack Helper {helper} does not support: {protocol}. Supported protocols are: {supported}";
    InvalidAddress { address: String, reason: String } =>
        BadRequest, "The address {address} is invalid, reason: {reason}.";
    NetworkSegmentRangeNetTypeNotSupported { kind: String } =>
        BadRequest, "Network type {kind} does not support network segment ranges.";
    NetworkSegmentRangeDefaultReadOnly { id: String } => BadRequest,
        "Network Segment Range {id} is a default segment range which could not be updated or deleted.";
    NetworkIdsDontMatch { network: String, segment: String } => BadRequest,
        "The subnet's network id, '{network}', doesn't match the network_id of segment '{segment}'";
    SubnetsNotAllAssociatedWithSegments { network: String } => BadRequest,
        "All of the subnets on network '{network}' must either all be associated with segments or all not associated with any segment.";
    SubnetSegmentAssociationChangeNotAllowed => BadRequest,
        "A subnet that is already associated with a segment cannot have its segment association changed.";
    NoUpdateSubnetWhenMultipleSegmentsOnNetwork { network: String } => BadRequest,
        "The network '{network}' has multiple segments, it is only possible to associate an existing subnet with a segment on networks with a single segment.";
    InvalidObjectType { object_type: String } => BadRequest, "Invalid object type: {object_type}";
    RbacPolicyInitError { object: String, reason: String } =>
        BadRequest, "Failed to create RBAC policy on object {object} because {reason}.";
    RbacTargetError { action: String, object_type: String } => BadRequest, "{action} is invalid for {object_type}.";

    // What the state of things forbids.
    NetworkInUse { id: String, reason: String } => Conflict, "Unable to complete operation on network {id}. {reason}.";
    SubnetInUse { id: String, reason: String } => Conflict, "Unable to complete operation on subnet {id}: {reason}.";
    AddressGroupInUse { id: String } =>
        Conflict, "Address group {id} is in use on one or more security group rules.";
    AddressScopeInUse { id: String } => Conflict,
        "Unable to complete operation on address scope {id}. There are one or more subnet pools in use on the address scope.";
    AddressScopePrefixConflict => Conflict,
        "Failed to associate address scope: subnetpools within an address scope must have unique prefixes.";
    PortInUse { port: String, network: String, device: String } => Conflict,
        "Unable to complete operation on port {port} for network {network}. Port already has an attached device {device}.";
    ServicePortInUse { port: String, reason: String } =>
        Conflict, "Port {port} cannot be deleted directly via the port API: {reason}.";
    QosPolicyInUse { policy: String, what: &'static str, object: String } =>
        Conflict, "QoS Policy {policy} is used by {what} {object}.";
    QoSPolicyDefaultAlreadyExists { project: String } =>
        Conflict, "A default QoS policy exists for project {project}.";
    QosRuleNotSupported { rule: &'static str, port: String } =>
        Conflict, "Rule {rule} is not supported by port {port}";
    QosRuleNotSupportedByNetwork { rule: &'static str, network: String } =>
        Conflict, "Rule {rule} is not supported by network {network}";
    QoSRuleParameterConflict { value: String, policy: String, existing_rule: &'static str, existing: String } => Conflict,
        "Unable to add the rule with value {value} to the policy {policy} as the existing rule of type {existing_rule} has value {existing}.";
    QoSRulesConflict { new_type: &'static str, rule: String, policy: String } => Conflict,
        "Rule {new_type} conflicts with rule {rule} which already exists in QoS Policy {policy}.";
    PolicyRemoveAuthorizationError { policy: String } =>
        Forbidden, "Failed to remove provided policy {policy} because you are not authorized.";
    FipInUseByPortForwarding { id: String } => Conflict, "Floating IP {id} in use by Port Forwarding resources.";
    PortHasPortForwarding { port: String } => BadRequest,
        "Cannot associate floating IP to port {port} because it already has a Port Forwarding binding.";
    PortHasBindingFloatingIP { address: IpAddr, id: String, port: String, fixed: IpAddr } => Conflict,
        "Cannot create port forwarding to floating IP {address} ({id}) with port {port} using fixed IP {fixed}, as that port already has a binding floating IP.";
    PortBindingAlreadyActive { port: String, host: String } =>
        Conflict, "Binding for port {port} on host {host} is already active.";
    PortBindingAlreadyExists { port: String, host: String } =>
        Conflict, "Binding for port {port} on host {host} already exists.";
    TrunkPortInUse { port: String } => Conflict, "Port {port} is in use by another trunk.";
    ParentPortInUse { port: String } =>
        Conflict, "Port {port} is currently in use and is not eligible for use as a parent port.";
    DuplicateSubPort { vlan: u16, trunk: String } =>
        Conflict, "segmentation_type vlan and segmentation_id {vlan} already in use on trunk {trunk}.";
    SubPortMtuGreaterThanTrunkPortMtu { port: String, mtu: u32, trunk: String, trunk_mtu: u32 } =>
        Conflict, "MTU {mtu} of subport {port} cannot be greater than MTU {trunk_mtu} of trunk {trunk}.";
    PortInUseAsTrunkParent { port: String, trunk: String } =>
        Conflict, "Port {port} is currently a parent port for trunk {trunk}.";
    PortInUseAsSubPort { port: String, trunk: String } =>
        Conflict, "Port {port} is currently a subport for trunk {trunk}.";
    TrunkDisabled { id: String } => Conflict, "Trunk {id} is currently disabled.";
    PortBound { port: String, vif_type: &'static str, old_mac: String, new_mac: String } => Conflict,
        "Unable to complete operation on port {port}, port is already bound, port type: {vif_type}, old_mac {old_mac}, new_mac {new_mac}.";
    UnsupportedPortDeviceOwner { op: &'static str, owner: String, port: String } =>
        Conflict, "Operation {op} is not supported for device_owner {owner} on port {port}.";
    DeviceIDNotOwnedByTenant { device: String } => Conflict,
        "The following device_id {device} is not owned by your project or matches another project router.";
    RouterInUse { id: String, reason: String } => Conflict, "Router {id} {reason}";
    RouterInterfaceInUseByFloatingIP { router: String, subnet: String } => Conflict,
        "Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more floating IPs.";
    RouterInterfaceInUseByRoute { router: String, subnet: String } => Conflict,
        "Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more routes.";
    RouterExternalGatewayInUseByFloatingIp { router: String, network: String } => Conflict,
        "Gateway cannot be updated for router {router}, since a gateway to external network {network} is required by one or more floating IPs.";
    NetworkHostedByDHCPAgent { network: String, agent: String } =>
        Conflict, "The network {network} has been already hosted by the DHCP Agent {agent}.";
    NetworkNotHostedByDhcpAgent { network: String, agent: String } =>
        Conflict, "The network {network} is not hosted by the DHCP agent {agent}.";
    InvalidL3Agent { id: String } => Conflict, "Agent {id} is not a L3 Agent or has been disabled.";
    RouterHostedByL3Agent { router: String, agent: String } =>
        Conflict, "The router {router} has been already hosted by the L3 Agent {agent}.";
    RouterNotHostedByL3Agent { router: String, agent: String } =>
        Conflict, "The router {router} is not hosted by L3 agent {agent}.";
    MeteringLabelRuleOverlaps { prefix: String } =>
        Conflict, "Metering label rule with remote_ip_prefix '{prefix}' overlaps another.";
    FlavorInUse { id: String } => Conflict, "Flavor {id} is used by some service instance.";
    ServiceProfileInUse { id: String } => Conflict, "Service Profile {id} is used by some service instance.";
    FlavorServiceProfileBindingExists { profile: String, flavor: String } =>
        Conflict, "Service Profile {profile} is already associated with flavor {flavor}.";
    FlavorDisabled => Unavailable, "Flavor is not enabled.";
    ServiceProfileDisabled => Unavailable, "Service Profile is not enabled.";
    SegmentInUse { id: String, reason: String } => Conflict, "Segment '{id}' cannot be deleted: {reason}.";
    NetworkSegmentRangeReferencedByProject { id: String } =>
        Conflict, "Network Segment Range {id} is referenced by one or more project networks.";
    NetworkSegmentRangeOverlaps { id: String } =>
        Conflict, "Network segment range overlaps with range(s) with id {id}";
    RouterGatewayNotValid { router: String } => Conflict,
        "Can not enable ndp proxy on router {router}, The router has no external gateway or the external gateway port has no IPv6 address or IPv6 address scope.";
    RouterNDPProxyNotEnable { router: String } => Conflict,
        "The enable_ndp_proxy parameter of router {router} must be set as True while create ndp proxy entry on it.";
    PortUnreachableRouter { port: String, router: String } =>
        Conflict, "The port {port} cannot reach the router {router} by IPv6 subnet.";
    AddressScopeConflict { outer: String, inner: String } => Conflict,
        "The IPv6 address scope {outer} of external network conflict with internal network's IPv6 address scope {inner}.";
    RouterGatewayInUseByNDPProxy { router: String } => Conflict,
        "Unable to unset external gateway of router {router}, There are one or more ndp proxies still in use on the router.";
    RouterInterfaceInUseByNDPProxy { router: String, subnet: String } => Conflict,
        "Unable to remove subnet {subnet} from router {router}, There are one or more ndp proxies still in use on the subnet.";
    SecurityGroupDefaultStatefulnessAlreadyExists { project: String } =>
        Conflict, "A security group default statefulness setting already exists for project '{project}'.";
    AutoAllocationFailure { reason: String } => Conflict, "Deployment error: {reason}.";
    RouterWithoutGateway { router: String, network: String } =>
        Conflict, "Router {router} has no external gateway on network {network}";
    UnableToMatchGateways { router: String } => BadRequest,
        "Unable to match a requested gateway port to existing gateway ports for router {router}";
    FloatingIPPortAlreadyAssociated { port: String, floating: String, address: IpAddr, fixed: IpAddr, network: String } => Conflict,
        "Cannot associate floating IP {address} ({floating}) with port {port} using fixed IP {fixed}, as that fixed IP already has a floating IP on external network {network}.";
    ExternalNetworkInUse { id: String } => Conflict,
        "External network {id} cannot be updated to be made non-external, since it has existing gateway ports.";
    InvalidSharedSetting { network: String } =>
        Conflict, "Unable to reconfigure sharing settings for network {network}. Multiple projects are using it.";
    RbacPolicyInUse { object: String, reason: String } =>
        Conflict, "RBAC policy on object {object} cannot be removed because other objects depend on it.\nDetails: {reason}";
    DuplicateRbacPolicy => Conflict, "An RBAC policy already exists with those values.";
    IpAddressInUse { network: String, address: IpAddr } =>
        Conflict, "Unable to complete operation for network {network}. The IP address {address} is in use.";
    MacAddressInUse { network: String, mac: String } =>
        Conflict, "Unable to complete operation for network {network}. The mac address {mac} is in use.";
    IpAddressGenerationFailure { network: String } => Conflict, "No more IP addresses available on network {network}.";
    IpAddressGenerationFailureNoMatchingSubnet { network: String, service_type: String } => Conflict,
        "No valid service subnet for the given device owner, network {network}, service type {service_type}.";
    MacAddressGenerationFailure { network: String } =>
        Unavailable, "Unable to generate unique mac on network {network}.";
    OverlappingAllocationPools { a: String, b: String, cidr: String } =>
        Conflict, "Found overlapping allocation pools: {a} {b} for subnet {cidr}.";
    GatewayConflictWithAllocationPools { gateway: IpAddr, pool: String } =>
        Conflict, "Gateway ip {gateway} conflicts with allocation pool {pool}.";
    GatewayIpInUse { gateway: IpAddr, port: String } =>
        Conflict, "Current gateway ip {gateway} already in use by port {port}. Unable to update.";
    NetworkMTUSubnetConflict { network: String, mtu: u32 } =>
        Conflict, "MTU of {network} is not valid, subnet requires a minimum of {mtu}";
    SubnetAllocationError { reason: String } => Conflict, "Failed to allocate subnet: {reason}.";
    SubnetPoolQuotaExceeded => OverQuota, "Per-project subnet pool prefix quota exceeded.";
    AddressPairAndPortSecurityRequired =>
        Conflict, "Port Security must be enabled in order to have allowed address pairs on a port.";
    PortSecurityPortHasSecurityGroup => Conflict,
        "Port has security group associated. Cannot disable port security or IP address until security group is removed.";
    SecurityGroupInUse { id: String } => Conflict, "Security Group {id} in use.";
    SecurityGroupCannotRemoveDefault => Conflict, "Insufficient rights for removing default security group.";
    SecurityGroupCannotUpdateDefault => Conflict, "Updating default security group not allowed.";
    SecurityGroupDefaultAlreadyExists => Conflict, "Default security group already exists.";
    SecurityGroupConflict { reason: String } => Conflict, "Error {reason} while attempting the operation.";
    SecurityGroupRuleExists { id: String } => Conflict, "Security group rule already exists. Rule id is {id}.";
    DuplicateSecurityGroupRuleInPost => Conflict, "Duplicate Security Group Rule in POST.";
    DefaultSecurityGroupRuleExists { id: String } =>
        Conflict, "Default Security group rule already exists. Rule id is {id}.";
    FlatNetworkInUse { physical: String } =>
        Conflict, "Unable to create the flat network. Physical network {physical} is in use.";
    VlanIdInUse { physical: String, vlan: u32 } =>
        Conflict, "Unable to create the network. The VLAN {vlan} on physical network {physical} is in use.";
    TunnelIdInUse { key: u32 } => Conflict, "Unable to create the network. The tunnel ID {key} is in use.";
    NoNetworkAvailable =>
        Unavailable, "Unable to create the network. No project network is available for allocation.";
    DefaultExternalNetworkExists { network: String } =>
        Conflict, "A default external network already exists: {network}.";
    OverQuota { overs: String } => OverQuota, "Quota exceeded for resources: [{overs}].";
    /// The object changed since the caller last saw it (`If-Match: revision_number=…`).
    RevisionNumberConstraintFailed { expected: i64, actual: i64 } => PreconditionFailed,
        "Constrained to {expected}, but current revision is {actual}";
    Deleting { what: &'static str, id: String } =>
        Conflict, "The {what} {id} is being deleted. Try again later.";
}

impl NetError {
    pub fn input(reason: impl Into<String>) -> Self {
        Self::InvalidInput { reason: reason.into() }
    }

    /// What Neutron's API layer refuses before any resource has a say.
    pub fn request(reason: impl Into<String>) -> Self {
        Self::HTTPBadRequest { reason: reason.into() }
    }

    pub fn router(reason: impl Into<String>) -> Self {
        Self::BadRequest { resource: "router", reason: reason.into() }
    }

    pub fn floatingip(reason: impl Into<String>) -> Self {
        Self::BadRequest { resource: "floatingip", reason: reason.into() }
    }

    pub fn subnets(reason: impl Into<String>) -> Self {
        Self::BadRequest { resource: "subnets", reason: reason.into() }
    }
}
