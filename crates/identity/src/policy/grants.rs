//! Who may see and change who has which role where.

/// Actor and target are both of the domain that the token is scoped to.
macro_rules! within_domain {
    ($role:literal) => {
        concat!(
            "(role:",
            $role,
            " and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or ",
            "(role:",
            $role,
            " and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or ",
            "(role:",
            $role,
            " and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or ",
            "(role:",
            $role,
            " and domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)"
        )
    };
}

/// The role is global, or of that domain.
macro_rules! role_fits {
    () => {
        "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)"
    };
}

/// A domain's manager may hand out a few roles only, else managers could make themselves admin.
macro_rules! changes {
    () => {
        concat!(
            "(rule:admin_required) or (",
            within_domain!("admin"),
            ") and ",
            role_fits!(),
            " or (",
            within_domain!("manager"),
            ") and rule:domain_managed_target_role"
        )
    };
}

::policy::rules! {
    /// Check a role grant between a target and an actor.
    CHECK_GRANT = "identity:check_grant",
        concat!("(rule:admin_required) or ((role:reader and system_scope:all) or (", within_domain!("reader"), ") and ", role_fits!(), ")"),
        [System, Domain, Project],
        HEAD "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
        GET "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
        HEAD "/v3/projects/{project_id}/groups/{group_id}/roles/{role_id}",
        GET "/v3/projects/{project_id}/groups/{group_id}/roles/{role_id}",
        HEAD "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
        GET "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
        HEAD "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}",
        GET "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}",
        HEAD "/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        GET "/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        HEAD "/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
        GET "/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
        HEAD "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        GET "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        HEAD "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
        GET "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects";
    /// List roles granted to an actor on a target.
    LIST_GRANTS = "identity:list_grants",
        concat!("(rule:admin_required) or ((role:reader and system_scope:all) or ", within_domain!("reader"), ")"),
        [System, Domain, Project],
        GET "/v3/projects/{project_id}/users/{user_id}/roles",
        HEAD "/v3/projects/{project_id}/users/{user_id}/roles",
        GET "/v3/projects/{project_id}/groups/{group_id}/roles",
        HEAD "/v3/projects/{project_id}/groups/{group_id}/roles",
        GET "/v3/domains/{domain_id}/users/{user_id}/roles",
        HEAD "/v3/domains/{domain_id}/users/{user_id}/roles",
        GET "/v3/domains/{domain_id}/groups/{group_id}/roles",
        HEAD "/v3/domains/{domain_id}/groups/{group_id}/roles",
        GET "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects",
        GET "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects",
        GET "/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/inherited_to_projects",
        GET "/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/inherited_to_projects";
    /// Create a role grant between a target and an actor.
    CREATE_GRANT = "identity:create_grant",
        changes!(),
        [System, Domain, Project],
        PUT "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
        PUT "/v3/projects/{project_id}/groups/{group_id}/roles/{role_id}",
        PUT "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
        PUT "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}",
        PUT "/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        PUT "/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
        PUT "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        PUT "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects";
    /// Revoke a role grant between a target and an actor.
    REVOKE_GRANT = "identity:revoke_grant",
        changes!(),
        [System, Domain, Project],
        DELETE "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
        DELETE "/v3/projects/{project_id}/groups/{group_id}/roles/{role_id}",
        DELETE "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
        DELETE "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}",
        DELETE "/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        DELETE "/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
        DELETE "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        DELETE "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects";
    /// List all grants a specific user has on the system.
    LIST_SYSTEM_GRANTS_FOR_USER = "identity:list_system_grants_for_user",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        HEAD "/v3/system/users/{user_id}/roles",
        GET "/v3/system/users/{user_id}/roles";
    /// Check if a user has a role on the system.
    CHECK_SYSTEM_GRANT_FOR_USER = "identity:check_system_grant_for_user",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        HEAD "/v3/system/users/{user_id}/roles/{role_id}",
        GET "/v3/system/users/{user_id}/roles/{role_id}";
    /// Grant a user a role on the system.
    CREATE_SYSTEM_GRANT_FOR_USER = "identity:create_system_grant_for_user", "rule:admin_required", [System, Project],
        PUT "/v3/system/users/{user_id}/roles/{role_id}";
    /// Remove a role from a user on the system.
    REVOKE_SYSTEM_GRANT_FOR_USER = "identity:revoke_system_grant_for_user", "rule:admin_required", [System, Project],
        DELETE "/v3/system/users/{user_id}/roles/{role_id}";
    /// List all grants a specific group has on the system.
    LIST_SYSTEM_GRANTS_FOR_GROUP = "identity:list_system_grants_for_group",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        HEAD "/v3/system/groups/{group_id}/roles",
        GET "/v3/system/groups/{group_id}/roles";
    /// Check if a group has a role on the system.
    CHECK_SYSTEM_GRANT_FOR_GROUP = "identity:check_system_grant_for_group",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        HEAD "/v3/system/groups/{group_id}/roles/{role_id}",
        GET "/v3/system/groups/{group_id}/roles/{role_id}";
    /// Grant a group a role on the system.
    CREATE_SYSTEM_GRANT_FOR_GROUP = "identity:create_system_grant_for_group", "rule:admin_required", [System, Project],
        PUT "/v3/system/groups/{group_id}/roles/{role_id}";
    /// Remove a role from a group on the system.
    REVOKE_SYSTEM_GRANT_FOR_GROUP = "identity:revoke_system_grant_for_group", "rule:admin_required", [System, Project],
        DELETE "/v3/system/groups/{group_id}/roles/{role_id}";
    /// List role assignments.
    LIST_ROLE_ASSIGNMENTS = "identity:list_role_assignments",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)",
        [System, Domain, Project],
        GET "/v3/role_assignments",
        HEAD "/v3/role_assignments";
    /// List all role assignments for a given tree of hierarchical projects.
    LIST_ROLE_ASSIGNMENTS_FOR_TREE = "identity:list_role_assignments_for_tree",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)",
        [System, Domain, Project],
        GET "/v3/role_assignments?include_subtree",
        HEAD "/v3/role_assignments?include_subtree";
}
