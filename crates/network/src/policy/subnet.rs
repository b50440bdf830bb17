//! Subnets.

policy::rules! {
    /// Create a subnet.
    CREATE = "create_subnet", "(rule:admin_only) or (role:member and rule:network_owner)", [Project],
        POST "/v2.0/subnets";
    /// Set `service_types` when creating a subnet.
    CREATE_SERVICE_TYPES = "create_subnet:service_types",
        "(rule:admin_only) or (role:member and rule:network_owner)", [Project], POST "/v2.0/subnets";
    /// Add tags to a subnet.
    CREATE_TAGS = "create_subnet:tags",
        "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)", [Project],
        POST "/v2.0/subnets/{id}/tags";
    /// List and show subnets.
    GET = "get_subnet",
        "role:reader and project_id:%(project_id)s or rule:shared or rule:external_network or (rule:admin_only) or (role:reader and rule:network_owner) or rule:service_api", [Project],
        GET "/v2.0/subnets", GET "/v2.0/subnets/{id}";
    /// List and look up tags of a subnet.
    GET_TAGS = "get_subnet:tags",
        "role:reader and project_id:%(project_id)s or rule:shared or rule:external_network or (rule:admin_only) or (role:reader and rule:network_owner)", [Project],
        GET "/v2.0/subnets/{id}/tags", GET "/v2.0/subnets/{id}/tags/{tag_id}";
    /// Change a subnet.
    UPDATE = "update_subnet",
        "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)", [Project],
        PUT "/v2.0/subnets/{id}";
    /// Change `service_types` of a subnet.
    UPDATE_SERVICE_TYPES = "update_subnet:service_types",
        "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)", [Project],
        PUT "/v2.0/subnets/{id}";
    /// Set tags of a subnet.
    UPDATE_TAGS = "update_subnet:tags",
        "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)", [Project],
        PUT "/v2.0/subnets/{id}/tags", PUT "/v2.0/subnets/{id}/tags/{tag_id}";
    /// Delete a subnet.
    DELETE = "delete_subnet",
        "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)", [Project],
        DELETE "/v2.0/subnets/{id}";
    /// Remove tags from a subnet.
    DELETE_TAGS = "delete_subnet:tags",
        "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)", [Project],
        DELETE "/v2.0/subnets/{id}/tags", DELETE "/v2.0/subnets/{id}/tags/{tag_id}";
}
