//! Trunks.

use super::{ADMIN_OR_MEMBER, ADMIN_OR_READER};

policy::rules! {
    /// Create a trunk.
    CREATE = "create_trunk", ADMIN_OR_MEMBER, [Project], POST "/v2.0/trunks";
    /// Add tags to a trunk.
    CREATE_TAGS = "create_trunk:tags", ADMIN_OR_MEMBER, [Project], POST "/v2.0/trunks/{id}/tags";
    /// List and show trunks.
    GET = "get_trunk", ADMIN_OR_READER, [Project], GET "/v2.0/trunks", GET "/v2.0/trunks/{id}";
    /// List and look up tags of a trunk.
    GET_TAGS = "get_trunk:tags", ADMIN_OR_READER, [Project],
        GET "/v2.0/trunks/{id}/tags", GET "/v2.0/trunks/{id}/tags/{tag_id}";
    /// Change a trunk.
    UPDATE = "update_trunk", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/trunks/{id}";
    /// Set tags of a trunk.
    UPDATE_TAGS = "update_trunk:tags", ADMIN_OR_MEMBER, [Project],
        PUT "/v2.0/trunks/{id}/tags", PUT "/v2.0/trunks/{id}/tags/{tag_id}";
    /// Delete a trunk.
    DELETE = "delete_trunk", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/trunks/{id}";
    /// Remove tags from a trunk.
    DELETE_TAGS = "delete_trunk:tags", ADMIN_OR_MEMBER, [Project],
        DELETE "/v2.0/trunks/{id}/tags", DELETE "/v2.0/trunks/{id}/tags/{tag_id}";
    /// List the subports of a trunk.
    GET_SUBPORTS = "get_subports", ADMIN_OR_READER, [Project], GET "/v2.0/trunks/{id}/get_subports";
    /// Add subports to a trunk.
    ADD_SUBPORTS = "add_subports", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/trunks/{id}/add_subports";
    /// Remove subports from a trunk.
    REMOVE_SUBPORTS = "remove_subports", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/trunks/{id}/remove_subports";
}
