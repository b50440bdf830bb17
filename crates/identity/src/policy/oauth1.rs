//! OAuth 1.0a: consumers and the access that users gave them.

::policy::rules! {
    /// Show OAUTH1 consumer details.
    GET_CONSUMER = "identity:get_consumer",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-OAUTH1/consumers/{consumer_id}";
    /// List OAUTH1 consumers.
    LIST_CONSUMERS = "identity:list_consumers",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-OAUTH1/consumers";
    /// Create OAUTH1 consumer.
    CREATE_CONSUMER = "identity:create_consumer", "rule:admin_required", [System, Project],
        POST "/v3/OS-OAUTH1/consumers";
    /// Update OAUTH1 consumer.
    UPDATE_CONSUMER = "identity:update_consumer", "rule:admin_required", [System, Project],
        PATCH "/v3/OS-OAUTH1/consumers/{consumer_id}";
    /// Delete OAUTH1 consumer.
    DELETE_CONSUMER = "identity:delete_consumer", "rule:admin_required", [System, Project],
        DELETE "/v3/OS-OAUTH1/consumers/{consumer_id}";
    /// Authorize OAUTH1 request token.
    AUTHORIZE_REQUEST_TOKEN = "identity:authorize_request_token", "rule:admin_required", [Project],
        PUT "/v3/OS-OAUTH1/authorize/{request_token_id}";
    /// Get OAUTH1 access token for user by access token ID.
    GET_ACCESS_TOKEN = "identity:get_access_token", "rule:admin_required", [Project],
        GET "/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}";
    /// Get role for user OAUTH1 access token.
    GET_ACCESS_TOKEN_ROLE = "identity:get_access_token_role", "rule:admin_required", [Project],
        GET "/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}";
    /// List OAUTH1 access tokens for user.
    LIST_ACCESS_TOKENS = "identity:list_access_tokens", "rule:admin_required", [Project],
        GET "/v3/users/{user_id}/OS-OAUTH1/access_tokens";
    /// List OAUTH1 access token roles.
    LIST_ACCESS_TOKEN_ROLES = "identity:list_access_token_roles", "rule:admin_required", [Project],
        GET "/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles";
    /// Delete OAUTH1 access token.
    DELETE_ACCESS_TOKEN = "identity:delete_access_token", "rule:admin_required", [Project],
        DELETE "/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}";
}
