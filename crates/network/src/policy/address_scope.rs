//! Address scopes.

use super::{ADMIN, ADMIN_OR_MEMBER};

policy::rules! {
    /// Create an address scope.
    CREATE = "create_address_scope", ADMIN_OR_MEMBER, [Project], POST "/v2.0/address-scopes";
    /// Set `shared` when creating an address scope.
    CREATE_SHARED = "create_address_scope:shared", ADMIN, [Project], POST "/v2.0/address-scopes";
    /// List and show address scopes.
    GET = "get_address_scope",
        "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_address_scopes", [Project],
        GET "/v2.0/address-scopes", GET "/v2.0/address-scopes/{id}";
    /// Change an address scope.
    UPDATE = "update_address_scope", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/address-scopes/{id}";
    /// Change `shared` of an address scope.
    UPDATE_SHARED = "update_address_scope:shared", ADMIN, [Project], PUT "/v2.0/address-scopes/{id}";
    /// Delete an address scope.
    DELETE = "delete_address_scope", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/address-scopes/{id}";
}
