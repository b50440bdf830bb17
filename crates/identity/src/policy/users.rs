//! Users.

::policy::rules! {
    /// Show user details.
    GET_USER = "identity:get_user",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and token.domain.id:%(target.user.domain_id)s) or user_id:%(target.user.id)s",
        [System, Domain, Project],
        GET "/v3/users/{user_id}",
        HEAD "/v3/users/{user_id}";
    /// List users.
    LIST_USERS = "identity:list_users",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s)",
        [System, Domain, Project],
        GET "/v3/users",
        HEAD "/v3/users";
    /// Create a user.
    CREATE_USER = "identity:create_user",
        "(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)",
        [System, Domain, Project],
        POST "/v3/users";
    /// Update a user, including administrative password resets.
    UPDATE_USER = "identity:update_user",
        "(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)",
        [System, Domain, Project],
        PATCH "/v3/users/{user_id}";
    /// Delete a user.
    DELETE_USER = "identity:delete_user",
        "(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)",
        [System, Domain, Project],
        DELETE "/v3/users/{user_id}";
}
