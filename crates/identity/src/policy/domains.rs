//! Domains.

::policy::rules! {
    /// Show domain details.
    GET_DOMAIN = "identity:get_domain",
        "rule:admin_required or (role:reader and system_scope:all) or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s",
        [System, Domain, Project],
        GET "/v3/domains/{domain_id}";
    /// List domains.
    LIST_DOMAINS = "identity:list_domains",
        "rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain.id)s)",
        [System, Domain, Project],
        GET "/v3/domains";
    /// Create domain.
    CREATE_DOMAIN = "identity:create_domain", "rule:admin_required", [System, Project],
        POST "/v3/domains";
    /// Update domain.
    UPDATE_DOMAIN = "identity:update_domain", "rule:admin_required", [System, Project],
        PATCH "/v3/domains/{domain_id}";
    /// Delete domain.
    DELETE_DOMAIN = "identity:delete_domain", "rule:admin_required", [System, Project],
        DELETE "/v3/domains/{domain_id}";
}
