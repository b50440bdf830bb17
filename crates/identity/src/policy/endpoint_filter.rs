//! Endpoint groups, and what a project may see of the catalog.

::policy::rules! {
    /// Create endpoint group.
    CREATE_ENDPOINT_GROUP = "identity:create_endpoint_group", "rule:admin_required", [System, Project],
        POST "/v3/OS-EP-FILTER/endpoint_groups";
    /// List endpoint groups.
    LIST_ENDPOINT_GROUPS = "identity:list_endpoint_groups",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/endpoint_groups";
    /// Get endpoint group.
    GET_ENDPOINT_GROUP = "identity:get_endpoint_group",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}",
        HEAD "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}";
    /// Update endpoint group.
    UPDATE_ENDPOINT_GROUP = "identity:update_endpoint_group", "rule:admin_required", [System, Project],
        PATCH "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}";
    /// Delete endpoint group.
    DELETE_ENDPOINT_GROUP = "identity:delete_endpoint_group", "rule:admin_required", [System, Project],
        DELETE "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}";
    /// List all projects associated with a specific endpoint group.
    LIST_PROJECTS_ASSOCIATED_WITH_ENDPOINT_GROUP = "identity:list_projects_associated_with_endpoint_group",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects";
    /// List all endpoints associated with an endpoint group.
    LIST_ENDPOINTS_ASSOCIATED_WITH_ENDPOINT_GROUP = "identity:list_endpoints_associated_with_endpoint_group",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints";
    /// Check if an endpoint group is associated with a project.
    GET_ENDPOINT_GROUP_IN_PROJECT = "identity:get_endpoint_group_in_project",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}",
        HEAD "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}";
    /// List endpoint groups associated with a specific project.
    LIST_ENDPOINT_GROUPS_FOR_PROJECT = "identity:list_endpoint_groups_for_project",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/projects/{project_id}/endpoint_groups";
    /// Allow a project to access an endpoint group.
    ADD_ENDPOINT_GROUP_TO_PROJECT = "identity:add_endpoint_group_to_project",
        "rule:admin_required",
        [System, Project],
        PUT "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}";
    /// Remove endpoint group from project.
    REMOVE_ENDPOINT_GROUP_FROM_PROJECT = "identity:remove_endpoint_group_from_project",
        "rule:admin_required",
        [System, Project],
        DELETE "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}";
    /// List projects allowed to access an endpoint.
    LIST_PROJECTS_FOR_ENDPOINT = "identity:list_projects_for_endpoint",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/endpoints/{endpoint_id}/projects";
    /// Allow project to access an endpoint.
    ADD_ENDPOINT_TO_PROJECT = "identity:add_endpoint_to_project", "rule:admin_required", [System, Project],
        PUT "/v3/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}";
    /// Check if a project is allowed to access an endpoint.
    CHECK_ENDPOINT_IN_PROJECT = "identity:check_endpoint_in_project",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}",
        HEAD "/v3/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}";
    /// List the endpoints a project is allowed to access.
    LIST_ENDPOINTS_FOR_PROJECT = "identity:list_endpoints_for_project",
        "rule:admin_required or (role:reader and system_scope:all)",
        [System, Project],
        GET "/v3/OS-EP-FILTER/projects/{project_id}/endpoints";
    /// Remove access to an endpoint from a project that has previously been given explicit access.
    REMOVE_ENDPOINT_FROM_PROJECT = "identity:remove_endpoint_from_project",
        "rule:admin_required",
        [System, Project],
        DELETE "/v3/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}";
}
