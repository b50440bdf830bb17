//! Conntrack helpers of routers.

const PARENT_MEMBER: &str = "(rule:admin_only) or (role:member and rule:ext_parent_owner)";

policy::rules! {
    /// Create a conntrack helper of a router.
    CREATE = "create_router_conntrack_helper", PARENT_MEMBER, [Project], POST "/v2.0/routers/{id}/conntrack_helpers";
    /// List and show conntrack helpers of a router.
    GET = "get_router_conntrack_helper", "(rule:admin_only) or (role:reader and rule:ext_parent_owner)", [Project],
        GET "/v2.0/routers/{id}/conntrack_helpers", GET "/v2.0/routers/{id}/conntrack_helpers/{helper_id}";
    /// Change a conntrack helper of a router.
    UPDATE = "update_router_conntrack_helper", PARENT_MEMBER, [Project],
        PUT "/v2.0/routers/{id}/conntrack_helpers/{helper_id}";
    /// Delete a conntrack helper of a router.
    DELETE = "delete_router_conntrack_helper", PARENT_MEMBER, [Project],
        DELETE "/v2.0/routers/{id}/conntrack_helpers/{helper_id}";
}
