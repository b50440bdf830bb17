//! Ports.

use super::{ADMIN, ADMIN_OR_SERVICE};

policy::rules! {
    /// Create a port.
    CREATE = "create_port",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or rule:shared", [Project],
        POST "/v2.0/ports";
    /// Set `device_id` when creating a port.
    CREATE_DEVICE_ID = "create_port:device_id",
        "(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:service_api", [Project],
        POST "/v2.0/ports";
    /// Set `device_owner` when creating a port.
    CREATE_DEVICE_OWNER = "create_port:device_owner",
        "not rule:network_device or (rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        POST "/v2.0/ports";
    /// Set `mac_address` when creating a port.
    CREATE_MAC_ADDRESS = "create_port:mac_address",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        POST "/v2.0/ports";
    /// Set `fixed_ips` when creating a port.
    CREATE_FIXED_IPS = "create_port:fixed_ips",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or rule:shared", [Project],
        POST "/v2.0/ports";
    /// Set `ip_address` of `fixed_ips` when creating a port.
    CREATE_FIXED_IPS_IP_ADDRESS = "create_port:fixed_ips:ip_address",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        POST "/v2.0/ports";
    /// Set `subnet_id` of `fixed_ips` when creating a port.
    CREATE_FIXED_IPS_SUBNET_ID = "create_port:fixed_ips:subnet_id",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or rule:shared", [Project],
        POST "/v2.0/ports";
    /// Set `port_security_enabled` when creating a port.
    CREATE_PORT_SECURITY_ENABLED = "create_port:port_security_enabled",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        POST "/v2.0/ports";
    /// Set `binding:host_id` when creating a port.
    CREATE_BINDING_HOST_ID = "create_port:binding:host_id", ADMIN_OR_SERVICE, [Project], POST "/v2.0/ports";
    /// Set `binding:profile` when creating a port.
    CREATE_BINDING_PROFILE = "create_port:binding:profile", "rule:service_api", [Project], POST "/v2.0/ports";
    /// Set `binding:vnic_type` when creating a port.
    CREATE_BINDING_VNIC_TYPE = "create_port:binding:vnic_type",
        "(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:service_api", [Project],
        POST "/v2.0/ports";
    /// Set `allowed_address_pairs` when creating a port.
    CREATE_ALLOWED_ADDRESS_PAIRS = "create_port:allowed_address_pairs",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        POST "/v2.0/ports";
    /// Set `mac_address` of `allowed_address_pairs` when creating a port.
    CREATE_ALLOWED_ADDRESS_PAIRS_MAC_ADDRESS = "create_port:allowed_address_pairs:mac_address",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        POST "/v2.0/ports";
    /// Set `ip_address` of `allowed_address_pairs` when creating a port.
    CREATE_ALLOWED_ADDRESS_PAIRS_IP_ADDRESS = "create_port:allowed_address_pairs:ip_address",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        POST "/v2.0/ports";
    /// Set `hints` when creating a port.
    CREATE_HINTS = "create_port:hints", ADMIN, [Project], POST "/v2.0/ports";
    /// Set `trusted` when creating a port.
    CREATE_TRUSTED = "create_port:trusted", ADMIN, [Project], POST "/v2.0/ports";
    /// Add tags to a port.
    CREATE_TAGS = "create_port:tags",
        "(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:context_is_advsvc", [Project],
        POST "/v2.0/ports/{id}/tags";
    /// List and show ports.
    GET = "get_port",
        "(rule:admin_only) or (rule:service_api) or role:reader and rule:network_owner or role:reader and project_id:%(project_id)s", [Project],
        GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// See `binding:vif_type` of a port.
    GET_BINDING_VIF_TYPE = "get_port:binding:vif_type", ADMIN_OR_SERVICE, [Project],
        GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// See `binding:vif_details` of a port.
    GET_BINDING_VIF_DETAILS = "get_port:binding:vif_details", ADMIN_OR_SERVICE, [Project],
        GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// See `binding:host_id` of a port.
    GET_BINDING_HOST_ID = "get_port:binding:host_id", ADMIN_OR_SERVICE, [Project],
        GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// See `binding:profile` of a port.
    GET_BINDING_PROFILE = "get_port:binding:profile", ADMIN_OR_SERVICE, [Project],
        GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// See `resource_request` of a port.
    GET_RESOURCE_REQUEST = "get_port:resource_request", ADMIN, [Project],
        GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// See `hints` of a port.
    GET_HINTS = "get_port:hints", ADMIN, [Project], GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// See `trusted` of a port.
    GET_TRUSTED = "get_port:trusted", ADMIN, [Project], GET "/v2.0/ports", GET "/v2.0/ports/{id}";
    /// List and look up tags of a port.
    GET_TAGS = "get_port:tags",
        "rule:context_is_advsvc or (rule:admin_only) or (role:reader and rule:network_owner) or role:reader and project_id:%(project_id)s", [Project],
        GET "/v2.0/ports/{id}/tags", GET "/v2.0/ports/{id}/tags/{tag_id}";
    /// Change a port.
    UPDATE = "update_port",
        "(rule:admin_only) or (rule:service_api) or role:member and project_id:%(project_id)s", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `device_id` of a port.
    UPDATE_DEVICE_ID = "update_port:device_id",
        "(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:service_api", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `device_owner` of a port.
    UPDATE_DEVICE_OWNER = "update_port:device_owner",
        "not rule:network_device or (rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `mac_address` of a port.
    UPDATE_MAC_ADDRESS = "update_port:mac_address",
        "(rule:admin_only) or (rule:service_api) or role:manager and rule:network_owner", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `fixed_ips` of a port.
    UPDATE_FIXED_IPS = "update_port:fixed_ips",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `ip_address` of `fixed_ips` of a port.
    UPDATE_FIXED_IPS_IP_ADDRESS = "update_port:fixed_ips:ip_address",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `subnet_id` of `fixed_ips` of a port.
    UPDATE_FIXED_IPS_SUBNET_ID = "update_port:fixed_ips:subnet_id",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or rule:shared", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `port_security_enabled` of a port.
    UPDATE_PORT_SECURITY_ENABLED = "update_port:port_security_enabled",
        "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `binding:host_id` of a port.
    UPDATE_BINDING_HOST_ID = "update_port:binding:host_id", ADMIN_OR_SERVICE, [Project], PUT "/v2.0/ports/{id}";
    /// Change `binding:profile` of a port.
    UPDATE_BINDING_PROFILE = "update_port:binding:profile", "rule:service_api", [Project], PUT "/v2.0/ports/{id}";
    /// Change `binding:vnic_type` of a port.
    UPDATE_BINDING_VNIC_TYPE = "update_port:binding:vnic_type",
        "(rule:admin_only) or (rule:service_api) or role:member and project_id:%(project_id)s", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `allowed_address_pairs` of a port.
    UPDATE_ALLOWED_ADDRESS_PAIRS = "update_port:allowed_address_pairs",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `mac_address` of `allowed_address_pairs` of a port.
    UPDATE_ALLOWED_ADDRESS_PAIRS_MAC_ADDRESS = "update_port:allowed_address_pairs:mac_address",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `ip_address` of `allowed_address_pairs` of a port.
    UPDATE_ALLOWED_ADDRESS_PAIRS_IP_ADDRESS = "update_port:allowed_address_pairs:ip_address",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `data_plane_status` of a port.
    UPDATE_DATA_PLANE_STATUS = "update_port:data_plane_status",
        "(rule:admin_only) or role:data_plane_integrator", [Project],
        PUT "/v2.0/ports/{id}";
    /// Change `hints` of a port.
    UPDATE_HINTS = "update_port:hints", ADMIN, [Project], PUT "/v2.0/ports/{id}";
    /// Change `trusted` of a port.
    UPDATE_TRUSTED = "update_port:trusted", ADMIN, [Project], PUT "/v2.0/ports/{id}";
    /// Add address pairs to a port, without touching the others.
    ADD_ALLOWED_ADDRESS_PAIRS = "add_allowed_address_pairs",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        PUT "/v2.0/ports/{id}/add_allowed_address_pairs";
    /// Remove address pairs from a port, without touching the others.
    REMOVE_ALLOWED_ADDRESS_PAIRS = "remove_allowed_address_pairs",
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api", [Project],
        PUT "/v2.0/ports/{id}/remove_allowed_address_pairs";
    /// Set tags of a port.
    UPDATE_TAGS = "update_port:tags",
        "(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:context_is_advsvc", [Project],
        PUT "/v2.0/ports/{id}/tags", PUT "/v2.0/ports/{id}/tags/{tag_id}";
    /// Delete a port.
    DELETE = "delete_port",
        "(rule:admin_only) or (rule:service_api) or (service_roles:service and (role:member and rule:network_owner or role:member and project_id:%(project_id)s)) or (not rule:compute_device and not rule:baremetal_device and not rule:manila_device and (role:member and rule:network_owner or role:member and project_id:%(project_id)s))", [Project],
        DELETE "/v2.0/ports/{id}";
    /// Remove tags from a port.
    DELETE_TAGS = "delete_port:tags",
        "rule:context_is_advsvc or role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)", [Project],
        DELETE "/v2.0/ports/{id}/tags", DELETE "/v2.0/ports/{id}/tags/{tag_id}";
}
