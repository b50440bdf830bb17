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
    /// Set `enable_default_route_bfd` when creating a router.
    CREATE_BFD = "create_router:enable_default_route_bfd", ADMIN, [Project], POST "/v2.0/routers";
    /// Set `enable_default_route_ecmp` when creating a router.
    CREATE_ECMP = "create_router:enable_default_route_ecmp", ADMIN, [Project], POST "/v2.0/routers";
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
    /// Change `enable_default_route_bfd` of a router.
    UPDATE_BFD = "update_router:enable_default_route_bfd", ADMIN, [Project], PUT "/v2.0/routers/{id}";
    /// Change `enable_default_route_ecmp` of a router.
    UPDATE_ECMP = "update_router:enable_default_route_ecmp", ADMIN, [Project], PUT "/v2.0/routers/{id}";
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
    /// Add external gateways to a router.
    ADD_EXTERNAL_GATEWAYS = "add_external_gateways", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/add_external_gateways";
    /// Name the gateways to add to a router.
    ADD_EXTERNAL_GATEWAYS_LIST = "add_external_gateways:external_gateways", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/add_external_gateways";
    /// Set `network_id` of gateways to add to a router.
    ADD_EXTERNAL_GATEWAYS_NETWORK_ID = "add_external_gateways:external_gateways:network_id", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/add_external_gateways";
    /// Set `enable_snat` of gateways to add to a router.
    ADD_EXTERNAL_GATEWAYS_ENABLE_SNAT = "add_external_gateways:external_gateways:enable_snat", ADMIN, [Project],
        PUT "/v2.0/routers/{id}/add_external_gateways";
    /// Set `external_fixed_ips` of gateways to add to a router.
    ADD_EXTERNAL_GATEWAYS_FIXED_IPS = "add_external_gateways:external_gateways:external_fixed_ips", ADMIN, [Project],
        PUT "/v2.0/routers/{id}/add_external_gateways";
    /// Set the external gateways of a router.
    UPDATE_EXTERNAL_GATEWAYS = "update_external_gateways", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/update_external_gateways";
    /// Name the gateways of a router.
    UPDATE_EXTERNAL_GATEWAYS_LIST = "update_external_gateways:external_gateways", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/update_external_gateways";
    /// Change `network_id` of gateways of a router.
    UPDATE_EXTERNAL_GATEWAYS_NETWORK_ID = "update_external_gateways:external_gateways:network_id",
        ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/update_external_gateways";
    /// Change `enable_snat` of gateways of a router.
    UPDATE_EXTERNAL_GATEWAYS_ENABLE_SNAT = "update_external_gateways:external_gateways:enable_snat", ADMIN, [Project],
        PUT "/v2.0/routers/{id}/update_external_gateways";
    /// Change `external_fixed_ips` of gateways of a router.
    UPDATE_EXTERNAL_GATEWAYS_FIXED_IPS = "update_external_gateways:external_gateways:external_fixed_ips",
        ADMIN, [Project],
        PUT "/v2.0/routers/{id}/update_external_gateways";
    /// Take external gateways from a router.
    REMOVE_EXTERNAL_GATEWAYS = "remove_external_gateways", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/remove_external_gateways";
    /// Name the gateways to take from a router.
    REMOVE_EXTERNAL_GATEWAYS_LIST = "remove_external_gateways:external_gateways", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/remove_external_gateways";
    /// Add routes to a router, without touching the others.
    ADD_EXTRAROUTES = "add_extraroutes", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/routers/{id}/add_extraroutes";
    /// Remove routes from a router, without touching the others.
    REMOVE_EXTRAROUTES = "remove_extraroutes", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/routers/{id}/remove_extraroutes";
}
