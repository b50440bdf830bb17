//! Tokens: who may look at, validate and end them.

::policy::rules! {
    /// Check a token.
    CHECK_TOKEN = "identity:check_token",
        "rule:admin_required or (role:reader and system_scope:all) or rule:token_subject",
        [System, Domain, Project],
        HEAD "/v3/auth/tokens";
    /// Validate a token.
    VALIDATE_TOKEN = "identity:validate_token",
        "rule:admin_required or (role:reader and system_scope:all) or rule:service_role or rule:token_subject",
        [System, Domain, Project],
        GET "/v3/auth/tokens";
    /// Revoke a token.
    REVOKE_TOKEN = "identity:revoke_token", "rule:admin_required or rule:token_subject", [System, Domain, Project],
        DELETE "/v3/auth/tokens";
    /// Revoke all tokens for a user.
    REVOKE_TOKENS_FOR_USER = "identity:revoke_tokens_for_user", "rule:admin_or_owner", [System, Domain, Project],
        DELETE "/v3/users/{user_id}/tokens";
    /// List revocation events.
    LIST_REVOKE_EVENTS = "identity:list_revoke_events", "rule:service_or_admin", [System, Project],
        GET "/v3/OS-REVOKE/events";
    /// Get service catalog.
    GET_AUTH_CATALOG = "identity:get_auth_catalog", "", [],
        GET "/v3/auth/catalog",
        HEAD "/v3/auth/catalog";
    /// List all projects a user has access to via role assignments.
    GET_AUTH_PROJECTS = "identity:get_auth_projects", "", [],
        GET "/v3/auth/projects",
        HEAD "/v3/auth/projects";
    /// List all domains a user has access to via role assignments.
    GET_AUTH_DOMAINS = "identity:get_auth_domains", "", [],
        GET "/v3/auth/domains",
        HEAD "/v3/auth/domains";
    /// List systems a user has access to via role assignments.
    GET_AUTH_SYSTEM = "identity:get_auth_system", "", [],
        GET "/v3/auth/system",
        HEAD "/v3/auth/system";
}
