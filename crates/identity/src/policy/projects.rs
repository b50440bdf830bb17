//! Projects and their tags.

::policy::rules! {
    /// Show project details.
    GET_PROJECT = "identity:get_project",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s) or project_id:%(target.project.id)s",
        [System, Domain, Project],
        GET "/v3/projects/{project_id}";
    /// List projects.
    LIST_PROJECTS = "identity:list_projects",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s)",
        [System, Domain, Project],
        GET "/v3/projects";
    /// List projects for user.
    LIST_USER_PROJECTS = "identity:list_user_projects",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s",
        [System, Domain, Project],
        GET "/v3/users/{user_id}/projects";
    /// Create project.
    CREATE_PROJECT = "identity:create_project",
        "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)",
        [System, Domain, Project],
        POST "/v3/projects";
    /// Update project.
    UPDATE_PROJECT = "identity:update_project",
        "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)",
        [System, Domain, Project],
        PATCH "/v3/projects/{project_id}";
    /// Delete project.
    DELETE_PROJECT = "identity:delete_project",
        "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)",
        [System, Domain, Project],
        DELETE "/v3/projects/{project_id}";
    /// List tags for a project.
    LIST_PROJECT_TAGS = "identity:list_project_tags",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s) or project_id:%(target.project.id)s",
        [System, Domain, Project],
        GET "/v3/projects/{project_id}/tags",
        HEAD "/v3/projects/{project_id}/tags";
    /// Check if project contains a tag.
    GET_PROJECT_TAG = "identity:get_project_tag",
        "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s) or project_id:%(target.project.id)s",
        [System, Domain, Project],
        GET "/v3/projects/{project_id}/tags/{value}",
        HEAD "/v3/projects/{project_id}/tags/{value}";
    /// Replace all tags on a project with the new set of tags.
    UPDATE_PROJECT_TAGS = "identity:update_project_tags",
        "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)",
        [System, Domain, Project],
        PUT "/v3/projects/{project_id}/tags";
    /// Add a single tag to a project.
    CREATE_PROJECT_TAG = "identity:create_project_tag",
        "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)",
        [System, Domain, Project],
        PUT "/v3/projects/{project_id}/tags/{value}";
    /// Remove all tags from a project.
    DELETE_PROJECT_TAGS = "identity:delete_project_tags",
        "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)",
        [System, Domain, Project],
        DELETE "/v3/projects/{project_id}/tags";
    /// Delete a specified tag from project.
    DELETE_PROJECT_TAG = "identity:delete_project_tag",
        "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s)",
        [System, Domain, Project],
        DELETE "/v3/projects/{project_id}/tags/{value}";
}
