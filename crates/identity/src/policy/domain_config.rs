//! What domains set for themselves.

::policy::rules! {
    /// Create domain configuration.
    CREATE_DOMAIN_CONFIG = "identity:create_domain_config", "rule:admin_required", [System, Project],
        PUT "/v3/domains/{domain_id}/config";
    /// Get the entire domain configuration for a domain, an option group within a domain, or a specific configuration option within a group for a domain.
    GET_DOMAIN_CONFIG = "identity:get_domain_config",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/domains/{domain_id}/config",
        HEAD "/v3/domains/{domain_id}/config",
        GET "/v3/domains/{domain_id}/config/{group}",
        HEAD "/v3/domains/{domain_id}/config/{group}",
        GET "/v3/domains/{domain_id}/config/{group}/{option}",
        HEAD "/v3/domains/{domain_id}/config/{group}/{option}";
    /// Get security compliance domain configuration for either a domain or a specific option in a domain.
    GET_SECURITY_COMPLIANCE_DOMAIN_CONFIG = "identity:get_security_compliance_domain_config",
        "",
        [System, Domain, Project],
        GET "/v3/domains/{domain_id}/config/security_compliance",
        HEAD "/v3/domains/{domain_id}/config/security_compliance",
        GET "/v3/domains/{domain_id}/config/security_compliance/{option}",
        HEAD "/v3/domains/{domain_id}/config/security_compliance/{option}";
    /// Update domain configuration for either a domain, specific group or a specific option in a group.
    UPDATE_DOMAIN_CONFIG = "identity:update_domain_config", "rule:admin_required", [System, Project],
        PATCH "/v3/domains/{domain_id}/config",
        PATCH "/v3/domains/{domain_id}/config/{group}",
        PATCH "/v3/domains/{domain_id}/config/{group}/{option}";
    /// Delete domain configuration for either a domain, specific group or a specific option in a group.
    DELETE_DOMAIN_CONFIG = "identity:delete_domain_config", "rule:admin_required", [System, Project],
        DELETE "/v3/domains/{domain_id}/config",
        DELETE "/v3/domains/{domain_id}/config/{group}",
        DELETE "/v3/domains/{domain_id}/config/{group}/{option}";
    /// Get domain configuration default for either a domain, specific group or a specific option in a group.
    GET_DOMAIN_CONFIG_DEFAULT = "identity:get_domain_config_default",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/domains/config/default",
        HEAD "/v3/domains/config/default",
        GET "/v3/domains/config/{group}/default",
        HEAD "/v3/domains/config/{group}/default",
        GET "/v3/domains/config/{group}/{option}/default",
        HEAD "/v3/domains/config/{group}/{option}/default";
}
