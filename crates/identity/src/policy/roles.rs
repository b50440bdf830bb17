//! Roles, global and of domains, and what they imply.

::policy::rules! {
    /// Show role details.
    GET_ROLE = "identity:get_role",
        "(rule:admin_required or (role:reader and system_scope:all)) or (role:manager and rule:domain_managed_target_role)",
        [System, Domain, Project],
        GET "/v3/roles/{role_id}",
        HEAD "/v3/roles/{role_id}";
    /// List roles.
    LIST_ROLES = "identity:list_roles",
        "(rule:admin_required or (role:reader and system_scope:all)) or (role:manager and not domain_id:None)",
        [System, Domain, Project],
        GET "/v3/roles",
        HEAD "/v3/roles";
    /// Create role.
    CREATE_ROLE = "identity:create_role", "rule:admin_required", [System, Project],
        POST "/v3/roles";
    /// Update role.
    UPDATE_ROLE = "identity:update_role", "rule:admin_required", [System, Project],
        PATCH "/v3/roles/{role_id}";
    /// Delete role.
    DELETE_ROLE = "identity:delete_role", "rule:admin_required", [System, Project],
        DELETE "/v3/roles/{role_id}";
    /// Show domain role.
    GET_DOMAIN_ROLE = "identity:get_domain_role",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/roles/{role_id}",
        HEAD "/v3/roles/{role_id}";
    /// List domain roles.
    LIST_DOMAIN_ROLES = "identity:list_domain_roles",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/roles?domain_id={domain_id}",
        HEAD "/v3/roles?domain_id={domain_id}";
    /// Create domain role.
    CREATE_DOMAIN_ROLE = "identity:create_domain_role", "rule:admin_required", [System, Project],
        POST "/v3/roles";
    /// Update domain role.
    UPDATE_DOMAIN_ROLE = "identity:update_domain_role", "rule:admin_required", [System, Project],
        PATCH "/v3/roles/{role_id}";
    /// Delete domain role.
    DELETE_DOMAIN_ROLE = "identity:delete_domain_role", "rule:admin_required", [System, Project],
        DELETE "/v3/roles/{role_id}";
    /// Get information about an association between two roles.
    GET_IMPLIED_ROLE = "identity:get_implied_role",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/roles/{prior_role_id}/implies/{implied_role_id}";
    /// List associations between two roles.
    LIST_IMPLIED_ROLES = "identity:list_implied_roles",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/roles/{prior_role_id}/implies",
        HEAD "/v3/roles/{prior_role_id}/implies";
    /// Create an association between two roles.
    CREATE_IMPLIED_ROLE = "identity:create_implied_role", "rule:admin_required", [System, Project],
        PUT "/v3/roles/{prior_role_id}/implies/{implied_role_id}";
    /// Delete the association between two roles.
    DELETE_IMPLIED_ROLE = "identity:delete_implied_role", "rule:admin_required", [System, Project],
        DELETE "/v3/roles/{prior_role_id}/implies/{implied_role_id}";
    /// List all associations between two roles in the system.
    LIST_ROLE_INFERENCE_RULES = "identity:list_role_inference_rules",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/role_inferences",
        HEAD "/v3/role_inferences";
    /// Check an association between two roles.
    CHECK_IMPLIED_ROLE = "identity:check_implied_role",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        HEAD "/v3/roles/{prior_role_id}/implies/{implied_role_id}";
}
