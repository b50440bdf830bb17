//! Port forwardings of floating IPs.

const READER: &str = "(rule:admin_only) or (role:reader and rule:ext_parent_owner)";
const MEMBER: &str = "(rule:admin_only) or (role:member and rule:ext_parent_owner)";

policy::rules! {
    /// Create a port forwarding.
    CREATE = "create_floatingip_port_forwarding", MEMBER, [Project],
        POST "/v2.0/floatingips/{floatingip_id}/port_forwardings";
    /// List and show port forwardings.
    GET = "get_floatingip_port_forwarding", READER, [Project],
        GET "/v2.0/floatingips/{floatingip_id}/port_forwardings",
        GET "/v2.0/floatingips/{floatingip_id}/port_forwardings/{port_forwarding_id}";
    /// Change a port forwarding.
    UPDATE = "update_floatingip_port_forwarding", MEMBER, [Project],
        PUT "/v2.0/floatingips/{floatingip_id}/port_forwardings/{port_forwarding_id}";
    /// Delete a port forwarding.
    DELETE = "delete_floatingip_port_forwarding", MEMBER, [Project],
        DELETE "/v2.0/floatingips/{floatingip_id}/port_forwardings/{port_forwarding_id}";
}
