//! Groups and membership.

::policy::rules! {
    /// Show group details.
    GET_GROUP = "identity:get_group",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.group.domain_id)s)",
        [System, Domain, Project],
        GET "/v3/groups/{group_id}",
        HEAD "/v3/groups/{group_id}";
    /// List groups.
    LIST_GROUPS = "identity:list_groups",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.group.domain_id)s)",
        [System, Domain, Project],
        GET "/v3/groups",
        HEAD "/v3/groups";
    /// List groups to which a user belongs.
    LIST_GROUPS_FOR_USER = "identity:list_groups_for_user",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s",
        [System, Domain, Project],
        GET "/v3/users/{user_id}/groups",
        HEAD "/v3/users/{user_id}/groups";
    /// Create group.
    CREATE_GROUP = "identity:create_group",
        "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s)",
        [System, Domain, Project],
        POST "/v3/groups";
    /// Update group.
    UPDATE_GROUP = "identity:update_group",
        "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s)",
        [System, Domain, Project],
        PATCH "/v3/groups/{group_id}";
    /// Delete group.
    DELETE_GROUP = "identity:delete_group",
        "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s)",
        [System, Domain, Project],
        DELETE "/v3/groups/{group_id}";
    /// List members of a specific group.
    LIST_USERS_IN_GROUP = "identity:list_users_in_group",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.group.domain_id)s)",
        [System, Domain, Project],
        GET "/v3/groups/{group_id}/users",
        HEAD "/v3/groups/{group_id}/users";
    /// Remove user from group.
    REMOVE_USER_FROM_GROUP = "identity:remove_user_from_group",
        "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)",
        [System, Domain, Project],
        DELETE "/v3/groups/{group_id}/users/{user_id}";
    /// Check whether a user is a member of a group.
    CHECK_USER_IN_GROUP = "identity:check_user_in_group",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)",
        [System, Domain, Project],
        HEAD "/v3/groups/{group_id}/users/{user_id}",
        GET "/v3/groups/{group_id}/users/{user_id}";
    /// Add user to group.
    ADD_USER_TO_GROUP = "identity:add_user_to_group",
        "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)",
        [System, Domain, Project],
        PUT "/v3/groups/{group_id}/users/{user_id}";
}
