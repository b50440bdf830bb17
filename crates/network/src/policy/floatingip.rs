//! Floating IPs.

use super::{ADMIN_OR_MANAGER, ADMIN_OR_MEMBER, ADMIN_OR_READER};

policy::rules! {
    /// Create a floating IP.
    CREATE = "create_floatingip", ADMIN_OR_MEMBER, [Project], POST "/v2.0/floatingips";
    /// Set `floating_ip_address` when creating a floating IP.
    CREATE_FLOATING_IP_ADDRESS = "create_floatingip:floating_ip_address", ADMIN_OR_MANAGER, [Project],
        POST "/v2.0/floatingips";
    /// Add tags to a floating IP.
    CREATE_TAGS = "create_floatingip:tags", ADMIN_OR_MEMBER, [Project], POST "/v2.0/floatingips/{id}/tags";
    /// List and show floating IPs.
    GET = "get_floatingip", ADMIN_OR_READER, [Project], GET "/v2.0/floatingips", GET "/v2.0/floatingips/{id}";
    /// List and look up tags of a floating IP.
    GET_TAGS = "get_floatingip:tags", ADMIN_OR_READER, [Project],
        GET "/v2.0/floatingips/{id}/tags", GET "/v2.0/floatingips/{id}/tags/{tag_id}";
    /// Change a floating IP.
    UPDATE = "update_floatingip", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/floatingips/{id}";
    /// Set tags of a floating IP.
    UPDATE_TAGS = "update_floatingip:tags", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/floatingips/{id}/tags", PUT "/v2.0/floatingips/{id}/tags/{tag_id}";
    /// Delete a floating IP.
    DELETE = "delete_floatingip", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/floatingips/{id}";
    /// Remove tags from a floating IP.
    DELETE_TAGS = "delete_floatingip:tags", ADMIN_OR_MEMBER, [Project],
        DELETE "/v2.0/floatingips/{id}/tags", DELETE "/v2.0/floatingips/{id}/tags/{tag_id}";
    /// List floating IP pools.
    POOL_GET = "get_floatingip_pool", ADMIN_OR_READER, [Project], GET "/v2.0/floatingip-pools";
}
