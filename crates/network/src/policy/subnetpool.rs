//! Subnet pools.

use super::{ADMIN, ADMIN_OR_MEMBER};

policy::rules! {
    /// Create a subnet pool.
    CREATE = "create_subnetpool", ADMIN_OR_MEMBER, [Project], POST "/v2.0/subnetpools";
    /// Set `shared` when creating a subnet pool.
    CREATE_SHARED = "create_subnetpool:shared", ADMIN, [Project], POST "/v2.0/subnetpools";
    /// Set `is_default` when creating a subnet pool.
    CREATE_IS_DEFAULT = "create_subnetpool:is_default", ADMIN, [Project], POST "/v2.0/subnetpools";
    /// Add tags to a subnet pool.
    CREATE_TAGS = "create_subnetpool:tags", ADMIN_OR_MEMBER, [Project], POST "/v2.0/subnetpools/{id}/tags";
    /// List and show subnet pools.
    GET = "get_subnetpool",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_subnetpools", [Project],
        GET "/v2.0/subnetpools", GET "/v2.0/subnetpools/{id}";
    /// List and look up tags of a subnet pool.
    GET_TAGS = "get_subnetpool:tags",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_subnetpools", [Project],
        GET "/v2.0/subnetpools/{id}/tags", GET "/v2.0/subnetpools/{id}/tags/{tag_id}";
    /// Change a subnet pool.
    UPDATE = "update_subnetpool", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/subnetpools/{id}";
    /// Change `is_default` of a subnet pool.
    UPDATE_IS_DEFAULT = "update_subnetpool:is_default", ADMIN, [Project], PUT "/v2.0/subnetpools/{id}";
    /// Set tags of a subnet pool.
    UPDATE_TAGS = "update_subnetpool:tags", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/subnetpools/{id}/tags", PUT "/v2.0/subnetpools/{id}/tags/{tag_id}";
    /// Delete a subnet pool.
    DELETE = "delete_subnetpool", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/subnetpools/{id}";
    /// Remove tags from a subnet pool.
    DELETE_TAGS = "delete_subnetpool:tags", ADMIN_OR_MEMBER, [Project],
        DELETE "/v2.0/subnetpools/{id}/tags", DELETE "/v2.0/subnetpools/{id}/tags/{tag_id}";
    /// Add prefixes to a subnet pool.
    ADD_PREFIXES = "add_prefixes", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/subnetpools/{id}/add_prefixes";
    /// Remove prefixes from a subnet pool.
    REMOVE_PREFIXES = "remove_prefixes", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/subnetpools/{id}/remove_prefixes";
    /// Take a network's subnets into a subnet pool.
    ONBOARD = "onboard_network_subnets", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/subnetpools/{id}/onboard_network_subnets";
}
