//! Application credentials and access rules.

::policy::rules! {
    /// Show application credential details.
    GET_APPLICATION_CREDENTIAL = "identity:get_application_credential",
        "(rule:admin_required) or (role:reader and system_scope:all) or rule:owner",
        [System, Project],
        GET "/v3/users/{user_id}/application_credentials/{application_credential_id}",
        HEAD "/v3/users/{user_id}/application_credentials/{application_credential_id}";
    /// List application credentials for a user.
    LIST_APPLICATION_CREDENTIALS = "identity:list_application_credentials",
        "(rule:admin_required) or (role:reader and system_scope:all) or rule:owner",
        [System, Project],
        GET "/v3/users/{user_id}/application_credentials",
        HEAD "/v3/users/{user_id}/application_credentials";
    /// Create an application credential.
    CREATE_APPLICATION_CREDENTIAL = "identity:create_application_credential", "user_id:%(user_id)s", [Project],
        POST "/v3/users/{user_id}/application_credentials";
    /// Delete an application credential.
    DELETE_APPLICATION_CREDENTIAL = "identity:delete_application_credential", "rule:admin_or_owner", [System, Project],
        DELETE "/v3/users/{user_id}/application_credentials/{application_credential_id}";
    /// Show access rule details.
    GET_ACCESS_RULE = "identity:get_access_rule",
        "(role:reader and system_scope:all) or user_id:%(target.user.id)s",
        [System, Project],
        GET "/v3/users/{user_id}/access_rules/{access_rule_id}",
        HEAD "/v3/users/{user_id}/access_rules/{access_rule_id}";
    /// List access rules for a user.
    LIST_ACCESS_RULES = "identity:list_access_rules",
        "(role:reader and system_scope:all) or user_id:%(target.user.id)s",
        [System, Project],
        GET "/v3/users/{user_id}/access_rules",
        HEAD "/v3/users/{user_id}/access_rules";
    /// Delete an access_rule.
    DELETE_ACCESS_RULE = "identity:delete_access_rule",
        "(role:admin and system_scope:all) or user_id:%(target.user.id)s",
        [System, Project],
        DELETE "/v3/users/{user_id}/access_rules/{access_rule_id}";
}
