//! Who may share what with whom.

use super::{ADMIN_OR_MEMBER, ADMIN_OR_READER};

policy::rules! {
    /// Create an RBAC policy.
    CREATE = "create_rbac_policy", ADMIN_OR_MEMBER, [Project], POST "/v2.0/rbac-policies";
    /// Set `target_tenant` when creating an RBAC policy.
    CREATE_TARGET_TENANT = "create_rbac_policy:target_tenant",
        "rule:admin_only or (not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*)", [Project],
        POST "/v2.0/rbac-policies";
    /// Set `target_project` when creating an RBAC policy.
    CREATE_TARGET_PROJECT = "create_rbac_policy:target_project",
        "rule:admin_only or not field:rbac_policy:target_project=*", [Project],
        POST "/v2.0/rbac-policies";
    /// Change an RBAC policy.
    UPDATE = "update_rbac_policy", ADMIN_OR_MEMBER, [Project], PUT "/v2.0/rbac-policies/{id}";
    /// Change `target_tenant` of an RBAC policy.
    UPDATE_TARGET_TENANT = "update_rbac_policy:target_tenant",
        "rule:admin_only or (not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*)", [Project],
        PUT "/v2.0/rbac-policies/{id}";
    /// Change `target_project` of an RBAC policy.
    UPDATE_TARGET_PROJECT = "update_rbac_policy:target_project",
        "rule:admin_only or not field:rbac_policy:target_project=*", [Project],
        PUT "/v2.0/rbac-policies/{id}";
    /// List and show RBAC policies.
    GET = "get_rbac_policy", ADMIN_OR_READER, [Project], GET "/v2.0/rbac-policies", GET "/v2.0/rbac-policies/{id}";
    /// Delete an RBAC policy.
    DELETE = "delete_rbac_policy", ADMIN_OR_MEMBER, [Project], DELETE "/v2.0/rbac-policies/{id}";
}
