//! Networks.

use super::{ADMIN, ADMIN_OR_MEMBER};

policy::rules! {
    /// Create a network.
    CREATE = "create_network", ADMIN_OR_MEMBER, [Project], POST "/v2.0/networks";
    /// Set `shared` when creating a network.
    CREATE_SHARED = "create_network:shared", ADMIN, [Project], POST "/v2.0/networks";
    /// Set `router:external` when creating a network.
    CREATE_ROUTER_EXTERNAL = "create_network:router:external", ADMIN, [Project], POST "/v2.0/networks";
    /// Set `is_default` when creating a network.
    CREATE_IS_DEFAULT = "create_network:is_default", ADMIN, [Project], POST "/v2.0/networks";
    /// Set `port_security_enabled` when creating a network.
    CREATE_PORT_SECURITY_ENABLED = "create_network:port_security_enabled", ADMIN_OR_MEMBER, [Project],
        POST "/v2.0/networks";
    /// Set `provider:network_type` when creating a network.
    CREATE_PROVIDER_NETWORK_TYPE = "create_network:provider:network_type", ADMIN, [Project], POST "/v2.0/networks";
    /// Set `provider:physical_network` when creating a network.
    CREATE_PROVIDER_PHYSICAL_NETWORK = "create_network:provider:physical_network", ADMIN, [Project],
        POST "/v2.0/networks";
    /// Set `provider:segmentation_id` when creating a network.
    CREATE_PROVIDER_SEGMENTATION_ID = "create_network:provider:segmentation_id", ADMIN, [Project],
        POST "/v2.0/networks";
    /// Set `segments` when creating a network.
    CREATE_SEGMENTS = "create_network:segments", ADMIN, [Project], POST "/v2.0/networks";
    /// Add tags to a network.
    CREATE_TAGS = "create_network:tags", ADMIN_OR_MEMBER, [Project], POST "/v2.0/networks/{id}/tags";
    /// List and show networks.
    GET = "get_network",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:service_api or rule:shared or rule:external or rule:context_is_advsvc", [Project],
        GET "/v2.0/networks", GET "/v2.0/networks/{id}";
    /// See `provider:network_type` of a network.
    GET_PROVIDER_NETWORK_TYPE = "get_network:provider:network_type", ADMIN, [Project],
        GET "/v2.0/networks", GET "/v2.0/networks/{id}";
    /// See `provider:physical_network` of a network.
    GET_PROVIDER_PHYSICAL_NETWORK = "get_network:provider:physical_network", ADMIN, [Project],
        GET "/v2.0/networks", GET "/v2.0/networks/{id}";
    /// See `provider:segmentation_id` of a network.
    GET_PROVIDER_SEGMENTATION_ID = "get_network:provider:segmentation_id", ADMIN, [Project],
        GET "/v2.0/networks", GET "/v2.0/networks/{id}";
    /// See `segments` of a network.
    GET_SEGMENTS = "get_network:segments", ADMIN, [Project], GET "/v2.0/networks", GET "/v2.0/networks/{id}";
    /// List and look up tags of a network.
    GET_TAGS = "get_network:tags",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared or rule:external or rule:context_is_advsvc", [Project],
        GET "/v2.0/networks/{id}/tags", GET "/v2.0/networks/{id}/tags/{tag_id}";
    /// Change a network.
    UPDATE = "update_network", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/networks/{id}";
    /// Change `shared` of a network.
    UPDATE_SHARED = "update_network:shared", ADMIN, [Project], PUT "/v2.0/networks/{id}";
    /// Change `provider:network_type` of a network.
    UPDATE_PROVIDER_NETWORK_TYPE = "update_network:provider:network_type", ADMIN, [Project], PUT "/v2.0/networks/{id}";
    /// Change `provider:physical_network` of a network.
    UPDATE_PROVIDER_PHYSICAL_NETWORK = "update_network:provider:physical_network", ADMIN, [Project],
        PUT "/v2.0/networks/{id}";
    /// Change `provider:segmentation_id` of a network.
    UPDATE_PROVIDER_SEGMENTATION_ID = "update_network:provider:segmentation_id", ADMIN, [Project],
        PUT "/v2.0/networks/{id}";
    /// Change `router:external` of a network.
    UPDATE_ROUTER_EXTERNAL = "update_network:router:external", ADMIN, [Project], PUT "/v2.0/networks/{id}";
    /// Change `is_default` of a network.
    UPDATE_IS_DEFAULT = "update_network:is_default", ADMIN, [Project], PUT "/v2.0/networks/{id}";
    /// Change `port_security_enabled` of a network.
    UPDATE_PORT_SECURITY_ENABLED = "update_network:port_security_enabled", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/networks/{id}";
    /// Set tags of a network.
    UPDATE_TAGS = "update_network:tags", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/networks/{id}/tags", PUT "/v2.0/networks/{id}/tags/{tag_id}";
    /// Delete a network.
    DELETE = "delete_network", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/networks/{id}";
    /// Remove tags from a network.
    DELETE_TAGS = "delete_network:tags", ADMIN_OR_MEMBER, [Project],
        DELETE "/v2.0/networks/{id}/tags", DELETE "/v2.0/networks/{id}/tags/{tag_id}";
}
