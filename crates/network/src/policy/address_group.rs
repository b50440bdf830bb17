//! Address groups.

use super::ADMIN_OR_MEMBER;

policy::rules! {
    /// Create an address group.
    CREATE = "create_address_group", ADMIN_OR_MEMBER, [Project], POST "/v2.0/address-groups";
    /// List and show address groups.
    GET = "get_address_group",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_address_groups", [Project],
        GET "/v2.0/address-groups", GET "/v2.0/address-groups/{id}";
    /// Change an address group.
    UPDATE = "update_address_group", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/address-groups/{id}";
    /// Delete an address group.
    DELETE = "delete_address_group", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/address-groups/{id}";
    /// Add addresses to an address group.
    ADD_ADDRESSES = "add_addresses", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/address-groups/{id}/add_addresses";
    /// Remove addresses from an address group.
    REMOVE_ADDRESSES = "remove_addresses", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/address-groups/{id}/remove_addresses";
}
