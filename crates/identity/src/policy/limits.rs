//! Registered limits and limits.

::policy::rules! {
    /// Show registered limit details.
    GET_REGISTERED_LIMIT = "identity:get_registered_limit", "", [System, Domain, Project],
        GET "/v3/registered_limits/{registered_limit_id}",
        HEAD "/v3/registered_limits/{registered_limit_id}";
    /// List registered limits.
    LIST_REGISTERED_LIMITS = "identity:list_registered_limits", "", [System, Domain, Project],
        GET "/v3/registered_limits",
        HEAD "/v3/registered_limits";
    /// Create registered limits.
    CREATE_REGISTERED_LIMITS = "identity:create_registered_limits", "rule:admin_required", [System, Project],
        POST "/v3/registered_limits";
    /// Update registered limit.
    UPDATE_REGISTERED_LIMIT = "identity:update_registered_limit", "rule:admin_required", [System, Project],
        PATCH "/v3/registered_limits/{registered_limit_id}";
    /// Delete registered limit.
    DELETE_REGISTERED_LIMIT = "identity:delete_registered_limit", "rule:admin_required", [System, Project],
        DELETE "/v3/registered_limits/{registered_limit_id}";
    /// Get limit enforcement model.
    GET_LIMIT_MODEL = "identity:get_limit_model", "", [System, Domain, Project],
        GET "/v3/limits/model",
        HEAD "/v3/limits/model";
    /// Show limit details.
    GET_LIMIT = "identity:get_limit",
        "rule:admin_required or (role:reader and system_scope:all) or (domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s) or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)",
        [System, Domain, Project],
        GET "/v3/limits/{limit_id}",
        HEAD "/v3/limits/{limit_id}";
    /// List limits.
    LIST_LIMITS = "identity:list_limits", "", [System, Domain, Project],
        GET "/v3/limits",
        HEAD "/v3/limits";
    /// Create limits.
    CREATE_LIMITS = "identity:create_limits", "rule:admin_required", [System, Project],
        POST "/v3/limits";
    /// Update limit.
    UPDATE_LIMIT = "identity:update_limit", "rule:admin_required", [System, Project],
        PATCH "/v3/limits/{limit_id}";
    /// Delete limit.
    DELETE_LIMIT = "identity:delete_limit", "rule:admin_required", [System, Project],
        DELETE "/v3/limits/{limit_id}";
}
