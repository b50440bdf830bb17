//! Routers and their interfaces.

use super::{ADMIN, ADMIN_OR_MEMBER, ADMIN_OR_READER};

policy::rules! {
    /// Create a router.
    CREATE = "create_router", ADMIN_OR_MEMBER, [Project], POST "/v2.0/routers";
    /// Set `external_gateway_info` when creating a router.
    CREATE_EXTERNAL_GATEWAY_INFO = "create_router:external_gateway_info", ADMIN_OR_MEMBER, [Project],
        POST "/v2.0/routers";
    /// Set `network_id` of `external_gateway_info` when creating a router.
    CREATE_EXTERNAL_GATEWAY_INFO_NETWORK_ID = "create_router:external_gateway_info:network_id",
        ADMIN_OR_MEMBER, [Project],
        POST "/v2.0/routers";
    /// Set `enable_snat` of `external_gateway_info` when creating a router.
    CREATE_EXTERNAL_GATEWAY_INFO_ENABLE_SNAT = "create_router:external_gateway_info:enable_snat", ADMIN, [Project],
        POST "/v2.0/routers";
    /// Set `external_fixed_ips` of `external_gateway_info` when creating a router.
    CREATE_EXTERNAL_GATEWAY_INFO_EXTERNAL_FIXED_IPS = "create_router:external_gateway_info:external_fixed_ips",
        ADMIN, [Project],
        POST "/v2.0/routers";
    /// Set `distributed` when creating a router.
    CREATE_DISTRIBUTED = "create_router:distributed", ADMIN, [Project], POST "/v2.0/routers";
    /// Set `ha` when creating a router.
    CREATE_HA = "create_router:ha", ADMIN, [Project], POST "/v2.0/routers";
    /// Add tags to a router.
    CREATE_TAGS = "create_router:tags", ADMIN_OR_MEMBER, [Project], POST "/v2.0/routers/{id}/tags";
    /// List and show routers.
    GET = "get_router", ADMIN_OR_READER, [Project], GET "/v2.0/routers", GET "/v2.0/routers/{id}";
    /// See `distributed` of a router.
    GET_DISTRIBUTED = "get_router:distributed", ADMIN, [Project], GET "/v2.0/routers", GET "/v2.0/routers/{id}";
    /// See `ha` of a router.
    GET_HA = "get_router:ha", ADMIN, [Project], GET "/v2.0/routers", GET "/v2.0/routers/{id}";
    /// List and look up tags of a router.
    GET_TAGS = "get_router:tags", ADMIN_OR_READER, [Project],
        GET "/v2.0/routers/{id}/tags", GET "/v2.0/routers/{id}/tags/{tag_id}";
    /// Change a router.
    UPDATE = "update_router", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/routers/{id}";
    /// Change `external_gateway_info` of a router.
    UPDATE_EXTERNAL_GATEWAY_INFO = "update_router:external_gateway_info", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}";
    /// Change `network_id` of `external_gateway_info` of a router.
    UPDATE_EXTERNAL_GATEWAY_INFO_NETWORK_ID = "update_router:external_gateway_info:network_id",
        ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}";
    /// Change `enable_snat` of `external_gateway_info` of a router.
    UPDATE_EXTERNAL_GATEWAY_INFO_ENABLE_SNAT = "update_router:external_gateway_info:enable_snat", ADMIN, [Project],
        PUT "/v2.0/routers/{id}";
    /// Change `external_fixed_ips` of `external_gateway_info` of a router.
    UPDATE_EXTERNAL_GATEWAY_INFO_EXTERNAL_FIXED_IPS = "update_router:external_gateway_info:external_fixed_ips",
        ADMIN, [Project],
        PUT "/v2.0/routers/{id}";
    /// Change `distributed` of a router.
    UPDATE_DISTRIBUTED = "update_router:distributed", ADMIN, [Project], PUT "/v2.0/routers/{id}";
    /// Change `ha` of a router.
    UPDATE_HA = "update_router:ha", ADMIN, [Project], PUT "/v2.0/routers/{id}";
    /// Set tags of a router.
    UPDATE_TAGS = "update_router:tags", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/tags", PUT "/v2.0/routers/{id}/tags/{tag_id}";
    /// Delete a router.
    DELETE = "delete_router", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/routers/{id}";
    /// Remove tags from a router.
    DELETE_TAGS = "delete_router:tags", ADMIN_OR_MEMBER, [Project],
        DELETE "/v2.0/routers/{id}/tags", DELETE "/v2.0/routers/{id}/tags/{tag_id}";
    /// Connect a subnet to a router.
    ADD_INTERFACE = "add_router_interface", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/routers/{id}/add_router_interface";
    /// Disconnect a subnet from a router.
    REMOVE_INTERFACE = "remove_router_interface", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/remove_router_interface";
    /// Add routes to a router, without touching the others.
    ADD_EXTRAROUTES = "add_extraroutes", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/routers/{id}/add_extraroutes";
    /// Remove routes from a router, without touching the others.
    REMOVE_EXTRAROUTES = "remove_extraroutes", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/routers/{id}/remove_extraroutes";
}
