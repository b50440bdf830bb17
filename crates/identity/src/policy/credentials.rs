//! Credentials for other systems.

::policy::rules! {
    /// Show credentials details.
    GET_CREDENTIAL = "identity:get_credential",
        "(rule:admin_required) or (role:reader and system_scope:all) or user_id:%(target.credential.user_id)s",
        [System, Domain, Project],
        GET "/v3/credentials/{credential_id}";
    /// List credentials.
    LIST_CREDENTIALS = "identity:list_credentials",
        "(rule:admin_required) or (role:reader and system_scope:all) or user_id:%(target.credential.user_id)s",
        [System, Domain, Project],
        GET "/v3/credentials";
    /// Create credential.
    CREATE_CREDENTIAL = "identity:create_credential",
        "(rule:admin_required) or user_id:%(target.credential.user_id)s",
        [System, Domain, Project],
        POST "/v3/credentials";
    /// Update credential.
    UPDATE_CREDENTIAL = "identity:update_credential",
        "(rule:admin_required) or user_id:%(target.credential.user_id)s",
        [System, Domain, Project],
        PATCH "/v3/credentials/{credential_id}";
    /// Delete credential.
    DELETE_CREDENTIAL = "identity:delete_credential",
        "(rule:admin_required) or user_id:%(target.credential.user_id)s",
        [System, Domain, Project],
        DELETE "/v3/credentials/{credential_id}";
}
